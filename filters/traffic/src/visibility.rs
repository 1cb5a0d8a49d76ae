//! Who sees a resource: `exportTo`.

/// How a resource comes to be seen. Where several are in question, proxies ask them in this order
/// (Istio, `VirtualServicesForGateway` and `SelectVirtualServices` in `pilot/pkg/model`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// It names the namespace that it is in.
    Private,
    /// It names another namespace.
    Exported,
    /// Everybody sees it.
    Public,
}

/// How proxies in the namespace `viewer` see a resource of `namespace` with that `exportTo`; `None` if they do not.
///
/// `*` is everybody, `~` nobody, `.` the resource's own namespace; without any entry everybody sees it
/// (Istio, `initVirtualServices` in `pilot/pkg/model/push_context.go`).
///
/// ```
/// use serin_traffic::visibility::{Visibility, seen_from};
///
/// let own = [".".to_owned()];
/// assert_eq!(seen_from("prod", &own, "prod"), Some(Visibility::Private));
/// assert_eq!(seen_from("prod", &own, "test"), None);
/// assert_eq!(seen_from("prod", &[], "test"), Some(Visibility::Public));
/// ```
pub fn seen_from(namespace: &str, export_to: &[String], viewer: &str) -> Option<Visibility> {
    let says = |wanted: &str| export_to.iter().any(|entry| entry == wanted);
    if export_to.is_empty() || says("*") {
        Some(Visibility::Public)
    } else if says("~") {
        None
    } else if viewer == namespace && (says(".") || says(namespace)) {
        Some(Visibility::Private)
    } else if viewer != namespace && says(viewer) {
        Some(Visibility::Exported)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn a_resource_is_seen_by_those_whom_it_is_exported_to() {
        use Visibility::{Exported, Private, Public};
        for (export_to, home, abroad, elsewhere) in [
            (&[][..], Some(Public), Some(Public), Some(Public)),
            (&["*"], Some(Public), Some(Public), Some(Public)),
            (&["."], Some(Private), None, None),
            (&["home"], Some(Private), None, None),
            (&["~"], None, None, None),
            (&["abroad"], None, Some(Exported), None),
            (&[".", "abroad"], Some(Private), Some(Exported), None),
            (&["home", "abroad"], Some(Private), Some(Exported), None),
            (&["*", "~"], Some(Public), Some(Public), Some(Public)),
            (&["abroad", "~"], None, None, None),
        ] {
            let export_to: Vec<String> = export_to.iter().map(|entry| (*entry).to_owned()).collect();
            let seen = ["home", "abroad", "elsewhere"].map(|viewer| seen_from("home", &export_to, viewer));
            assert_eq!(seen, [home, abroad, elsewhere], "{export_to:?}");
        }
    }
}

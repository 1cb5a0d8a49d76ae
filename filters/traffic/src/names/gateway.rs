//! The names of gateways: how rules call them, and what they are called in full.

/// The name of the gateway that stands for every sidecar of the mesh.
pub const MESH: &str = "mesh";

/// `namespace/name` of the gateway that rules in `namespace` call `name`: `name`, `./name`, `namespace/name`, or the old
/// form `name.namespace.svc.cluster.local`; `mesh` stays what it is (Istio, `resolveGatewayName` in
/// `pilot/pkg/model/config.go`).
///
/// ```
/// use serin_traffic::names::gateway::full_name;
///
/// for name in ["front", "./front", "default/front", "front.default", "front.default.svc.cluster.local"] {
///     assert_eq!(full_name(name, "default"), "default/front");
/// }
/// assert_eq!(full_name("mesh", "default"), "mesh");
/// ```
pub fn full_name(name: &str, namespace: &str) -> String {
    if name == MESH {
        return name.to_owned();
    }
    match name.split_once('/') {
        Some((".", gateway)) => format!("{namespace}/{gateway}"),
        Some(_) => name.to_owned(),
        None => {
            let mut labels = name.split('.');
            match (labels.next(), labels.next()) {
                (Some(gateway), Some(namespace)) => format!("{namespace}/{gateway}"),
                _ => format!("{namespace}/{name}"),
            }
        }
    }
}

/// The gateways of a VirtualService in `namespace`, by their full names: the mesh if it names none.
///
/// ```
/// use serin_traffic::names::gateway::full_names;
///
/// assert_eq!(full_names(&[], "default"), ["mesh"]);
/// assert_eq!(full_names(&["./front".to_owned(), "mesh".to_owned()], "default"), ["default/front", "mesh"]);
/// ```
pub fn full_names(gateways: &[String], namespace: &str) -> Vec<String> {
    if gateways.is_empty() {
        return vec![MESH.to_owned()];
    }
    gateways.iter().map(|name| full_name(name, namespace)).collect()
}

//! Which gateway this proxy is, and which gateways rules are for.

use crate::names::gateway::{MESH, full_name};
use crate::refusal::{Place, Refusal};

/// The gateway that this proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Gateway {
    /// A sidecar.
    Mesh,
    /// A gateway, as `namespace/name`.
    Named(String),
}

impl Gateway {
    /// Reads the configuration's `gateway`.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Refusal> {
        match text {
            None | Some(MESH) => Ok(Self::Mesh),
            Some(name) => match name.split_once('/') {
                Some((namespace, gateway))
                    if !namespace.is_empty() && !gateway.is_empty() && !gateway.contains('/') =>
                {
                    Ok(Self::Named(name.to_owned()))
                }
                _ => Err(Refusal::new("gateway", format!("{name} is neither `mesh` nor `namespace/name`"))),
            },
        }
    }

    /// The gateway's own namespace and name.
    pub(super) fn names(&self) -> Option<(&str, &str)> {
        match self {
            Self::Mesh => None,
            Self::Named(full) => full.split_once('/'),
        }
    }

    pub(super) fn is_mesh(&self) -> bool {
        *self == Self::Mesh
    }

    /// Whether this gateway is among `gateways`, written in `namespace` at `place`; no gateways mean the mesh.
    pub(super) fn is_among(&self, place: &Place<'_>, gateways: &[String], namespace: &str) -> Result<bool, Refusal> {
        let mut among = gateways.is_empty() && self.is_mesh();
        for (index, name) in gateways.iter().enumerate() {
            if name.is_empty() {
                return Err(place.index(index).refuse("must not be empty"));
            }
            among |= match self {
                Self::Mesh => name == MESH,
                Self::Named(own) => name != MESH && *own == full_name(name, namespace),
            };
        }
        Ok(among)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn is_among(own: &str, gateways: &[&str]) -> bool {
        let gateways: Vec<String> = gateways.iter().map(|name| (*name).to_owned()).collect();
        Gateway::parse(Some(own)).unwrap().is_among(&Place::root("gateways"), &gateways, "default").unwrap()
    }

    #[test]
    fn without_gateways_rules_are_for_the_mesh() {
        assert!(is_among("mesh", &[]));
        assert!(!is_among("default/bookinfo", &[]));
    }

    #[test]
    fn a_gateway_is_known_by_each_of_its_names() {
        for name in ["bookinfo", "./bookinfo", "default/bookinfo", "bookinfo.default.svc.cluster.local"] {
            assert!(is_among("default/bookinfo", &["mesh", name]), "{name}");
            assert!(!is_among("prod/bookinfo", &[name]), "{name}");
        }
        assert!(!is_among("mesh", &["bookinfo"]));
    }

    #[test]
    fn a_gateway_without_namespace_is_refused() {
        assert_eq!(
            Gateway::parse(Some("bookinfo")).unwrap_err().to_string(),
            "gateway: bookinfo is neither `mesh` nor `namespace/name`"
        );
    }
}

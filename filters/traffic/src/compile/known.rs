//! What the manifests beside the VirtualServices say: ports of Services, subsets of DestinationRules.

use super::Surroundings;
use crate::host_name::full_name;
use crate::written::{Manifest, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Ports and subsets, by the full name of their host.
pub(super) struct Known {
    only_ports: BTreeMap<String, Option<u16>>,
    subsets: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    pub(super) fn of(manifests: &[Manifest], world: &Surroundings) -> Self {
        let mut known = Self { only_ports: BTreeMap::new(), subsets: BTreeMap::new() };
        for manifest in manifests {
            let namespace = world.namespace_of(manifest);
            match &manifest.spec {
                Spec::Service(service) => {
                    let host = full_name(&manifest.metadata.name, namespace, &world.cluster_domain);
                    let only = match service.ports.as_slice() {
                        [only] => Some(only.port),
                        _ => None,
                    };
                    known.only_ports.insert(host, only);
                }
                Spec::DestinationRule(rule) => {
                    let host = full_name(&rule.host, namespace, &world.cluster_domain);
                    let names = rule.subsets.iter().map(|subset| subset.name.clone());
                    known.subsets.entry(host).or_default().extend(names);
                }
                Spec::VirtualService(_) | Spec::CanaryPolicy(_) => {}
            }
        }
        known
    }

    /// The only port of the Service `host`, if it is known and has just one.
    pub(super) fn only_port(&self, host: &str) -> Option<u16> {
        self.only_ports.get(host).copied().flatten()
    }

    /// Whether a DestinationRule declares `subset` of `host`.
    pub(super) fn has_subset(&self, host: &str, subset: &str) -> bool {
        self.subsets.get(host).is_some_and(|subsets| subsets.contains(subset))
    }
}

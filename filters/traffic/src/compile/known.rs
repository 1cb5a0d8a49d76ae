//! What the manifests beside the VirtualServices say: ports and pods of Services, subsets of DestinationRules.

use super::Surroundings;
use crate::cluster_name::subset_of_labels;
use crate::host_name::full_name;
use crate::written::{Manifest, Spec};
use std::collections::{BTreeMap, BTreeSet};

/// Ports, pods and subsets, by the full name of their host.
#[derive(Default)]
pub(super) struct Known {
    only_ports: BTreeMap<String, Option<u16>>,
    /// The namespace of a Service and the labels of its pods, where it selects any.
    selectors: BTreeMap<String, (String, BTreeMap<String, String>)>,
    subsets: BTreeMap<String, BTreeSet<String>>,
    /// The name of the subset that has just these labels.
    by_labels: BTreeMap<(String, BTreeMap<String, String>), String>,
}

impl Known {
    pub(super) fn of(manifests: &[Manifest], world: &Surroundings) -> Self {
        let mut known = Self::default();
        for manifest in manifests {
            let namespace = world.namespace_of(manifest);
            match &manifest.spec {
                Spec::Service(service) => {
                    let host = full_name(&manifest.metadata.name, namespace, &world.cluster_domain);
                    if let Some(selector) = service.selector() {
                        known.selectors.insert(host.clone(), (namespace.to_owned(), selector));
                    }
                    known.only_ports.insert(host, only(service.ports.iter().map(|port| port.port)));
                }
                Spec::ServiceEntry(entry) => {
                    for host in &entry.hosts {
                        let host = full_name(host, namespace, &world.cluster_domain);
                        known.only_ports.insert(host, only(entry.ports.iter().map(|port| port.number)));
                    }
                }
                Spec::DestinationRule(rule) => {
                    let host = full_name(&rule.host, namespace, &world.cluster_domain);
                    let names = rule.subsets.iter().map(|subset| subset.name.clone());
                    known.subsets.entry(host.clone()).or_default().extend(names);
                    for subset in &rule.subsets {
                        // Of two with the same labels the first by name, in whichever order they stand.
                        let name = known.by_labels.entry((host.clone(), subset.labels.clone()));
                        let name = name.or_insert_with(|| subset.name.clone());
                        if subset.name < *name {
                            name.clone_from(&subset.name);
                        }
                    }
                }
                Spec::VirtualService(_) | Spec::CanaryPolicy(_) | Spec::RouteRule(_) | Spec::Foreign(_) => {}
            }
        }
        known
    }

    /// The only port of the Service or ServiceEntry `host`, if it is known and has just one.
    pub(super) fn only_port(&self, host: &str) -> Option<u16> {
        self.only_ports.get(host).copied().flatten()
    }

    /// Whether a DestinationRule declares `subset` of `host`.
    pub(super) fn has_subset(&self, host: &str, subset: &str) -> bool {
        self.subsets.get(host).is_some_and(|subsets| subsets.contains(subset))
    }

    /// Whether the Service `host` selects the workload; `None` if it is not among the resources, or selects nothing.
    pub(super) fn selects(&self, host: &str, namespace: &str, labels: &BTreeMap<String, String>) -> Option<bool> {
        let (home, selector) = self.selectors.get(host)?;
        Some(home == namespace && selector.iter().all(|(name, value)| labels.get(name) == Some(value)))
    }

    /// The name of the subset of `host` that has just these labels: that of a DestinationRule, else the labels themselves,
    /// which are a subset from then on.
    pub(super) fn subset_with(&mut self, host: &str, labels: &BTreeMap<String, String>) -> Option<String> {
        if labels.is_empty() {
            return None;
        }
        let declared = self.by_labels.get(&(host.to_owned(), labels.clone()));
        let name = declared.cloned().unwrap_or_else(|| subset_of_labels(labels));
        self.subsets.entry(host.to_owned()).or_default().insert(name.clone());
        Some(name)
    }
}

/// The port, if it is the only one.
fn only(mut ports: impl Iterator<Item = u16>) -> Option<u16> {
    ports.next().filter(|_| ports.next().is_none())
}

//! What the manifests beside the VirtualServices say: ports and pods of Services, subsets of DestinationRules, hosts of the
//! Gateway.

use super::Surroundings;
use crate::destination_rules::{Candidate, DestinationRules, Service};
use crate::names::cluster::subset_of_labels;
use crate::names::host::{full_name, service_of};
use crate::sorted::Sorted;
use crate::visibility::seen_from;
use crate::written::{DestinationRule, Gateway, Manifest, Spec, Subset};
use std::collections::BTreeMap;

/// What this proxy sees of them.
pub(super) struct Known<'a> {
    cluster_domain: &'a str,
    /// By the full name of the Service.
    only_ports: Sorted<String, Option<u16>>,
    /// The namespaces of ServiceEntries, by their hosts.
    entries: Sorted<String, &'a str>,
    /// The namespace of a Service and the labels of its pods, where it selects any.
    selectors: Sorted<String, (String, BTreeMap<String, String>)>,
    destination_rules: DestinationRules<'a>,
    /// The DestinationRules, each in its place among the candidates.
    rules: Vec<&'a DestinationRule>,
    /// The subsets that are called by their labels, each with the full name of its host.
    by_labels: Sorted<(String, String), ()>,
    /// The Gateway that this proxy is, if it is among the manifests.
    pub(super) gateway: Option<&'a Gateway>,
}

impl<'a> Known<'a> {
    #[inline(never)]
    pub(super) fn of(manifests: &'a [Manifest], world: &'a Surroundings) -> Self {
        let (mut only_ports, mut selectors, mut entries) = (Sorted::default(), Sorted::default(), Sorted::default());
        let (mut candidates, mut rules, mut own_gateway) = (Vec::new(), Vec::new(), None);
        for manifest in manifests {
            let namespace = world.namespace_of(manifest);
            let name = manifest.metadata.name.as_str();
            match &manifest.spec {
                Spec::Service(service) => {
                    let host = full_name(name, namespace, &world.cluster_domain);
                    if let Some(selector) = service.selector() {
                        selectors.insert(host.clone(), (namespace.to_owned(), selector));
                    }
                    if seen_from(namespace, &manifest.metadata.export_to(), world.own_namespace()).is_some() {
                        only_ports.insert(host, only(service.ports.iter().map(|port| port.port)));
                    }
                }
                Spec::ServiceEntry(entry) => {
                    if seen_from(namespace, &entry.export_to, world.own_namespace()).is_some() {
                        for host in &entry.hosts {
                            let host = full_name(host, namespace, &world.cluster_domain);
                            entries.get_or_insert_with(host.clone(), || namespace);
                            only_ports.insert(host, only(entry.ports.iter().map(|port| port.number)));
                        }
                    }
                }
                Spec::DestinationRule(rule) => {
                    let host = full_name(&rule.host, namespace, &world.cluster_domain);
                    candidates.push(Candidate { metadata: &manifest.metadata, namespace, host, rule });
                    rules.push(&**rule);
                }
                Spec::Gateway(gateway) => {
                    if world.gateway.names() == Some((namespace, name)) {
                        own_gateway = Some(gateway);
                    }
                }
                Spec::VirtualService(_) | Spec::CanaryPolicy(_) | Spec::RouteRule(_) | Spec::Foreign(_) => {}
            }
        }
        Self {
            cluster_domain: &world.cluster_domain,
            only_ports,
            entries,
            selectors,
            destination_rules: DestinationRules::of(candidates, &world.source, world.own_namespace()),
            rules,
            by_labels: Sorted::default(),
            gateway: own_gateway,
        }
    }

    /// The full names of the Services.
    pub(super) fn services(&self) -> impl Iterator<Item = &str> {
        self.only_ports.keys().map(String::as_str)
    }

    /// The only port of the Service or ServiceEntry `host`, if it is known and has just one.
    pub(super) fn only_port(&self, host: &str) -> Option<u16> {
        self.only_ports.get(host).copied().flatten()
    }

    /// Whether a DestinationRule declares `subset` of `host`, or it is called by its labels.
    pub(super) fn has_subset(&self, host: &str, subset: &str) -> bool {
        self.by_labels.has(&(host.to_owned(), subset.to_owned()))
            || self.declared(host).iter().any(|declared| declared.name == subset)
    }

    /// The subsets of `host` that DestinationRules declare.
    fn declared(&self, host: &str) -> Vec<&'a Subset> {
        let of_service = || service_of(host, self.cluster_domain).map(|(_, namespace)| namespace);
        let namespace = self.entries.get(host).copied().or_else(of_service);
        let places = self.destination_rules.places(Service { host, namespace });
        let rules = places.into_iter().filter_map(|place| self.rules.get(place).copied());
        rules.flat_map(|rule| &rule.subsets).collect()
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
        // Of two with the same labels the first by name, in whichever order they stand.
        let alike = self.declared(host).into_iter().filter(|subset| subset.labels == *labels);
        if let Some(declared) = alike.map(|subset| &subset.name).min() {
            return Some(declared.clone());
        }
        let name = subset_of_labels(labels);
        self.by_labels.insert((host.to_owned(), name.clone()), ());
        Some(name)
    }
}

/// The port, if it is the only one.
fn only(mut ports: impl Iterator<Item = u16>) -> Option<u16> {
    ports.next().filter(|_| ports.next().is_none())
}

//! Clusters: one for each port of each service, and one for each subset of it; what RouteRules name by labels is one too.

use super::http_options::speak_http2;
use super::members::{Member, endpoint, is_elsewhere, members};
use super::options::Endpoints;
use super::traffic_policy::Settings;
use super::upstream_tls::Peer;
use crate::manifests::{CLUSTER_DOMAIN, Mistake, Origin, PortProtocol, Resolution, Service, ServicePort, World};
use serde_json::{Value, json};
use serin_traffic::destination_rules::{Candidate, DestinationRules};
use serin_traffic::names::host::full_name;
use serin_traffic::written::{DestinationRule, Source, Subset};
use serin_traffic::{ClusterTemplate, ISTIO_TEMPLATE, subset_of_labels};
use std::collections::{BTreeMap, BTreeSet};

/// A cluster, and the key by which an endpoint is chosen, if there is one.
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) configuration: Value,
    pub(crate) key: Option<Value>,
}

/// Istio's name for the cluster of a service's port, or of a subset of it.
pub(crate) fn service_cluster(full_name: &str, subset: Option<&str>, port: u16) -> String {
    match ClusterTemplate::parse(ISTIO_TEMPLATE) {
        Ok(template) => template.name(full_name, subset, Some(port)).with_port(None).into_owned(),
        Err(refusal) => unreachable!("Istio's template is one: {refusal}"),
    }
}

/// The clusters of a proxy, and what of the manifests they do without.
#[derive(Default)]
pub(crate) struct Clusters {
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) warnings: Vec<Mistake>,
}

/// The clusters that `viewers` need, who call through this Envoy. Where they see different DestinationRules, those of the
/// first that sees any are taken: a cluster is there once.
pub(crate) fn clusters(world: &World, viewers: &[Source], endpoints: &Endpoints) -> Result<Clusters, Mistake> {
    let mut drawn = Clusters::default();
    let undeclared = world.undeclared_labels();
    let rules = Rules::of(world, viewers);
    let namespaces: BTreeSet<&str> = viewers.iter().filter_map(|viewer| viewer.namespace.as_deref()).collect();
    let is_seen = |service: &&Service| namespaces.iter().any(|viewer| service.is_seen_from(viewer));
    for service in world.services.iter().filter(is_seen) {
        let rules = rules.for_service(service);
        if service.ports.is_empty() {
            let reason = format!("{} has no port, and so no cluster", service.host);
            drawn.warnings.push(service.origin.mistake(reason));
        }
        let drawing = Drawing { service, rules: &rules, world, endpoints };
        drawn.warnings.extend(drawing.nobody_there());
        let full = service.full_name();
        let by_labels = undeclared.iter().filter(|((host, _), _)| *host == full).map(|((_, labels), traffic)| {
            let subset = Subset { name: subset_of_labels(labels), labels: (*labels).clone(), traffic_policy: None };
            (&traffic.origin, subset)
        });
        let by_labels: Vec<(&Origin, Subset)> = by_labels.collect();
        for port in &service.ports {
            drawn.add(drawing.cluster(port, None)?);
            let mut names = BTreeSet::new();
            for (origin, rule) in &rules {
                for (index, subset) in rule.subsets.iter().enumerate() {
                    if names.insert(&subset.name) {
                        drawn.add(drawing.cluster(port, Some((*origin, index, subset)))?);
                    }
                }
            }
            for (origin, subset) in &by_labels {
                drawn.add(drawing.cluster(port, Some((*origin, 0, subset)))?);
            }
        }
    }
    Ok(drawn)
}

impl Clusters {
    fn add(&mut self, (cluster, warnings): (Cluster, Vec<Mistake>)) {
        self.clusters.push(cluster);
        for warning in warnings {
            // It is the same for each port and subset.
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

/// The DestinationRules of a world, as those see them who call.
struct Rules<'a> {
    all: Vec<(&'a Origin, &'a DestinationRule)>,
    seen: Vec<DestinationRules<'a>>,
}

impl<'a> Rules<'a> {
    fn of(world: &'a World, viewers: &'a [Source]) -> Self {
        let candidates = || {
            world.destination_rules().map(|(traffic, rule)| Candidate {
                metadata: &traffic.manifest.metadata,
                namespace: &traffic.namespace,
                host: full_name(&rule.host, &traffic.namespace, CLUSTER_DOMAIN),
                rule,
            })
        };
        let seen_by = |viewer: &'a Source| {
            let namespace = viewer.namespace.as_deref().unwrap_or(&world.namespace);
            DestinationRules::of(candidates(), viewer, namespace)
        };
        Self {
            all: world.destination_rules().map(|(traffic, rule)| (&traffic.origin, rule)).collect(),
            seen: viewers.iter().map(seen_by).collect(),
        }
    }

    /// Those for a service, in the order in which they are merged.
    fn for_service(&self, service: &Service) -> Vec<(&'a Origin, &'a DestinationRule)> {
        let host = service.full_name();
        let asked = serin_traffic::destination_rules::Service { host: &host, namespace: Some(&service.namespace) };
        let places = self.seen.iter().map(|rules| rules.places(asked)).find(|places| !places.is_empty());
        places.unwrap_or_default().into_iter().filter_map(|place| self.all.get(place).copied()).collect()
    }
}

/// What the clusters of a service are drawn from.
struct Drawing<'a> {
    service: &'a Service,
    rules: &'a [(&'a Origin, &'a DestinationRule)],
    world: &'a World,
    endpoints: &'a Endpoints,
}

impl<'a> Drawing<'a> {
    /// What there is to say of a service that nobody stands behind, or only somebody of ours.
    fn nobody_there(&self) -> Option<Mistake> {
        let Self { service, world, endpoints, .. } = self;
        let members = members(service, &BTreeMap::new(), world);
        if members.is_empty() {
            let kinds = "Deployment, StatefulSet, DaemonSet, ReplicaSet, Rollout or Pod";
            let reason = if service.selector.is_empty() {
                "has neither a selector nor endpoints: requests to it end in 503".to_owned()
            } else {
                format!("no {kinds} among the manifests has the labels of its selector: requests to it end in 503")
            };
            return Some(service.origin.mistake(reason));
        }
        let is_played = matches!(endpoints, Endpoints::Addresses(_)) && is_elsewhere(&members);
        is_played.then(|| {
            let reason = format!("an echo server of ours stands in for {}: nothing outside is contacted", service.host);
            service.origin.mistake(reason)
        })
    }

    fn cluster(
        &self,
        port: &ServicePort,
        subset: Option<(&Origin, usize, &Subset)>,
    ) -> Result<(Cluster, Vec<Mistake>), Mistake> {
        let Self { service, rules, world, endpoints } = self;
        let name = service_cluster(&service.host, subset.map(|(_, _, subset)| subset.name.as_str()), port.number);
        let none = BTreeMap::new();
        let labels = subset.map_or(&none, |(_, _, subset)| &subset.labels);
        let members = members(service, labels, world);
        let addresses: Vec<_> = members.iter().flat_map(|member| member.addresses(service, port, endpoints)).collect();
        let is_by_name = addresses.iter().any(|address| address.is_name());
        let resolution = service.outside.as_ref().map(|outside| outside.resolution);
        let kind = match resolution {
            _ if !is_by_name => "STATIC",
            // Envoy takes the first address of one name only.
            Some(Resolution::DnsRoundRobin) if addresses.len() == 1 => "LOGICAL_DNS",
            _ => "STRICT_DNS",
        };
        let lb_endpoints: Vec<Value> = addresses.iter().map(endpoint).collect();
        let mut configuration = json!({
            "name": name,
            "type": kind,
            "connect_timeout": "10s",
            "lb_policy": "LEAST_REQUEST",
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": lb_endpoints}]},
        });
        if is_by_name && resolution.is_some() {
            // As Istio has it; and a name with addresses of both kinds is reached from where there is only IPv4, too.
            configuration["dns_lookup_family"] = "V4_PREFERRED".into();
            configuration["respect_dns_ttl"] = true.into();
        }
        if port.protocol == PortProtocol::Http2 {
            speak_http2(&mut configuration);
        }

        let mut settings = Settings::default();
        for (from, rule) in *rules {
            // Istio merges the subsets of several rules, and keeps the first rule's policy.
            if let (false, Some(policy)) = (settings.has_any(), &rule.traffic_policy) {
                settings.overlay(from, "spec.trafficPolicy", policy, port.number);
            }
        }
        if let Some((from, index, Subset { traffic_policy: Some(policy), .. })) = subset {
            settings.overlay(from, &format!("spec.subsets[{index}].trafficPolicy"), policy, port.number);
        }
        let is_echo = matches!(endpoints, Endpoints::Addresses(_)) && !members.iter().any(Member::is_local_outside);
        let peer = if is_echo { Peer::Echo } else { Peer::Real { world } };
        let (key, warnings) = settings.apply(&mut configuration, &peer)?;
        Ok((Cluster { name, configuration, key }, warnings))
    }
}

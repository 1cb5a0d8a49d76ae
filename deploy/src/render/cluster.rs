//! Clusters: one for each port of each Service, and one for each subset of it; what RouteRules name by labels is one too.

use super::host_names::covers;
use super::traffic_policy::Settings;
use crate::manifests::{
    CLUSTER_DOMAIN, Deployment, Mistake, Origin, PortProtocol, Replica, Service, ServicePort, TargetPort, World,
};
use serde_json::{Value, json};
use serin_traffic::host_name::full_name;
use serin_traffic::written::{DestinationRule, Subset};
use serin_traffic::{ClusterTemplate, ISTIO_TEMPLATE, subset_of_labels};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Where the pods are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// At these addresses; a pod without one has no endpoint.
    Addresses(BTreeMap<Replica, SocketAddr>),
    /// Under the name of their Deployment, as in Docker Compose; Envoy asks the DNS.
    Names,
}

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

/// The clusters that `world` needs.
pub(crate) fn clusters(world: &World, endpoints: &Endpoints) -> Result<Vec<Cluster>, Mistake> {
    let mut clusters = Vec::new();
    let undeclared = world.undeclared_labels();
    for service in &world.services {
        let rules = rules_of(service, world);
        let full = service.full_name();
        let by_labels = undeclared.iter().filter(|((host, _), _)| *host == full).map(|((_, labels), traffic)| {
            let subset = Subset { name: subset_of_labels(labels), labels: (*labels).clone(), traffic_policy: None };
            (&traffic.origin, subset)
        });
        let by_labels: Vec<(&Origin, Subset)> = by_labels.collect();
        for port in &service.ports {
            clusters.push(cluster(service, port, &rules, None, world, endpoints)?);
            let mut names = BTreeSet::new();
            for (origin, rule) in &rules {
                for (index, subset) in rule.subsets.iter().enumerate() {
                    if names.insert(&subset.name) {
                        let subset = Some((*origin, index, subset));
                        clusters.push(cluster(service, port, &rules, subset, world, endpoints)?);
                    }
                }
            }
            for (origin, subset) in &by_labels {
                clusters.push(cluster(service, port, &rules, Some((*origin, 0, subset)), world, endpoints)?);
            }
        }
    }
    Ok(clusters)
}

/// The DestinationRules of a service: those that name it; else those with the longest wildcard that covers it.
fn rules_of<'a>(service: &Service, world: &'a World) -> Vec<(&'a Origin, &'a DestinationRule)> {
    let full = service.full_name();
    let host = |namespace: &str, rule: &DestinationRule| full_name(&rule.host, namespace, CLUSTER_DOMAIN);
    let hosts = world.destination_rules().map(|(traffic, rule)| (traffic, rule, host(&traffic.namespace, rule)));
    let covering: Vec<_> = hosts.filter(|(_, _, host)| covers(host, &full)).collect();
    let exact = covering.iter().any(|(_, _, host)| *host == full);
    let longest = covering.iter().map(|(_, _, host)| host.len()).max();
    let most_specific =
        covering.into_iter().filter(|(_, _, host)| if exact { *host == full } else { Some(host.len()) == longest });
    most_specific.map(|(traffic, rule, _)| (&traffic.origin, rule)).collect()
}

fn cluster(
    service: &Service,
    port: &ServicePort,
    rules: &[(&Origin, &DestinationRule)],
    subset: Option<(&Origin, usize, &Subset)>,
    world: &World,
    endpoints: &Endpoints,
) -> Result<Cluster, Mistake> {
    let name = service_cluster(&service.full_name(), subset.map(|(_, _, subset)| subset.name.as_str()), port.number);
    let none = BTreeMap::new();
    let labels = subset.map_or(&none, |(_, _, subset)| &subset.labels);
    let pods = world.deployments.iter().filter(|deployment| service.selects(deployment) && deployment.has(labels));
    let (kind, addresses) = match endpoints {
        Endpoints::Addresses(known) => {
            ("STATIC", pods.flat_map(|deployment| known_addresses(deployment, known)).collect())
        }
        Endpoints::Names => {
            ("STRICT_DNS", pods.filter(|it| it.replicas > 0).map(|it| by_name(it, port)).collect::<Vec<_>>())
        }
    };
    let lb_endpoints: Vec<Value> = addresses
        .into_iter()
        .map(|(address, port)| json!({"endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}}}))
        .collect();
    let mut configuration = json!({
        "name": name,
        "type": kind,
        "connect_timeout": "10s",
        "lb_policy": "LEAST_REQUEST",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": lb_endpoints}]},
    });
    if port.protocol == PortProtocol::Http2 {
        speak_http2(&mut configuration);
    }

    let mut settings = Settings::default();
    let mut origin = None;
    for (from, rule) in rules {
        if rule.workload_selector.is_some() {
            return Err(from.mistake("spec.workloadSelector: is not rendered for an Envoy without Istio"));
        }
        // Istio merges the subsets of several rules, and keeps the first rule's policy.
        if let (None, Some(policy)) = (origin, &rule.traffic_policy) {
            settings.overlay("spec.trafficPolicy", policy, port.number);
            origin = Some(*from);
        }
    }
    if let Some((from, index, Subset { traffic_policy: Some(policy), .. })) = subset {
        settings.overlay(&format!("spec.subsets[{index}].trafficPolicy"), policy, port.number);
        origin = Some(from);
    }
    let key = settings.apply(&mut configuration).map_err(|refusal| match origin {
        Some(origin) => origin.mistake(refusal),
        None => Mistake::everywhere(refusal.to_string()),
    })?;
    Ok(Cluster { name, configuration, key })
}

fn known_addresses(deployment: &Deployment, known: &BTreeMap<Replica, SocketAddr>) -> Vec<(String, u16)> {
    let addresses = deployment.pods().filter_map(|pod| known.get(&pod));
    addresses.map(|address| (address.ip().to_string(), address.port())).collect()
}

fn by_name(deployment: &Deployment, port: &ServicePort) -> (String, u16) {
    let number = match &port.target {
        TargetPort::Number(number) => *number,
        TargetPort::Name(name) => deployment.named_ports.get(name).copied().unwrap_or(port.number),
    };
    (deployment.name.clone(), number)
}

/// The options for HTTP of a cluster, HTTP/1.1 unless said otherwise.
pub(crate) fn http_options(cluster: &mut Value) -> &mut Value {
    const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let extensions = &mut cluster["typed_extension_protocol_options"];
    if extensions.is_null() {
        *extensions = json!({OPTIONS: {
            "@type": format!("type.googleapis.com/{OPTIONS}"),
            "explicit_http_config": {"http_protocol_options": {}},
        }});
    }
    &mut extensions[OPTIONS]
}

/// Makes a cluster speak HTTP/2.
pub(crate) fn speak_http2(cluster: &mut Value) {
    http_options(cluster)["explicit_http_config"] = json!({"http2_protocol_options": {}});
}

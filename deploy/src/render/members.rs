//! What serves a service: pods, and endpoints that are not pods.

use super::options::Endpoints;
use crate::manifests::{Endpoint, Replica, Service, ServicePort, TargetPort, Workload, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The kind of workload that stand-ins are.
const STAND_IN: &str = "stand-in";

/// One of those who stand behind a service.
pub(super) enum Member<'a> {
    /// The pods of a workload, and the name of the port that the service has there.
    Pods(&'a Workload, Option<&'a Service>),
    /// An endpoint of a ServiceEntry or an ExternalName, and its place.
    Outside(&'a Endpoint, u32),
}

/// Where a request can be sent.
pub(super) enum Address {
    /// Host, port and the share that the endpoint wants.
    Socket(String, u16, Option<u32>),
    /// A Unix socket.
    Pipe(String, Option<u32>),
}

impl Address {
    /// Whether the DNS has to be asked.
    pub(super) fn is_name(&self) -> bool {
        matches!(self, Self::Socket(host, ..) if host.parse::<IpAddr>().is_err())
    }
}

/// The members of `service` with these labels.
pub(super) fn members<'a>(
    service: &'a Service,
    labels: &BTreeMap<String, String>,
    world: &'a World,
) -> Vec<Member<'a>> {
    let pods = |of: &'a Service, through: Option<&'a Service>| {
        let selected = world.workloads.iter().filter(move |workload| of.selects(workload) && workload.replicas > 0);
        selected.filter(|workload| workload.has(labels)).map(move |workload| Member::Pods(workload, through))
    };
    let mut members: Vec<Member<'_>> = pods(service, None).collect();
    let endpoints = service.outside.iter().flat_map(|outside| &outside.endpoints);
    for (endpoint, number) in endpoints.zip(0..) {
        // A name in the cluster is another service of the manifests: its pods are meant.
        let other = world.services.iter().find(|other| other.host == endpoint.address && other.host != service.host);
        match other {
            Some(other) => members.extend(pods(other, Some(other))),
            None if labels.iter().all(|(key, value)| endpoint.labels.get(key) == Some(value)) => {
                members.push(Member::Outside(endpoint, number));
            }
            None => {}
        }
    }
    members
}

/// The workloads that stand in for endpoints elsewhere, where nothing outside may be asked: a pod for each endpoint.
pub(crate) fn stand_ins(world: &World) -> Vec<Workload> {
    let of = |service: &Service| {
        let outside = service.outside.as_ref()?;
        is_elsewhere(&members(service, &BTreeMap::new(), world)).then(|| Workload {
            kind: STAND_IN.to_owned(),
            name: service.host.clone(),
            namespace: service.namespace.clone(),
            replicas: outside.endpoints.len().try_into().unwrap_or(u32::MAX),
            labels: BTreeMap::new(),
            named_ports: BTreeMap::new(),
            answer: None,
            title: service.name.clone(),
        })
    };
    world.services.iter().filter_map(of).collect()
}

/// Whether any of them is neither a pod of the manifests nor on this machine.
pub(super) fn is_elsewhere(members: &[Member<'_>]) -> bool {
    members.iter().any(|member| matches!(member, Member::Outside(endpoint, _) if !endpoint.is_local()))
}

impl Member<'_> {
    /// Where they are for `port` of `service`.
    pub(super) fn addresses(&self, service: &Service, port: &ServicePort, endpoints: &Endpoints) -> Vec<Address> {
        match (self, endpoints) {
            (Self::Pods(workload, _), Endpoints::Addresses(known)) => {
                let addresses = workload.pods().filter_map(|pod| known.get(&pod).copied());
                addresses.map(|at| Address::Socket(at.ip().to_string(), at.port(), None)).collect()
            }
            (Self::Pods(workload, through), Endpoints::Names) => {
                let same = through.and_then(|other| other.ports.iter().find(|it| it.number == port.number));
                vec![Address::Socket(workload.name.clone(), port_of_pods(workload, same.unwrap_or(port)), None)]
            }
            (Self::Outside(endpoint, number), Endpoints::Addresses(known)) if !endpoint.is_local() => {
                let stand_in = Replica {
                    namespace: service.namespace.clone(),
                    kind: STAND_IN.to_owned(),
                    workload: service.host.clone(),
                    number: *number,
                };
                let address = known.get(&stand_in);
                let socket =
                    |at: &std::net::SocketAddr| Address::Socket(at.ip().to_string(), at.port(), endpoint.weight);
                address.map(socket).into_iter().collect()
            }
            // Nobody knows where all hosts of a wildcard are.
            (Self::Outside(endpoint, _), _) if endpoint.address.contains('*') => Vec::new(),
            (Self::Outside(endpoint, _), _) => vec![match endpoint.unix_socket() {
                Some(path) => Address::Pipe(path.to_owned(), endpoint.weight),
                None => Address::Socket(endpoint.address.clone(), port_of_endpoint(endpoint, port), endpoint.weight),
            }],
        }
    }

    /// Whether it is an endpoint on this machine that is no pod: it is asked even where stand-ins answer for others.
    pub(super) fn is_local_outside(&self) -> bool {
        matches!(self, Self::Outside(endpoint, _) if endpoint.is_local())
    }
}

fn port_of_pods(workload: &Workload, port: &ServicePort) -> u16 {
    match &port.target {
        TargetPort::Number(number) => *number,
        TargetPort::Name(name) => workload.named_ports.get(name).copied().unwrap_or(port.number),
    }
}

fn port_of_endpoint(endpoint: &Endpoint, port: &ServicePort) -> u16 {
    let own = port.name.as_ref().and_then(|name| endpoint.ports.get(name)).copied();
    own.unwrap_or(match port.target {
        TargetPort::Number(number) => number,
        TargetPort::Name(_) => port.number,
    })
}

/// An endpoint of a cluster.
pub(super) fn endpoint(address: &Address) -> Value {
    let (at, weight) = match address {
        Address::Socket(host, port, weight) => {
            (json!({"socket_address": {"address": host, "port_value": port}}), weight)
        }
        Address::Pipe(path, weight) => (json!({"pipe": {"path": path}}), weight),
    };
    let mut endpoint = json!({"endpoint": {"address": at}});
    if let Some(weight) = weight.filter(|weight| *weight > 0) {
        endpoint["load_balancing_weight"] = weight.into();
    }
    endpoint
}

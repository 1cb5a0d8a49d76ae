//! Istio's ServiceEntry: a service for each of its hosts.

use super::document::Document;
use super::mistake::Mistake;
use super::service::{Endpoint, Outside, PortProtocol, Resolution, Service, ServicePort, TargetPort};
use serin_traffic::names::host::without_root;
use serin_traffic::record;
use std::collections::BTreeMap;

#[derive(Default)]
struct Spec {
    hosts: Option<Vec<String>>,
    ports: Option<Vec<Port>>,
    resolution: Option<String>,
    endpoints: Option<Vec<WrittenEndpoint>>,
    workload_selector: Option<Selector>,
    export_to: Option<Vec<String>>,
}

record! { Spec { hosts, ports, resolution, endpoints, workload_selector, export_to }, open: true }

#[derive(Default)]
struct Port {
    number: u16,
    name: Option<String>,
    protocol: Option<String>,
    target_port: Option<u16>,
}

record! { Port { number, name, protocol, target_port }, required: &["number"], open: true }

#[derive(Default)]
struct WrittenEndpoint {
    address: String,
    ports: Option<BTreeMap<String, u16>>,
    labels: Option<BTreeMap<String, String>>,
    weight: Option<u32>,
}

record! { WrittenEndpoint { address, ports, labels, weight }, open: true }

#[derive(Default)]
struct Selector {
    labels: Option<BTreeMap<String, String>>,
}

record! { Selector { labels }, open: true }

/// The services of the ServiceEntry in `document`; `notes` gets what cannot be as it is in Istio.
pub(crate) fn read(document: &Document, notes: &mut Vec<String>) -> Result<Vec<Service>, Mistake> {
    let spec: Spec = document.part("spec")?;
    let ports: Vec<ServicePort> = spec.ports.unwrap_or_default().into_iter().map(service_port).collect();
    let export_to = spec.export_to.unwrap_or_default();
    let selector = spec.workload_selector.and_then(|selector| selector.labels).unwrap_or_default();
    let written: Vec<Endpoint> = spec.endpoints.unwrap_or_default().into_iter().map(endpoint).collect();
    let resolution = match spec.resolution.as_deref() {
        Some("STATIC") => Resolution::Static,
        Some("DNS_ROUND_ROBIN") => Resolution::DnsRoundRobin,
        // Without a resolution the connection goes where the client wanted it: to what the DNS told it.
        None | Some("" | "NONE" | "DNS" | "DYNAMIC_DNS") => Resolution::Dns,
        Some(other) => {
            let known = "NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS";
            return Err(document.origin.mistake(format!("spec.resolution: `{other}` is not one of {known}")));
        }
    };
    let services = spec.hosts.unwrap_or_default().into_iter().map(|host| {
        let host = without_root(&host).to_owned();
        let endpoints = if written.is_empty() && selector.is_empty() && resolution != Resolution::Static {
            if host.contains('*') {
                let reason = "a proxy outside of a mesh does not know which host is meant";
                notes.push(format!("{}: spec.hosts: {host} has no endpoint here: {reason}", document.origin));
            }
            vec![Endpoint { address: host.clone(), ..Endpoint::default() }]
        } else {
            written.clone()
        };
        Service {
            origin: document.origin.clone(),
            name: host.clone(),
            namespace: document.namespace.clone(),
            host,
            selector: selector.clone(),
            ports: ports.clone(),
            outside: Some(Outside { resolution, endpoints }),
            export_to: export_to.clone(),
        }
    });
    Ok(services.collect())
}

fn service_port(port: Port) -> ServicePort {
    // The protocol is what is spoken, not what carries it.
    let protocol = PortProtocol::of(None, port.protocol.as_deref(), port.name.as_deref());
    ServicePort {
        number: port.number,
        name: port.name,
        target: TargetPort::Number(port.target_port.unwrap_or(port.number)),
        protocol,
    }
}

fn endpoint(written: WrittenEndpoint) -> Endpoint {
    Endpoint {
        address: written.address,
        ports: written.ports.unwrap_or_default(),
        labels: written.labels.unwrap_or_default(),
        weight: written.weight,
    }
}

//! A service: a name, ports, and the pods or endpoints that serve it. Kubernetes' Service is one, and so is each
//! host of a ServiceEntry.

use super::CLUSTER_DOMAIN;
use super::document::Document;
use super::mistake::{Mistake, Origin};
use super::workload::Workload;
use serde_json::Value;
use serin_traffic::names::host::{full_name, without_root};
use serin_traffic::visibility::seen_from;
use serin_traffic::written::Metadata;
use serin_traffic::written::Read;
use serin_traffic::{Place, Refusal, record};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Where it comes from.
    pub origin: Origin,
    /// What tables call it: the Service's name, or the ServiceEntry's host.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The name by which everyone can call it.
    pub host: String,
    /// The labels of the pods that it means; empty: none.
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Whom it means besides pods.
    pub outside: Option<Outside>,
    /// The namespaces that it is exported to; every one if there are none.
    pub export_to: Vec<String>,
}

/// Endpoints that are not pods of the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outside {
    /// How addresses are found.
    pub resolution: Resolution,
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
}

/// How the addresses of endpoints are found (ServiceEntry, `Resolution`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// They are written.
    Static,
    /// The DNS has them, and all are used.
    Dns,
    /// The DNS has them, and the first is used.
    DnsRoundRobin,
}

/// One endpoint that is not a pod of the manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// An IP address, a name of the DNS, or the path of a Unix socket behind `unix://`.
    pub address: String,
    /// Its own ports, by the names of the service's.
    pub ports: BTreeMap<String, u16>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its share, if it is not that of every other one.
    pub weight: Option<u32>,
}

impl Endpoint {
    /// The path, if the endpoint is a Unix socket.
    pub fn unix_socket(&self) -> Option<&str> {
        self.address.strip_prefix("unix://")
    }

    /// Whether the endpoint is on this machine.
    pub fn is_local(&self) -> bool {
        let is_loopback = |address: IpAddr| address.is_loopback();
        self.unix_socket().is_some() || self.address == "localhost" || self.address.parse().is_ok_and(is_loopback)
    }
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// The number that clients use.
    pub number: u16,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The pods' port.
    pub target: TargetPort,
    /// What is spoken there.
    pub protocol: PortProtocol,
}

/// A port of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// By its number.
    Number(u16),
    /// By the name that the containers give it.
    Name(String),
}

/// What is spoken at a port, as Istio reads it from `appProtocol` or the beginning of the port's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortProtocol {
    /// HTTP/1.1: also where nothing is said.
    Http,
    /// HTTP/2: `http2`, `grpc`, `grpc-web`.
    Http2,
    /// Nothing that an HTTP filter sees.
    Other,
}

impl PortProtocol {
    pub(super) fn of(transport: Option<&str>, app_protocol: Option<&str>, name: Option<&str>) -> Self {
        if transport.is_some_and(|transport| transport != "TCP") {
            return Self::Other;
        }
        let said = app_protocol.or(name).unwrap_or_default().to_ascii_lowercase();
        let said = said.strip_prefix("kubernetes.io/").unwrap_or(&said);
        match said.split('-').next().unwrap_or_default() {
            "http2" | "h2c" | "grpc" => Self::Http2,
            "tcp" | "tls" | "https" | "udp" | "mongo" | "mysql" | "redis" => Self::Other,
            _ => Self::Http,
        }
    }
}

#[derive(Default)]
struct Spec {
    selector: Option<BTreeMap<String, String>>,
    ports: Option<Vec<Port>>,
    kind: Option<String>,
    external_name: Option<String>,
}

record! { Spec { selector, ports, kind: "type", external_name }, open: true }

#[derive(Default)]
struct Port {
    port: u16,
    name: Option<String>,
    target_port: WrittenTarget,
    protocol: Option<String>,
    app_protocol: Option<String>,
}

record! { Port { port, name, target_port, protocol, app_protocol }, required: &["port"], open: true }

/// The port of pods, if one is written.
#[derive(Default)]
struct WrittenTarget(Option<TargetPort>);

impl Read for WrittenTarget {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        let number = value.as_u64().and_then(|number| u16::try_from(number).ok());
        self.0 = Some(match (number, value) {
            (Some(number), _) => TargetPort::Number(number),
            (None, Value::String(name)) => TargetPort::Name(name),
            _ => return Err(place.refuse("must be the number of a port, or its name")),
        });
        Ok(())
    }
}

impl Service {
    pub(crate) fn read(document: &Document) -> Result<Self, Mistake> {
        let spec: Spec = document.part("spec")?;
        let ports = spec.ports.unwrap_or_default().into_iter().map(|port| ServicePort {
            number: port.port,
            protocol: PortProtocol::of(port.protocol.as_deref(), port.app_protocol.as_deref(), port.name.as_deref()),
            target: port.target_port.0.unwrap_or(TargetPort::Number(port.port)),
            name: port.name,
        });
        let is_external = spec.kind.as_deref() == Some("ExternalName");
        let elsewhere = spec.external_name.filter(|name| is_external && !name.is_empty());
        let outside = elsewhere.map(|name| Outside {
            resolution: Resolution::Dns,
            endpoints: vec![Endpoint { address: without_root(&name).to_owned(), ..Endpoint::default() }],
        });
        Ok(Self {
            origin: document.origin.clone(),
            name: document.name.clone(),
            namespace: document.namespace.clone(),
            host: full_name(&document.name, &document.namespace, CLUSTER_DOMAIN),
            selector: if is_external { BTreeMap::new() } else { spec.selector.unwrap_or_default() },
            ports: ports.collect(),
            outside,
            export_to: document.part::<Metadata>("metadata")?.export_to(),
        })
    }

    /// Whether proxies in the namespace `viewer` see the Service.
    pub fn is_seen_from(&self, viewer: &str) -> bool {
        seen_from(&self.namespace, &self.export_to, viewer).is_some()
    }

    /// The name by which everyone can call it.
    pub fn full_name(&self) -> String {
        self.host.clone()
    }

    /// Adds another that has the same host: its new ports, and its endpoints (Istio merges ServiceEntries of one host).
    pub(super) fn merge(&mut self, other: Self) {
        for port in other.ports {
            if !self.ports.iter().any(|known| known.number == port.number) {
                self.ports.push(port);
            }
        }
        match (&mut self.outside, other.outside) {
            (Some(own), Some(others)) => {
                own.endpoints
                    .extend(others.endpoints.into_iter().filter(|it| !own.endpoints.contains(it)).collect::<Vec<_>>());
            }
            (own @ None, others) => *own = others,
            (Some(_), None) => {}
        }
        if self.selector.is_empty() {
            self.selector = other.selector;
        }
    }

    /// Whether the pods of `workload` belong to the service.
    pub fn selects(&self, workload: &Workload) -> bool {
        !self.selector.is_empty() && workload.namespace == self.namespace && workload.has(&self.selector)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_speaks_what_its_name_begins_with() {
        let named = |name| PortProtocol::of(None, None, Some(name));
        assert_eq!(named("http"), PortProtocol::Http);
        assert_eq!(named("http2-api"), PortProtocol::Http2);
        assert_eq!(named("grpc-web"), PortProtocol::Http2);
        assert_eq!(named("tcp-postgres"), PortProtocol::Other);
        assert_eq!(named("web"), PortProtocol::Http);
        assert_eq!(PortProtocol::of(None, Some("kubernetes.io/h2c"), Some("http")), PortProtocol::Http2);
        assert_eq!(PortProtocol::of(Some("UDP"), None, Some("http")), PortProtocol::Other);
        assert_eq!(PortProtocol::of(Some("TCP"), None, None), PortProtocol::Http);
    }
}

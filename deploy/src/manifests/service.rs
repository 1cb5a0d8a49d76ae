//! Kubernetes' Service: a name, ports, and which pods are meant.

use super::CLUSTER_DOMAIN;
use super::deployment::Deployment;
use super::document::Document;
use super::mistake::Mistake;
use serde::Deserialize;
use serin_traffic::host_name::full_name;
use std::collections::BTreeMap;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The labels of the pods that it means; empty: none.
    pub selector: BTreeMap<String, String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "must be the number of a port, or its name")]
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
    fn of(transport: Option<&str>, app_protocol: Option<&str>, name: Option<&str>) -> Self {
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

#[derive(Default, Deserialize)]
struct Spec {
    selector: Option<BTreeMap<String, String>>,
    ports: Option<Vec<Port>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Port {
    port: u16,
    name: Option<String>,
    target_port: Option<TargetPort>,
    protocol: Option<String>,
    app_protocol: Option<String>,
}

impl Service {
    pub(crate) fn read(document: &Document) -> Result<Self, Mistake> {
        let spec: Spec = document.part("spec")?;
        let ports = spec.ports.unwrap_or_default().into_iter().map(|port| ServicePort {
            number: port.port,
            protocol: PortProtocol::of(port.protocol.as_deref(), port.app_protocol.as_deref(), port.name.as_deref()),
            target: port.target_port.unwrap_or(TargetPort::Number(port.port)),
            name: port.name,
        });
        Ok(Self {
            name: document.name.clone(),
            namespace: document.namespace.clone(),
            selector: spec.selector.unwrap_or_default(),
            ports: ports.collect(),
        })
    }

    /// The name by which everyone can call it.
    pub fn full_name(&self) -> String {
        full_name(&self.name, &self.namespace, CLUSTER_DOMAIN)
    }

    /// Whether the pods of `deployment` belong to the Service.
    pub fn selects(&self, deployment: &Deployment) -> bool {
        !self.selector.is_empty() && deployment.namespace == self.namespace && deployment.has(&self.selector)
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

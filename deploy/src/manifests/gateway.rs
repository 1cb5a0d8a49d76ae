//! Istio's Gateway: ports that are open to the outside, and for which hosts.

use super::document::Document;
use super::mistake::Mistake;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The labels of the proxies that it is for.
    pub selector: BTreeMap<String, String>,
    /// Its open ports.
    pub servers: Vec<Server>,
}

/// One open port of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// The port's number.
    pub port: u16,
    /// The hosts that are let in, without the namespaces that may stand before them.
    pub hosts: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Spec {
    selector: Option<BTreeMap<String, String>>,
    servers: Option<Vec<WrittenServer>>,
}

#[derive(Deserialize)]
struct WrittenServer {
    port: Port,
    hosts: Option<Vec<String>>,
    tls: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Port {
    number: u16,
    protocol: Option<String>,
}

impl Gateway {
    pub(crate) fn read(document: &Document) -> Result<Self, Mistake> {
        let spec: Spec = document.part("spec")?;
        let mut servers = Vec::new();
        for (index, server) in spec.servers.unwrap_or_default().into_iter().enumerate() {
            let refuse = |field: &str, reason: String| {
                Err(document.origin.mistake(format!("spec.servers[{index}].{field}: {reason}")))
            };
            let protocol = server.port.protocol.unwrap_or_default();
            if !["HTTP", "HTTP2", "GRPC", "GRPC-WEB"].contains(&protocol.to_ascii_uppercase().as_str()) {
                let reason = format!("{protocol:?} is not served here; HTTP, HTTP2 and GRPC are");
                return refuse("port.protocol", reason);
            }
            if server.tls.is_some() {
                return refuse("tls", "is not served here; remove it, or try the Gateway in Istio".to_owned());
            }
            let hosts = server.hosts.unwrap_or_default();
            if hosts.is_empty() {
                return refuse("hosts", "must not be empty".to_owned());
            }
            let without_namespace =
                |host: &String| host.split_once('/').map_or(host.as_str(), |(_, host)| host).to_owned();
            servers.push(Server { port: server.port.number, hosts: hosts.iter().map(without_namespace).collect() });
        }
        Ok(Self {
            name: document.name.clone(),
            namespace: document.namespace.clone(),
            selector: spec.selector.unwrap_or_default(),
            servers,
        })
    }

    /// `namespace/name`, as VirtualServices call it.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

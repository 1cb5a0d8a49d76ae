//! Istio's Gateway: ports that are open to the outside, and for which hosts.

use super::document::Document;
use super::mistake::{Mistake, Origin};
use serin_traffic::record;
use std::collections::BTreeMap;

/// A Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// Where it comes from.
    pub origin: Origin,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The labels of the proxies that it is for.
    pub selector: BTreeMap<String, String>,
    /// Its open ports for HTTP; those for anything else are left to Istio.
    pub servers: Vec<Server>,
}

/// One open port of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its place among the servers as written.
    pub index: usize,
    /// The port's number.
    pub port: u16,
    /// The hosts that are let in, without the namespaces that may stand before them.
    pub hosts: Vec<String>,
    /// How clients come in.
    pub entry: Entry,
}

/// How clients come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Without TLS.
    Plain,
    /// Without TLS, and they are sent to `https` (`tls.httpsRedirect`).
    RedirectToHttps,
    /// With TLS.
    Tls(Box<ServerTls>),
}

/// The TLS of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTls {
    /// `SIMPLE`, `MUTUAL` or `OPTIONAL_MUTUAL`; others are not for HTTP, or only in a mesh.
    pub mode: Option<String>,
    /// Whether clients are sent to `https`.
    https_redirect: Option<bool>,
    /// The Secret that has the certificate.
    pub credential_name: Option<String>,
    /// The file of the certificate.
    pub server_certificate: Option<String>,
    /// The file of its private key.
    pub private_key: Option<String>,
    /// The file of the certificates that clients' must be signed with.
    pub ca_certificates: Option<String>,
    /// The names of which a client's certificate must have one.
    pub subject_alt_names: Option<Vec<String>>,
    /// `TLSV1_0` to `TLSV1_3`.
    pub min_protocol_version: Option<String>,
    /// The same.
    pub max_protocol_version: Option<String>,
    /// The cipher suites that may be used.
    pub cipher_suites: Option<Vec<String>>,
}

record! {
    ServerTls {
        mode, https_redirect, credential_name, server_certificate, private_key, ca_certificates,
        subject_alt_names, min_protocol_version, max_protocol_version, cipher_suites,
    },
    open: true,
}

/// The protocols in which a server speaks HTTP to clients without TLS.
const HTTP: [&str; 5] = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"];

/// The protocols that Istio serves, and an HTTP filter does not see.
const OTHERS: [&str; 7] = ["HBONE", "MONGO", "MYSQL", "REDIS", "TCP", "TLS", "UDP"];

#[derive(Default)]
struct Spec {
    selector: Option<BTreeMap<String, String>>,
    servers: Option<Vec<WrittenServer>>,
}

record! { Spec { selector, servers }, open: true }

#[derive(Default)]
struct WrittenServer {
    port: Port,
    hosts: Option<Vec<String>>,
    tls: Option<ServerTls>,
}

record! { WrittenServer { port, hosts, tls }, required: &["port"], open: true }

#[derive(Default)]
struct Port {
    number: u16,
    protocol: Option<String>,
}

record! { Port { number, protocol }, required: &["number"], open: true }

impl Gateway {
    /// Reads the Gateway in `document`; `notes` gets the servers that are left to Istio.
    pub(crate) fn read(document: &Document, notes: &mut Vec<String>) -> Result<Self, Mistake> {
        let spec: Spec = document.part("spec")?;
        let mut servers = Vec::new();
        for (index, server) in spec.servers.unwrap_or_default().into_iter().enumerate() {
            let at = |field: &str| format!("spec.servers[{index}].{field}");
            let hosts = server.hosts.unwrap_or_default();
            if hosts.is_empty() {
                return Err(document.origin.mistake(format!("{}: must not be empty", at("hosts"))));
            }
            let protocol = server.port.protocol.unwrap_or_default().to_ascii_uppercase();
            let entry = match protocol.as_str() {
                http if HTTP.contains(&http) => plain(server.tls.as_ref()),
                "HTTPS" => terminated(server.tls.unwrap_or_default()).map_err(|reason| (at("tls.mode"), reason)),
                other if OTHERS.contains(&other) => {
                    Err((at("port.protocol"), format!("{other} is left to Istio: Serin's filters see HTTP only")))
                }
                other => {
                    let reason = format!("{other:?} is none of {}, HTTPS, {}", HTTP.join(", "), OTHERS.join(", "));
                    return Err(document.origin.mistake(format!("{}: {reason}", at("port.protocol"))));
                }
            };
            let without_namespace =
                |host: &String| host.split_once('/').map_or(host.as_str(), |(_, host)| host).to_owned();
            let hosts = hosts.iter().map(without_namespace).collect();
            match entry {
                Ok(entry) => servers.push(Server { index, port: server.port.number, hosts, entry }),
                Err((path, reason)) => notes.push(document.origin.mistake(format!("{path}: {reason}")).to_string()),
            }
        }
        Ok(Self {
            origin: document.origin.clone(),
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

/// Istio reads nothing of the TLS of a server for HTTP but the redirect.
fn plain(tls: Option<&ServerTls>) -> Result<Entry, (String, String)> {
    let redirects = tls.is_some_and(|tls| tls.https_redirect == Some(true));
    Ok(if redirects { Entry::RedirectToHttps } else { Entry::Plain })
}

fn terminated(tls: ServerTls) -> Result<Entry, String> {
    match tls.mode.as_deref().unwrap_or("PASSTHROUGH") {
        "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" => Ok(Entry::Tls(Box::new(tls))),
        "ISTIO_MUTUAL" => Err("ISTIO_MUTUAL is left to Istio: it has the certificates of the mesh".to_owned()),
        other => Err(format!("{other} is left to Istio: a filter sees nothing of TLS that ends elsewhere")),
    }
}

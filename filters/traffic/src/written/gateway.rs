//! Istio's Gateway: which hosts its ports serve, and how TLS ends there.
//!
//! What is read is what rules need and what Istio's validation looks at; all else passes.

use crate::record;

/// The spec of a Gateway.
#[derive(Clone, Debug, Default)]
pub struct Gateway {
    /// Its open ports.
    pub servers: Vec<Server>,
}

record! { Gateway { servers }, open: true }

/// One open port of a Gateway.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The port.
    pub port: ServerPort,
    /// The address that is listened on, or `unix://` and the path of a socket; every address if it is empty.
    pub bind: String,
    /// The hosts that are let in, perhaps with the namespace of the VirtualServices that may have them: `host`,
    /// `namespace/host`, `./host` or `*/host`.
    pub hosts: Vec<String>,
    /// How TLS ends here.
    pub tls: Option<ServerTls>,
}

record! { Server { port, bind, hosts, tls }, required: &["port"], open: true }

/// The port of a server.
#[derive(Clone, Debug, Default)]
pub struct ServerPort {
    /// The number that clients use.
    pub number: u32,
    /// What is spoken there, such as `HTTP` or `HTTPS`.
    pub protocol: String,
    /// What the port is called.
    pub name: String,
    /// A port of the pods, which Gateways have no use for.
    pub target_port: Option<u32>,
}

record! { ServerPort { number, protocol, name, target_port }, required: &["number"], open: true }

/// How TLS ends at a server.
#[derive(Clone, Debug, Default)]
pub struct ServerTls {
    /// `PASSTHROUGH` (also if absent) and `AUTO_PASSTHROUGH` leave it to the destination.
    pub mode: Option<String>,
    /// Whether clients without TLS are sent to `https`.
    pub https_redirect: Option<bool>,
    /// The file of the server's certificate.
    pub server_certificate: Option<String>,
    /// The file of the server's private key.
    pub private_key: Option<String>,
    /// The file of the authorities of clients' certificates.
    pub ca_certificates: Option<String>,
    /// The Secret that has the certificates.
    pub credential_name: Option<String>,
    /// Several of them.
    pub credential_names: Vec<String>,
    /// Several certificates, in files.
    pub tls_certificates: Vec<ServerCertificate>,
    /// The file of the certificates that are revoked.
    pub ca_crl: Option<String>,
    /// `TLS_AUTO`, or `TLSV1_0` to `TLSV1_3`.
    pub min_protocol_version: Option<String>,
    /// The same.
    pub max_protocol_version: Option<String>,
}

record! {
    ServerTls {
        mode, https_redirect, server_certificate, private_key, ca_certificates, credential_name,
        credential_names, tls_certificates, ca_crl, min_protocol_version, max_protocol_version,
    },
    open: true,
}

/// A certificate of a server, in files.
#[derive(Clone, Debug, Default)]
pub struct ServerCertificate {
    /// The file of the certificate.
    pub server_certificate: Option<String>,
    /// The file of its private key.
    pub private_key: Option<String>,
    /// The file of the authorities of clients' certificates.
    pub ca_certificates: Option<String>,
}

record! { ServerCertificate { server_certificate, private_key, ca_certificates }, open: true }

impl ServerPort {
    /// Whether requests are spoken here in plain text (Istio, `IsHTTP` in `pkg/config/protocol/instance.go`).
    pub fn is_plain_http(&self) -> bool {
        let protocol = self.protocol.to_ascii_uppercase();
        matches!(protocol.as_str(), "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY")
    }
}

impl ServerTls {
    /// Whether TLS is left to the destination (Istio, `IsPassThroughServer` in `pkg/config/gateway/gateway.go`).
    pub fn passes_through(&self) -> bool {
        matches!(self.mode.as_deref().unwrap_or("PASSTHROUGH"), "PASSTHROUGH" | "AUTO_PASSTHROUGH")
    }
}

impl Server {
    /// Whether requests can be seen here: HTTP in plain text, or TLS that ends here (Istio, `IsHTTPServer` in
    /// `pkg/config/gateway/gateway.go`).
    pub fn is_http(&self) -> bool {
        let ends_tls = self.tls.as_ref().is_some_and(|tls| !tls.passes_through());
        self.port.is_plain_http() || (self.port.protocol.eq_ignore_ascii_case("HTTPS") && ends_tls)
    }

    /// The hosts that VirtualServices of `namespace` may have at this server of a Gateway of `own`
    /// (Istio, `NamesForNamespace` in `pkg/config/host/names.go`).
    pub fn hosts_for<'a>(&'a self, namespace: &str, own: &str) -> Vec<&'a str> {
        let for_namespace = |host: &'a String| match host.split_once('/') {
            None => Some(host.as_str()),
            Some(("*", name)) => Some(name),
            Some((".", name)) => (own == namespace).then_some(name),
            Some((wanted, name)) => (wanted == namespace).then_some(name),
        };
        self.hosts.iter().filter_map(for_namespace).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use crate::written::read;
    use serde_json::json;

    fn server(port: serde_json::Value, tls: serde_json::Value) -> Server {
        let hosts = ["a.example", "*/b.example", "./c.example", "other/d.example", "other/*"];
        let server = json!({"port": port, "hosts": hosts, "tls": tls, "name": "x", "bind": "0.0.0.0"});
        read("server", server).unwrap()
    }

    #[test]
    fn a_host_may_be_for_virtual_services_of_one_namespace() {
        let server = server(json!({"number": 80, "protocol": "HTTP", "name": "http"}), json!(null));
        assert_eq!(server.hosts_for("own", "own"), ["a.example", "b.example", "c.example"]);
        assert_eq!(server.hosts_for("other", "own"), ["a.example", "b.example", "d.example", "*"]);
        assert_eq!(server.hosts_for("third", "own"), ["a.example", "b.example"]);
    }

    #[test]
    fn requests_are_seen_where_http_is_spoken_and_tls_ends() {
        let is_http = |protocol: &str, tls| server(json!({"number": 1, "protocol": protocol}), tls).is_http();
        for protocol in ["HTTP", "http", "HTTP2", "GRPC", "GRPC-Web"] {
            assert!(is_http(protocol, json!({"httpsRedirect": true})), "{protocol}");
        }
        assert!(is_http("HTTPS", json!({"mode": "SIMPLE", "credentialName": "cert"})));
        assert!(is_http("HTTPS", json!({"mode": "MUTUAL"})));
        for tls in [json!(null), json!({}), json!({"mode": "PASSTHROUGH"}), json!({"mode": "AUTO_PASSTHROUGH"})] {
            assert!(!is_http("HTTPS", tls));
        }
        for protocol in ["TCP", "TLS", "MONGO", ""] {
            assert!(!is_http(protocol, json!({"mode": "SIMPLE"})), "{protocol}");
        }
    }
}

//! Istio's Gateway, as far as rules need it: which hosts its ports serve.

use super::null_as_absent;
use serde::Deserialize;

/// The part of a Gateway that says whose requests come through; all else passes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Gateway {
    /// Its open ports.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub servers: Vec<Server>,
}

/// One open port of a Gateway; all else about it passes.
#[derive(Clone, Debug, Deserialize)]
pub struct Server {
    /// The port.
    pub port: ServerPort,
    /// The hosts that are let in, perhaps with the namespace of the VirtualServices that may have them: `host`,
    /// `namespace/host`, `./host` or `*/host`.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub hosts: Vec<String>,
    /// How TLS ends here.
    pub tls: Option<ServerTls>,
}

/// The port of a server.
#[derive(Clone, Debug, Deserialize)]
pub struct ServerPort {
    /// The number that clients use.
    pub number: u16,
    /// What is spoken there, such as `HTTP` or `HTTPS`.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub protocol: String,
}

/// How TLS ends at a server; all else about it passes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ServerTls {
    /// `PASSTHROUGH` (also if absent) and `AUTO_PASSTHROUGH` leave it to the destination.
    pub mode: Option<String>,
}

impl Server {
    /// Whether requests can be seen here: HTTP in plain text, or TLS that ends here (Istio, `IsHTTPServer` in
    /// `pkg/config/gateway/gateway.go`).
    pub fn is_http(&self) -> bool {
        match self.port.protocol.to_ascii_uppercase().as_str() {
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB" | "HTTP_PROXY" => true,
            "HTTPS" => {
                let mode = self.tls.as_ref().and_then(|tls| tls.mode.as_deref()).unwrap_or("PASSTHROUGH");
                !matches!(mode, "PASSTHROUGH" | "AUTO_PASSTHROUGH")
            }
            _ => false,
        }
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
    use serde_json::json;

    fn server(port: serde_json::Value, tls: serde_json::Value) -> Server {
        let hosts = ["a.example", "*/b.example", "./c.example", "other/d.example", "other/*"];
        serde_json::from_value(json!({"port": port, "hosts": hosts, "tls": tls, "name": "x", "bind": "0.0.0.0"}))
            .unwrap()
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

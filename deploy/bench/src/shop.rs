//! The shop: whose requests, rules and services these are.

/// The host of all requests.
pub const HOST: &str = "shop";

/// The subsets of the shop, each a Deployment of that name, and the one that gets copies.
pub const SUBSETS: [&str; 3] = ["v1", "v2", "copies"];

/// What is said to a request that was sent where it should be; also the subset to which it should.
pub const CHOSEN: &str = "v2";

/// What is said to a request for which no filter chose a cluster.
pub const OTHER: &str = "other";

/// Envoy's name for the cluster of a subset.
pub fn cluster(subset: &str) -> String {
    format!("outbound|80|{subset}|{HOST}.default.svc.cluster.local")
}

/// A request of a browser's, more or less, with these headers beside.
pub fn request(path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut request = format!(
        "GET {path} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0)\r\n\
         accept: text/html,application/xhtml+xml\r\naccept-language: en\r\naccept-encoding: gzip, br\r\n"
    );
    for (name, value) in headers {
        request.extend([name, ": ", value, "\r\n"]);
    }
    request.push_str("\r\n");
    request.into_bytes()
}

/// The manifests of the shop: what runs, what it is called, and its subsets.
pub fn manifests() -> String {
    let mut text = format!(
        "
apiVersion: v1
kind: Service
metadata: {{name: {HOST}}}
spec: {{selector: {{app: {HOST}}}, ports: [{{name: http, port: 80}}]}}
"
    );
    for subset in SUBSETS {
        text += &format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {subset}}}
spec: {{template: {{metadata: {{labels: {{app: {HOST}, version: {subset}}}}}}}}}
"
        );
    }
    let subsets = SUBSETS.map(|subset| format!("{{name: {subset}, labels: {{version: {subset}}}}}")).join(", ");
    text + &format!(
        "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {HOST}}}
spec: {{host: {HOST}, subsets: [{subsets}]}}
"
    )
}

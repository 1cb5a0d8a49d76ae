//! Host names as Istio and Envoy read them: short, full, with a wildcard, as an address.

mod pattern;
mod table;
mod validity;

pub use pattern::{covers, intersection, overlap};
pub(crate) use table::HostTable;
pub(crate) use validity::{LONGEST, mistake_in, mistake_in_destination, mistake_in_virtual_host};

use std::borrow::Cow;
use std::net::IpAddr;

/// The domain of a Kubernetes cluster that is given no other.
pub const CLUSTER_DOMAIN: &str = "cluster.local";

/// The full name of the service that `host` names, in the case in which it is written.
///
/// A name without a dot is one of Kubernetes in `namespace`; every other name, a wildcard and an address stand as they are
/// (Istio, `ResolveShortnameToFQDN` in `pilot/pkg/model/config.go`).
///
/// ```
/// use serin_traffic::names::host::full_name;
///
/// assert_eq!(full_name("reviews", "default", "cluster.local"), "reviews.default.svc.cluster.local");
/// assert_eq!(full_name("gw.DEFAULT-GROUP.nacos", "default", "cluster.local"), "gw.DEFAULT-GROUP.nacos");
/// assert_eq!(full_name("*", "default", "cluster.local"), "*");
/// assert_eq!(full_name("fd00::1", "default", "cluster.local"), "fd00::1");
/// ```
pub fn full_name(host: &str, namespace: &str, cluster_domain: &str) -> String {
    if host.contains('.') || host.starts_with('*') || is_address(host) {
        host.to_owned()
    } else {
        completed(host, namespace, cluster_domain)
    }
}

/// `host` without the dot of the root that a full name may end in.
///
/// ```
/// use serin_traffic::names::host::without_root;
///
/// assert_eq!(without_root("api.example."), "api.example");
/// assert_eq!(without_root("."), ".");
/// ```
pub fn without_root(host: &str) -> &str {
    host.strip_suffix('.').filter(|host| !host.is_empty()).unwrap_or(host)
}

/// The full names that `host` of a VirtualService in `namespace` stands for: one, but two for a wildcard without a dot.
///
/// Istio completes `*-canary` like a short name, so that it covers the Services of its namespace. People also write it for
/// what ends so (<https://github.com/istio/istio/issues/23814>, where Envoy appends `-shadow` to the host of a copy).
///
/// ```
/// use serin_traffic::names::host::full_names;
///
/// let both = ["*-canary", "*-canary.default.svc.cluster.local"];
/// assert_eq!(full_names("*-canary", "default", "cluster.local"), both);
/// assert_eq!(full_names("*.example", "default", "cluster.local"), ["*.example"]);
/// ```
pub fn full_names(host: &str, namespace: &str, cluster_domain: &str) -> Vec<String> {
    let mut names = vec![full_name(host, namespace, cluster_domain)];
    if host.len() > 1 && host.starts_with('*') && !host.contains('.') {
        names.push(completed(host, namespace, cluster_domain));
    }
    names
}

fn completed(host: &str, namespace: &str, cluster_domain: &str) -> String {
    format!("{host}.{namespace}.svc.{cluster_domain}")
}

/// The full name as Envoy compares it with the host of a request: in lower case, an IPv6 address in brackets
/// (Istio, `IPv6Compliant`).
///
/// ```
/// use serin_traffic::names::host::domain;
///
/// assert_eq!(domain("API.example"), "api.example");
/// assert_eq!(domain("fd00::1"), "[fd00::1]");
/// ```
pub fn domain(full: &str) -> String {
    let lower = full.to_ascii_lowercase();
    if lower.contains(':') && is_address(&lower) { format!("[{lower}]") } else { lower }
}

/// The domains by which a client in `own_namespace` may call the host `full` through the mesh.
///
/// Istio gives a service of the cluster `name`, `name.namespace`, `name.namespace.svc` and the full name, the first only
/// within its namespace, and the full name with the dot of the root (`GenerateAltVirtualHosts` in
/// `pilot/pkg/networking/core/httproute.go`).
///
/// ```
/// use serin_traffic::names::host::aliases;
///
/// let full = "reviews.default.svc.cluster.local";
/// let from_prod = ["reviews.default", "reviews.default.svc", full, "reviews.default.svc.cluster.local."];
/// assert_eq!(aliases(full, "prod", "cluster.local"), from_prod);
/// ```
pub fn aliases(full: &str, own_namespace: &str, cluster_domain: &str) -> Vec<String> {
    let mut names = Vec::new();
    if let Some((name, namespace)) = service_of(full, cluster_domain) {
        if namespace.eq_ignore_ascii_case(own_namespace) {
            names.push(domain(name));
        }
        names.push(domain(&format!("{name}.{namespace}")));
        names.push(domain(&format!("{name}.{namespace}.svc")));
    }
    names.push(domain(full));
    if !full.starts_with('*') && !full.ends_with('.') && !is_address(full) {
        names.push(domain(&format!("{full}.")));
    }
    names
}

/// Name and namespace of the Kubernetes Service that has the full name `full`, if one can have it.
///
/// ```
/// use serin_traffic::names::host::service_of;
///
/// assert_eq!(service_of("reviews.prod.svc.cluster.local", "cluster.local"), Some(("reviews", "prod")));
/// assert_eq!(service_of("api.example.com", "cluster.local"), None);
/// ```
pub fn service_of<'a>(full: &'a str, cluster_domain: &str) -> Option<(&'a str, &'a str)> {
    let at = full.len().checked_sub(cluster_domain.len())?;
    let (rest, domain) = full.split_at_checked(at)?;
    if !domain.eq_ignore_ascii_case(cluster_domain) {
        return None;
    }
    let (name, namespace) = rest.strip_suffix(".svc.")?.split_once('.')?;
    (!name.starts_with('*') && !namespace.contains('.')).then_some((name, namespace))
}

/// Whether `host` is an IP address; of IPv6 perhaps with a zone (Istio, `IsValidIPAddress`).
fn is_address(host: &str) -> bool {
    let zoned = host.split_once('%').filter(|(address, zone)| address.contains(':') && !zone.is_empty());
    zoned.map_or(host, |(address, _)| address).parse::<IpAddr>().is_ok()
}

/// The host in an authority: in lower case and without the port, as Envoy compares it with domains.
///
/// ```
/// use serin_traffic::names::host::host_of;
///
/// assert_eq!(host_of(b"Reviews:9080"), "reviews");
/// assert_eq!(host_of(b"[::1]:8080"), "[::1]");
/// ```
pub fn host_of(authority: &[u8]) -> Cow<'_, str> {
    // The last colon, but none within the brackets of an IPv6 address; what follows need not be a number
    // (Envoy, `HeaderUtility::getPortStart`).
    let end = authority.iter().rposition(|byte| matches!(byte, b':' | b']'));
    let end = end.filter(|at| authority.get(*at) == Some(&b':')).unwrap_or(authority.len());
    let host = authority.get(..end).unwrap_or(authority);
    match String::from_utf8_lossy(host) {
        Cow::Borrowed(host) if !host.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Borrowed(host),
        host => Cow::Owned(host.to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn a_short_name_is_good_within_its_namespace_only() {
        let full = "reviews.default.svc.cluster.local";
        assert!(aliases(full, "default", "cluster.local").contains(&"reviews".to_owned()));
        assert!(!aliases(full, "prod", "cluster.local").contains(&"reviews".to_owned()));
        assert!(aliases(full, "prod", "cluster.local").contains(&"reviews.default".to_owned()));
        assert_eq!(aliases("api.example.com", "default", "cluster.local"), ["api.example.com", "api.example.com."]);
    }

    #[test]
    fn an_address_and_a_wildcard_have_one_name() {
        for full in ["10.0.0.1", "*.default.svc.cluster.local", "*-canary.example"] {
            assert_eq!(aliases(full, "default", "cluster.local"), [full]);
        }
        assert_eq!(aliases("FD00::1", "default", "cluster.local"), ["[fd00::1]"]);
        assert_eq!(aliases("fe80::1%eth0", "default", "cluster.local"), ["[fe80::1%eth0]"]);
    }

    #[test]
    fn a_full_name_keeps_its_case_and_domains_have_none() {
        assert_eq!(full_name("Reviews", "default", "cluster.local"), "Reviews.default.svc.cluster.local");
        let names = ["reviews", "reviews.default", "reviews.default.svc", "reviews.default.svc.cluster.local"];
        assert_eq!(aliases("Reviews.default.svc.cluster.local", "default", "cluster.local")[..4], names);
    }

    #[test]
    fn what_is_behind_the_last_colon_is_the_port() {
        assert_eq!(host_of(b"reviews:http"), "reviews");
        assert_eq!(host_of(b"reviews:"), "reviews");
        assert_eq!(host_of(b"[::1]"), "[::1]");
        assert_eq!(host_of(b"[::1]:http"), "[::1]");
        assert_eq!(host_of(b"[FD00::1]:80"), "[fd00::1]");
        assert_eq!(host_of(b""), "");
        assert_eq!(host_of(b":80"), "");
        assert_eq!(host_of(b"caf\xe9:80"), "caf\u{fffd}");
    }
}

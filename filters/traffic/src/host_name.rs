//! Host names as Istio reads them: short, full, with wildcards, with a port that does not count.

use rustc_hash::FxHashMap;
use std::borrow::Cow;

/// The full name of the service that `host` names.
///
/// A name without a dot is one of Kubernetes in `namespace`; every other name stands as it is
/// (Istio, `VirtualService.hosts`: "short names … interpreted based on the namespace of the rule").
///
/// ```
/// use serin_traffic::host_name::full_name;
///
/// assert_eq!(full_name("reviews", "default", "cluster.local"), "reviews.default.svc.cluster.local");
/// assert_eq!(full_name("api.example.com", "default", "cluster.local"), "api.example.com");
/// assert_eq!(full_name("*", "default", "cluster.local"), "*");
/// ```
pub fn full_name(host: &str, namespace: &str, cluster_domain: &str) -> String {
    if host.contains('.') || host.contains('*') {
        host.to_ascii_lowercase()
    } else {
        format!("{host}.{namespace}.svc.{cluster_domain}").to_ascii_lowercase()
    }
}

/// The names under which a client in `own_namespace` may call the host `full`: Istio gives a service of the cluster
/// `name`, `name.namespace`, `name.namespace.svc` and the full name, the first only within its namespace.
///
/// ```
/// use serin_traffic::host_name::aliases;
///
/// let full = "reviews.default.svc.cluster.local";
/// let abroad = ["reviews.default", "reviews.default.svc", full];
/// assert_eq!(aliases(full, "prod", "cluster.local"), abroad);
/// ```
pub fn aliases(full: &str, own_namespace: &str, cluster_domain: &str) -> Vec<String> {
    let mut names = Vec::new();
    let svc = format!(".svc.{cluster_domain}");
    if let Some((name, namespace)) = full.strip_suffix(svc.as_str()).and_then(|rest| rest.split_once('.')) {
        if name != "*" && !namespace.contains('.') {
            if namespace == own_namespace {
                names.push(name.to_owned());
            }
            names.push(format!("{name}.{namespace}"));
            names.push(format!("{name}.{namespace}.svc"));
        }
    }
    names.push(full.to_owned());
    names
}

/// Why `host` cannot be the host of a VirtualService, if it cannot.
///
/// Istio: `ValidateWildcardDomain`, labels of RFC 1123, a wildcard only as the whole first label.
pub(crate) fn mistake_in(host: &str) -> Option<String> {
    if host.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if host.len() > 255 {
        return Some(format!("{} characters are more than 255", host.len()));
    }
    let rest = match host.strip_prefix("*") {
        Some("") => return None,
        Some(rest) => match rest.strip_prefix('.') {
            Some(rest) => rest,
            None => return Some(format!("{host} has a wildcard that is not a label of its own")),
        },
        None => host,
    };
    let rest = rest.strip_suffix('.').unwrap_or(rest);
    for label in rest.split('.') {
        let is_label = !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-');
        if !is_label {
            return Some(format!("{host} is not a host name: the label `{label}` is not one of RFC 1123"));
        }
    }
    None
}

/// The host in an authority: lower case, without port and without the dot that may end it.
///
/// ```
/// use serin_traffic::host_name::host_of;
///
/// assert_eq!(host_of(b"Reviews:9080"), "reviews");
/// assert_eq!(host_of(b"[::1]:8080"), "[::1]");
/// assert_eq!(host_of(b"reviews.default.svc.cluster.local."), "reviews.default.svc.cluster.local");
/// ```
pub fn host_of(authority: &[u8]) -> Cow<'_, str> {
    // The last colon, but none within the brackets of an IPv6 address; what follows need not be a number
    // (Envoy, `HeaderUtility::getPortStart`).
    let end = authority.iter().rposition(|byte| matches!(byte, b':' | b']'));
    let end = end.filter(|at| authority.get(*at) == Some(&b':')).unwrap_or(authority.len());
    let host = authority.get(..end).unwrap_or(authority);
    let host = host.strip_suffix(b".").unwrap_or(host);
    match String::from_utf8_lossy(host) {
        Cow::Borrowed(host) if !host.bytes().any(|byte| byte.is_ascii_uppercase()) => Cow::Borrowed(host),
        host => Cow::Owned(host.to_ascii_lowercase()),
    }
}

/// What is known of hosts, by name and by wildcard.
///
/// The full name beats every wildcard, a longer wildcard beats a shorter one, `*` comes last
/// (Envoy, `VirtualHost.domains`).
#[derive(Clone, Debug)]
pub(crate) struct HostTable<T> {
    exact: FxHashMap<String, T>,
    /// By the part behind the `*`, such as `.example.com`.
    suffixes: FxHashMap<String, T>,
    any: Option<T>,
}

impl<T> Default for HostTable<T> {
    fn default() -> Self {
        Self { exact: FxHashMap::default(), suffixes: FxHashMap::default(), any: None }
    }
}

impl<T> HostTable<T> {
    /// The entry of the pattern `host`, made with `fresh` if there is none.
    pub(crate) fn entry(&mut self, host: &str, fresh: impl FnOnce() -> T) -> &mut T {
        match host.strip_prefix('*') {
            Some("") => self.any.get_or_insert_with(fresh),
            Some(suffix) => self.suffixes.entry(suffix.to_owned()).or_insert_with(fresh),
            None => self.exact.entry(host.to_owned()).or_insert_with(fresh),
        }
    }

    /// What is known of `host`, which is in lower case and has no port.
    pub(crate) fn get(&self, host: &str) -> Option<&T> {
        if let Some(found) = self.exact.get(host) {
            return Some(found);
        }
        if !self.suffixes.is_empty() {
            let dots = host.bytes().enumerate().filter(|(at, byte)| *byte == b'.' && *at > 0);
            for (dot, _) in dots {
                if let Some(found) = host.get(dot..).and_then(|suffix| self.suffixes.get(suffix)) {
                    return Some(found);
                }
            }
        }
        self.any.as_ref()
    }

    /// The same table with what is known of each host turned into something else.
    pub(crate) fn map<U>(self, mut change: impl FnMut(T) -> U) -> HostTable<U> {
        HostTable {
            exact: self.exact.into_iter().map(|(host, value)| (host, change(value))).collect(),
            suffixes: self.suffixes.into_iter().map(|(host, value)| (host, change(value))).collect(),
            any: self.any.map(change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn table(hosts: &[&'static str]) -> HostTable<&'static str> {
        let mut table = HostTable::default();
        for host in hosts {
            table.entry(host, || *host);
        }
        table
    }

    #[test]
    fn the_full_name_beats_every_wildcard() {
        let table = table(&["*", "*.com", "*.example.com", "api.example.com"]);
        assert_eq!(table.get("api.example.com"), Some(&"api.example.com"));
        assert_eq!(table.get("www.example.com"), Some(&"*.example.com"));
        assert_eq!(table.get("a.b.example.com"), Some(&"*.example.com"));
        assert_eq!(table.get("example.com"), Some(&"*.com"));
        assert_eq!(table.get("example.org"), Some(&"*"));
    }

    #[test]
    fn a_wildcard_does_not_cover_the_bare_domain() {
        assert_eq!(table(&["*.example.com"]).get("example.com"), None);
        assert_eq!(table(&["*.example.com"]).get(".example.com"), None);
    }

    #[test]
    fn a_short_name_is_good_within_its_namespace_only() {
        let full = "reviews.default.svc.cluster.local";
        assert!(aliases(full, "default", "cluster.local").contains(&"reviews".to_owned()));
        assert!(!aliases(full, "prod", "cluster.local").contains(&"reviews".to_owned()));
        assert!(aliases(full, "prod", "cluster.local").contains(&"reviews.default".to_owned()));
        assert_eq!(aliases("api.example.com", "default", "cluster.local"), ["api.example.com"]);
    }

    #[test]
    fn what_is_behind_the_last_colon_is_the_port() {
        assert_eq!(host_of(b"reviews:http"), "reviews");
        assert_eq!(host_of(b"reviews:"), "reviews");
        assert_eq!(host_of(b"[::1]"), "[::1]");
        assert_eq!(host_of(b"[::1]:http"), "[::1]");
        assert_eq!(host_of(b""), "");
        assert_eq!(host_of(b":80"), "");
        assert_eq!(host_of(b"caf\xe9:80"), "caf\u{fffd}");
    }
}

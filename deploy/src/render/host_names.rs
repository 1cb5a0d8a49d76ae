//! The names by which a service can be called.

use crate::manifests::CLUSTER_DOMAIN;

/// All names of `full` that a client in `namespace` can use: Istio gives a service of the cluster `name`,
/// `name.namespace`, `name.namespace.svc` and the full name, the first only within its namespace.
pub(crate) fn names_of(full: &str, namespace: &str) -> Vec<String> {
    let inner = full.strip_suffix(CLUSTER_DOMAIN).and_then(|rest| rest.strip_suffix(".svc."));
    let Some((name, of)) = inner.and_then(|inner| inner.split_once('.')) else {
        return vec![full.to_owned()];
    };
    let mut names = vec![format!("{name}.{of}"), format!("{name}.{of}.svc"), full.to_owned()];
    if of == namespace && name != "*" {
        names.insert(0, name.to_owned());
    }
    names
}

/// Whether `pattern`, a full name or one with `*` before it, covers `host`.
pub(crate) fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_four_names_at_home_and_three_abroad() {
        let full = "reviews.default.svc.cluster.local";
        assert_eq!(names_of(full, "default"), ["reviews", "reviews.default", "reviews.default.svc", full]);
        assert_eq!(names_of(full, "prod"), ["reviews.default", "reviews.default.svc", full]);
        assert_eq!(names_of("api.example.com", "default"), ["api.example.com"]);
    }

    #[test]
    fn a_wildcard_covers_what_ends_with_it() {
        assert!(covers("*.default.svc.cluster.local", "reviews.default.svc.cluster.local"));
        assert!(!covers("*.prod.svc.cluster.local", "reviews.default.svc.cluster.local"));
        assert!(covers("*", "anything"));
    }
}

//! The names by which a service can be called.

use crate::manifests::CLUSTER_DOMAIN;
use serin_traffic::host_name::aliases;

/// All names of `full` that a client in `namespace` can use.
pub(crate) fn names_of(full: &str, namespace: &str) -> Vec<String> {
    aliases(full, namespace, CLUSTER_DOMAIN)
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

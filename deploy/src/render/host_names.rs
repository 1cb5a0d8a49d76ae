//! The names by which a service can be called.

use crate::manifests::CLUSTER_DOMAIN;
use serin_traffic::host_name::aliases;

/// All names of `full` that a client in `namespace` can use.
pub(crate) fn names_of(full: &str, namespace: &str) -> Vec<String> {
    aliases(full, namespace, CLUSTER_DOMAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_one_name_more_at_home_than_abroad() {
        let full = "reviews.default.svc.cluster.local";
        let with_dot = "reviews.default.svc.cluster.local.";
        assert_eq!(names_of(full, "default"), ["reviews", "reviews.default", "reviews.default.svc", full, with_dot]);
        assert_eq!(names_of(full, "prod"), ["reviews.default", "reviews.default.svc", full, with_dot]);
        assert_eq!(names_of("api.example.com", "default"), ["api.example.com", "api.example.com."]);
    }
}

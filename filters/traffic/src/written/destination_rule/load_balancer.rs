//! How an endpoint is chosen, as people write it.

use crate::record;
use crate::sorted::Sorted;

/// How an endpoint is chosen.
#[derive(Clone, Debug, Default)]
pub struct LoadBalancer {
    /// One of Istio's names: `ROUND_ROBIN`, `LEAST_REQUEST`, `RANDOM`, `PASSTHROUGH`.
    pub simple: Option<String>,
    /// The same endpoint for the same key.
    pub consistent_hash: Option<ConsistentHash>,
    /// By what endpoints report of their load.
    pub backend_utilization: Option<BackendUtilization>,
    /// Preferences by locality.
    pub locality_lb_setting: Option<LocalityLoadBalancing>,
    /// Preferences by zone.
    pub zone_aware_lb_setting: Option<ZoneAwareLoadBalancing>,
    /// A slow start for new endpoints.
    pub warmup: Option<Warmup>,
    /// The same, as it was written before.
    pub warmup_duration_secs: Option<String>,
}

record! {
    LoadBalancer {
        simple, consistent_hash, backend_utilization, locality_lb_setting, zone_aware_lb_setting, warmup,
        warmup_duration_secs,
    }
}

/// The key of a consistent hash, and the ring.
#[derive(Clone, Debug, Default)]
pub struct ConsistentHash {
    /// A header is the key.
    pub http_header_name: Option<String>,
    /// A cookie is the key.
    pub http_cookie: Option<HashCookie>,
    /// The client's address is the key.
    pub use_source_ip: Option<bool>,
    /// A query parameter is the key.
    pub http_query_parameter_name: Option<String>,
    /// A ring with a size.
    pub ring_hash: Option<RingHash>,
    /// A Maglev table with a size.
    pub maglev: Option<Maglev>,
    /// The ring's size, as it was written before.
    pub minimum_ring_size: Option<u64>,
}

record! {
    ConsistentHash {
        http_header_name, http_cookie, use_source_ip, http_query_parameter_name, ring_hash, maglev,
        minimum_ring_size,
    }
}

/// A cookie that serves as key, issued if it has a ttl.
#[derive(Clone, Debug, Default)]
pub struct HashCookie {
    /// Its name.
    pub name: String,
    /// The path that it is issued for.
    pub path: Option<String>,
    /// How long it lives.
    pub ttl: Option<String>,
    /// Further attributes.
    pub attributes: Vec<CookieAttribute>,
}

record! { HashCookie { name, path, ttl, attributes } }

/// An attribute of a cookie.
#[derive(Clone, Debug, Default)]
pub struct CookieAttribute {
    /// Its name.
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

record! { CookieAttribute { name, value } }

/// A ring with a size.
#[derive(Clone, Debug, Default)]
pub struct RingHash {
    /// Entries of the ring at the least.
    pub minimum_ring_size: Option<u64>,
}

record! { RingHash { minimum_ring_size } }

/// A Maglev table with a size.
#[derive(Clone, Debug, Default)]
pub struct Maglev {
    /// Entries of the table.
    pub table_size: u64,
}

record! { Maglev { table_size } }

/// Weights of endpoints by what they report of their load.
#[derive(Clone, Debug, Default)]
pub struct BackendUtilization {
    /// How long an endpoint has to report before its weight counts.
    pub weight_stabilization_period: Option<String>,
    /// How long a report counts.
    pub weight_expiration_period: Option<String>,
    /// How often weights change.
    pub weight_update_period: Option<String>,
    /// How much errors lower a weight, in percent.
    pub error_utilization_penalty_percent: Option<u32>,
    /// The metrics that count.
    pub metric_names_for_computing_utilization: Vec<String>,
}

record! {
    BackendUtilization {
        weight_stabilization_period, weight_expiration_period, weight_update_period,
        error_utilization_penalty_percent, metric_names_for_computing_utilization,
    }
}

/// A slow start for new endpoints.
#[derive(Clone, Debug, Default)]
pub struct Warmup {
    /// How long it takes.
    pub duration: Option<String>,
    /// The share of its requests that an endpoint begins with, in percent.
    pub minimum_percent: Option<f64>,
    /// How the share grows: 1 evenly, more than 1 slowly at first.
    pub aggression: Option<f64>,
}

record! { Warmup { duration, minimum_percent, aggression } }

/// Preferences by locality.
#[derive(Clone, Debug, Default)]
pub struct LocalityLoadBalancing {
    /// Shares of localities, by where the client is.
    pub distribute: Vec<Distribute>,
    /// Where requests go when a region fails.
    pub failover: Vec<LocalityFailover>,
    /// Labels by which endpoints are preferred.
    pub failover_priority: Vec<String>,
    /// Whether it applies.
    pub enabled: Option<bool>,
}

record! { LocalityLoadBalancing { distribute, failover, failover_priority, enabled } }

/// Shares of localities.
#[derive(Clone, Debug, Default)]
pub struct Distribute {
    /// Where the client is: `region/zone/subzone`.
    pub from: String,
    /// Percent by locality.
    pub to: Sorted<String, u32>,
}

record! { Distribute { from, to } }

/// Where requests go when a region fails.
#[derive(Clone, Debug, Default)]
pub struct LocalityFailover {
    /// The region that fails.
    pub from: String,
    /// The region that takes over.
    pub to: String,
}

record! { LocalityFailover { from, to } }

/// Preferences by zone.
#[derive(Clone, Debug, Default)]
pub struct ZoneAwareLoadBalancing {
    /// Whether it applies.
    pub enabled: Option<bool>,
    /// Where requests go when a region fails.
    pub failover: Vec<LocalityFailover>,
    /// Labels by which endpoints are preferred.
    pub failover_priority: Vec<String>,
    /// With fewer endpoints, zones do not count.
    pub min_cluster_size: Option<u32>,
}

record! { ZoneAwareLoadBalancing { enabled, failover, failover_priority, min_cluster_size } }

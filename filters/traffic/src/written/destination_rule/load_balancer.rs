//! How an endpoint is chosen, as people write it.

use crate::written::null_as_absent;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How an endpoint is chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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

/// The key of a consistent hash, and the ring.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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

/// A cookie that serves as key, issued if it has a ttl.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HashCookie {
    /// Its name.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub name: String,
    /// The path that it is issued for.
    pub path: Option<String>,
    /// How long it lives.
    pub ttl: Option<String>,
    /// Further attributes.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub attributes: Vec<CookieAttribute>,
}

/// An attribute of a cookie.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CookieAttribute {
    /// Its name.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub name: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

/// A ring with a size.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RingHash {
    /// Entries of the ring at the least.
    pub minimum_ring_size: Option<u64>,
}

/// A Maglev table with a size.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Maglev {
    /// Entries of the table.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub table_size: u64,
}

/// Weights of endpoints by what they report of their load.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    #[serde(default, deserialize_with = "null_as_absent")]
    pub metric_names_for_computing_utilization: Vec<String>,
}

/// A slow start for new endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Warmup {
    /// How long it takes.
    pub duration: Option<String>,
    /// The share of its requests that an endpoint begins with, in percent.
    pub minimum_percent: Option<f64>,
    /// How the share grows: 1 evenly, more than 1 slowly at first.
    pub aggression: Option<f64>,
}

/// Preferences by locality.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalityLoadBalancing {
    /// Shares of localities, by where the client is.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub distribute: Vec<Distribute>,
    /// Where requests go when a region fails.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub failover: Vec<LocalityFailover>,
    /// Labels by which endpoints are preferred.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub failover_priority: Vec<String>,
    /// Whether it applies.
    pub enabled: Option<bool>,
}

/// Shares of localities.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Distribute {
    /// Where the client is: `region/zone/subzone`.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub from: String,
    /// Percent by locality.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub to: BTreeMap<String, u32>,
}

/// Where requests go when a region fails.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalityFailover {
    /// The region that fails.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub from: String,
    /// The region that takes over.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub to: String,
}

/// Preferences by zone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ZoneAwareLoadBalancing {
    /// Whether it applies.
    pub enabled: Option<bool>,
    /// Where requests go when a region fails.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub failover: Vec<LocalityFailover>,
    /// Labels by which endpoints are preferred.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub failover_priority: Vec<String>,
    /// With fewer endpoints, zones do not count.
    pub min_cluster_size: Option<u32>,
}

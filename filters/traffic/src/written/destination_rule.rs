//! Istio's DestinationRule, as people write it.
//!
//! The filters read which subsets there are; what traffic policy says is Envoy's to do, and `serin render` writes it
//! into Envoy's clusters.

use super::null_as_absent;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The spec of a DestinationRule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestinationRule {
    /// The service that the rule is for.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub host: String,
    /// How requests to the service are carried.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named parts of the service.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub subsets: Vec<Subset>,
    /// The namespaces that see the rule: `*`, `.` for its own, or names; every one if there are none.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub export_to: Vec<String>,
    /// The workloads that the rule is for.
    pub workload_selector: Option<Value>,
}

/// A named part of a service: the endpoints that have the labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subset {
    /// The name that rules use.
    pub name: String,
    /// Labels that an endpoint must have.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub labels: BTreeMap<String, String>,
    /// How requests to the subset are carried, where it differs from the whole.
    pub traffic_policy: Option<TrafficPolicy>,
}

/// How requests are carried.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Bounds on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When an endpoint is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
    /// The same for single ports.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub port_level_settings: Vec<PortTrafficPolicy>,
    /// TLS to the endpoints.
    pub tls: Option<Value>,
    /// A tunnel to the endpoints.
    pub tunnel: Option<Value>,
    /// The PROXY protocol.
    pub proxy_protocol: Option<Value>,
    /// How many retries may be under way.
    pub retry_budget: Option<Value>,
}

/// How requests to one port are carried.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortTrafficPolicy {
    /// The port.
    pub port: super::PortSelector,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Bounds on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When an endpoint is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS to the endpoints.
    pub tls: Option<Value>,
}

/// How an endpoint is chosen.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// One of Istio's names: `ROUND_ROBIN`, `LEAST_REQUEST`, `RANDOM`, `PASSTHROUGH`.
    pub simple: Option<String>,
    /// The same endpoint for the same key.
    pub consistent_hash: Option<ConsistentHash>,
    /// Preferences by locality.
    pub locality_lb_setting: Option<Value>,
    /// Preferences by zone.
    pub zone_aware_lb_setting: Option<Value>,
    /// A slow start for new endpoints.
    pub warmup: Option<Value>,
    /// The same, as it was written before.
    pub warmup_duration_secs: Option<Value>,
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
    pub ring_hash: Option<Value>,
    /// A Maglev table with a size.
    pub maglev: Option<Value>,
    /// The ring's size, as it was written before.
    pub minimum_ring_size: Option<u64>,
}

/// A cookie that serves as key, issued if it has a ttl.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HashCookie {
    /// Its name.
    pub name: String,
    /// The path that it is issued for.
    pub path: Option<String>,
    /// How long it lives.
    pub ttl: Option<String>,
    /// Further attributes.
    pub attributes: Option<Value>,
}

/// Bounds on connections and requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionPool {
    /// Bounds for TCP.
    pub tcp: Option<TcpPool>,
    /// Bounds for HTTP.
    pub http: Option<HttpPool>,
}

/// Bounds for TCP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpPool {
    /// Connections to the service at most.
    pub max_connections: Option<u32>,
    /// How long a connection may take to be made.
    pub connect_timeout: Option<String>,
    /// Keep-alive probes.
    pub tcp_keepalive: Option<Value>,
    /// How long a connection may live.
    pub max_connection_duration: Option<String>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<String>,
}

/// Bounds for HTTP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpPool {
    /// Requests that may wait for a connection.
    pub http1_max_pending_requests: Option<u32>,
    /// Requests that may be under way.
    pub http2_max_requests: Option<u32>,
    /// Requests that one connection may carry.
    pub max_requests_per_connection: Option<u32>,
    /// Retries that may be under way.
    pub max_retries: Option<u32>,
    /// How long a connection may be idle.
    pub idle_timeout: Option<String>,
    /// Whether connections become HTTP/2.
    pub h2_upgrade_policy: Option<String>,
    /// Whether the client's protocol is kept.
    pub use_client_protocol: Option<bool>,
    /// Streams that one HTTP/2 connection may carry at a time.
    pub max_concurrent_streams: Option<u32>,
    /// HTTP/2 keep-alive.
    pub http2_keep_alive: Option<Value>,
}

/// When an endpoint is left out for a while.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutlierDetection {
    /// Answers of 5xx in a row that do it.
    pub consecutive5xx_errors: Option<u32>,
    /// The same, as it was written before.
    pub consecutive_errors: Option<u32>,
    /// Answers of 502, 503, 504 in a row that do it.
    pub consecutive_gateway_errors: Option<u32>,
    /// Failures to connect in a row that do it.
    pub consecutive_local_origin_failures: Option<u32>,
    /// Whether failures to connect are counted apart.
    pub split_external_local_origin_errors: Option<bool>,
    /// How often it is looked.
    pub interval: Option<String>,
    /// How long an endpoint is left out at the least.
    pub base_ejection_time: Option<String>,
    /// The share of endpoints that may be left out, in percent.
    pub max_ejection_percent: Option<u32>,
    /// The share of endpoints that must be healthy, in percent.
    pub min_health_percent: Option<u32>,
    /// Status codes that count.
    pub outlier_detection_http_error_codes: Option<Value>,
}

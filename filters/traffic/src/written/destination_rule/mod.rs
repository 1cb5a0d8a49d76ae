//! Istio's DestinationRule, as people write it.
//!
//! The filters read which subsets there are; what traffic policy says is Envoy's to do, and `serin render` writes it
//! into Envoy's clusters.

mod connection_pool;
mod load_balancer;
mod outlier_detection;
mod tls;

pub use connection_pool::{ConnectionPool, Http2KeepAlive, HttpPool, TcpKeepalive, TcpPool};
pub use load_balancer::{
    BackendUtilization, ConsistentHash, CookieAttribute, Distribute, HashCookie, LoadBalancer, LocalityFailover,
    LocalityLoadBalancing, Maglev, RingHash, Warmup, ZoneAwareLoadBalancing,
};
pub use outlier_detection::OutlierDetection;
pub use tls::ClientTls;

use super::null_as_absent;
use serde::Deserialize;
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
    pub workload_selector: Option<WorkloadSelector>,
}

/// A named part of a service: the endpoints that have the labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subset {
    /// The name that rules use.
    #[serde(default, deserialize_with = "null_as_absent")]
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
    pub tls: Option<ClientTls>,
    /// A tunnel to the endpoints.
    pub tunnel: Option<Tunnel>,
    /// The PROXY protocol.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// How many retries may be under way.
    pub retry_budget: Option<RetryBudget>,
}

/// How requests to one port are carried.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortTrafficPolicy {
    /// The port.
    pub port: Option<super::PortSelector>,
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Bounds on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When an endpoint is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
    /// TLS to the endpoints.
    pub tls: Option<ClientTls>,
}

/// The workloads that a DestinationRule is for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadSelector {
    /// Labels that a workload must have.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub match_labels: BTreeMap<String, String>,
}

/// A tunnel to the endpoints.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tunnel {
    /// `CONNECT` or `POST`.
    pub protocol: Option<String>,
    /// The host to which the tunnel leads.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub target_host: String,
    /// The port to which it leads.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub target_port: u32,
}

/// The PROXY protocol.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxyProtocol {
    /// `V1` or `V2`.
    pub version: Option<String>,
}

/// How many retries may be under way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RetryBudget {
    /// In percent of the requests that are under way.
    pub percent: Option<f64>,
    /// As many are always allowed.
    pub min_retry_concurrency: Option<u32>,
    /// The time over which requests are counted.
    pub budget_interval: Option<String>,
}

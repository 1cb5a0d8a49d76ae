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

use crate::record;
use std::collections::BTreeMap;

/// The spec of a DestinationRule.
#[derive(Clone, Debug, Default)]
pub struct DestinationRule {
    /// The service that the rule is for.
    pub host: String,
    /// How requests to the service are carried.
    pub traffic_policy: Option<TrafficPolicy>,
    /// Named parts of the service.
    pub subsets: Vec<Subset>,
    /// The namespaces that see the rule: `*`, `.` for its own, or names; every one if there are none.
    pub export_to: Vec<String>,
    /// The workloads that the rule is for.
    pub workload_selector: Option<WorkloadSelector>,
}

record! { DestinationRule { host, traffic_policy, subsets, export_to, workload_selector } }

/// A named part of a service: the endpoints that have the labels.
#[derive(Clone, Debug, Default)]
pub struct Subset {
    /// The name that rules use.
    pub name: String,
    /// Labels that an endpoint must have.
    pub labels: BTreeMap<String, String>,
    /// How requests to the subset are carried, where it differs from the whole.
    pub traffic_policy: Option<TrafficPolicy>,
}

record! { Subset { name, labels, traffic_policy } }

/// How requests are carried.
#[derive(Clone, Debug, Default)]
pub struct TrafficPolicy {
    /// How an endpoint is chosen.
    pub load_balancer: Option<LoadBalancer>,
    /// Bounds on connections and requests.
    pub connection_pool: Option<ConnectionPool>,
    /// When an endpoint is left out for a while.
    pub outlier_detection: Option<OutlierDetection>,
    /// The same for single ports.
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

record! {
    TrafficPolicy {
        load_balancer, connection_pool, outlier_detection, port_level_settings, tls, tunnel, proxy_protocol,
        retry_budget,
    }
}

/// How requests to one port are carried.
#[derive(Clone, Debug, Default)]
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

record! { PortTrafficPolicy { port, load_balancer, connection_pool, outlier_detection, tls } }

/// The workloads that a DestinationRule is for.
#[derive(Clone, Debug, Default)]
pub struct WorkloadSelector {
    /// Labels that a workload must have.
    pub match_labels: BTreeMap<String, String>,
}

record! { WorkloadSelector { match_labels } }

/// A tunnel to the endpoints.
#[derive(Clone, Debug, Default)]
pub struct Tunnel {
    /// `CONNECT` or `POST`.
    pub protocol: Option<String>,
    /// The host to which the tunnel leads.
    pub target_host: String,
    /// The port to which it leads.
    pub target_port: u32,
}

record! { Tunnel { protocol, target_host, target_port } }

/// The PROXY protocol.
#[derive(Clone, Debug, Default)]
pub struct ProxyProtocol {
    /// `V1` or `V2`.
    pub version: Option<String>,
}

record! { ProxyProtocol { version } }

/// How many retries may be under way.
#[derive(Clone, Debug, Default)]
pub struct RetryBudget {
    /// In percent of the requests that are under way.
    pub percent: Option<f64>,
    /// As many are always allowed.
    pub min_retry_concurrency: Option<u32>,
    /// The time over which requests are counted.
    pub budget_interval: Option<String>,
}

record! { RetryBudget { percent, min_retry_concurrency, budget_interval } }

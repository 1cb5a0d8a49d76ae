//! Configurations for proxies, drawn from a [`World`](crate::manifests::World).

mod cluster;
mod duration;
pub mod envoy;
mod envoy_filter;
mod http_options;
pub mod istio;
mod left;
mod listener;
mod load_balancer;
mod members;
mod options;
mod plugin;
mod rewritten;
mod route;
mod secrets;
mod server_tls;
mod stats;
mod traffic_policy;
mod trust;
mod upstream_tls;

pub(crate) use members::stand_ins;
pub(crate) use plugin::PluginConfiguration;

pub use options::{Endpoints, Filter, Listen, ListenerName};
pub use stats::extra_stat_tags;

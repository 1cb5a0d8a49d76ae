//! Configurations for proxies, drawn from a [`World`](crate::manifests::World).

mod cluster;
mod duration;
pub mod envoy;
mod envoy_filter;
pub mod istio;
mod listener;
mod load_balancer;
mod members;
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

pub use cluster::Endpoints;
pub use listener::{Listen, ListenerName};
pub use plugin::Filter;
pub use stats::extra_stat_tags;

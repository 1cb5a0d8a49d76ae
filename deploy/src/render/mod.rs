//! Configurations for proxies, drawn from a [`World`](crate::manifests::World).

mod cluster;
mod duration;
pub mod envoy;
mod host_names;
pub mod istio;
mod listener;
mod load_balancer;
mod plugin;
mod route;
mod stats;
mod traffic_policy;

pub(crate) use listener::MESH;
pub(crate) use plugin::PluginConfiguration;

pub use cluster::Endpoints;
pub use listener::{Listen, ListenerName};
pub use plugin::Filter;
pub use stats::extra_stat_tags;

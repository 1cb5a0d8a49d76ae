//! Configurations for proxies, drawn from a [`World`](crate::manifests::World).

mod cluster;
mod duration;
pub mod envoy;
mod host_names;
pub mod istio;
mod listener;
mod plugin;
mod route;
mod traffic_policy;

pub use cluster::Endpoints;
pub use listener::{Listen, ListenerName};
pub use plugin::Filter;

//! Kubernetes' Service, as far as rules need it: its ports.

use super::null_as_absent;
use serde::Deserialize;

/// The part of a Service that gives a destination its port; all else passes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Service {
    /// The ports that the Service has.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub ports: Vec<ServicePort>,
}

/// One port of a Service; all else about it passes.
#[derive(Clone, Debug, Deserialize)]
pub struct ServicePort {
    /// The number that clients and rules use.
    pub port: u16,
}

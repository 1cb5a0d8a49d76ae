//! Kubernetes' Service, as far as rules need it: its ports, and which pods are its own.

use super::null_as_absent;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The part of a Service that gives a destination its port, and says which workloads are it; all else passes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Service {
    /// The ports that the Service has.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub ports: Vec<ServicePort>,
    /// The labels of its pods, whatever was written.
    #[serde(default, rename = "selector")]
    written_selector: Value,
}

impl Service {
    /// The labels that its pods have; `None` if it does not select any.
    pub fn selector(&self) -> Option<BTreeMap<String, String>> {
        let written = self.written_selector.as_object().filter(|written| !written.is_empty())?;
        written.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
    }
}

/// One port of a Service; all else about it passes.
#[derive(Clone, Debug, Deserialize)]
pub struct ServicePort {
    /// The number that clients and rules use.
    pub port: u16,
}

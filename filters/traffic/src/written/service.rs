//! Kubernetes' Service, as far as rules need it: its ports, and which pods are its own.

use crate::record;
use serde_json::Value;
use std::collections::BTreeMap;

/// The part of a Service that gives a destination its port, and says which workloads are it; all else passes.
#[derive(Clone, Debug, Default)]
pub struct Service {
    /// The ports that the Service has.
    pub ports: Vec<ServicePort>,
    /// The labels of its pods, whatever was written.
    written_selector: Value,
}

record! { Service { ports, written_selector: "selector" }, open: true }

impl Service {
    /// The labels that its pods have; `None` if it does not select any.
    pub fn selector(&self) -> Option<BTreeMap<String, String>> {
        let written = self.written_selector.as_object().filter(|written| !written.is_empty())?;
        let mut selector = BTreeMap::new();
        for (name, value) in written {
            selector.insert(name.clone(), value.as_str()?.to_owned());
        }
        Some(selector)
    }
}

/// One port of a Service; all else about it passes.
#[derive(Clone, Debug, Default)]
pub struct ServicePort {
    /// The number that clients and rules use.
    pub port: u16,
}

record! { ServicePort { port }, required: &["port"], open: true }

//! Istio's ServiceEntry, as far as the filters need it.

use super::null_as_absent;
use serde::Deserialize;

/// The part of a ServiceEntry that gives a destination its port; all else passes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceEntry {
    /// The hosts that the entry adds to the mesh.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub hosts: Vec<String>,
    /// The namespaces that see the hosts: `*`, `.` for its own, or names; every one if there are none.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub export_to: Vec<String>,
    /// Their ports.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub ports: Vec<EntryPort>,
}

/// One port of a ServiceEntry; all else about it passes.
#[derive(Clone, Debug, Deserialize)]
pub struct EntryPort {
    /// The number that clients and rules use.
    pub number: u16,
}

//! Istio's ServiceEntry, as far as the filters need it.

use crate::record;

/// The part of a ServiceEntry that gives a destination its port; all else passes.
#[derive(Clone, Debug, Default)]
pub struct ServiceEntry {
    /// The hosts that the entry adds to the mesh.
    pub hosts: Vec<String>,
    /// The namespaces that see the hosts: `*`, `.` for its own, or names; every one if there are none.
    pub export_to: Vec<String>,
    /// Their ports.
    pub ports: Vec<EntryPort>,
}

record! { ServiceEntry { hosts, export_to, ports }, open: true }

/// One port of a ServiceEntry; all else about it passes.
#[derive(Clone, Debug, Default)]
pub struct EntryPort {
    /// The number that clients and rules use.
    pub number: u16,
}

record! { EntryPort { number }, required: &["number"], open: true }

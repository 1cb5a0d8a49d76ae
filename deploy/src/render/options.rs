//! What a configuration for Envoy depends on besides the manifests.

use crate::manifests::{Replica, World};
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// What a configuration depends on besides the manifests.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filters, in the order in which a request meets them.
    pub filters: Vec<Filter>,
    /// Who calls through the mesh; its namespace is that of the manifests if it has none.
    pub source: Source,
    /// Where the pods are.
    pub endpoints: Endpoints,
    /// Where listeners listen.
    pub listen: Listen,
    /// The only gateway that is rendered, `mesh` or a Gateway by any of its names; all of them if there is none.
    pub gateway: Option<String>,
    /// Where requests are logged.
    pub access_log: Option<PathBuf>,
}

impl Options {
    pub(crate) fn own_namespace<'a>(&'a self, world: &'a World) -> &'a str {
        self.source.namespace.as_deref().unwrap_or(&world.namespace)
    }
}

/// A Wasm filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Its name: that of the module.
    pub name: String,
    /// Where Envoy finds the module.
    pub file: PathBuf,
}

/// Where the pods are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// At these addresses; a pod without one has no endpoint.
    Addresses(BTreeMap<Replica, SocketAddr>),
    /// Under the name of their workload, as in Docker Compose; Envoy asks the DNS.
    Names,
}

/// A listener's name: which gateway, and which of its ports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListenerName {
    /// `mesh`, or the Gateway's `namespace/name`.
    pub gateway: String,
    /// The port as manifests have it.
    pub port: u16,
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.gateway, self.port)
    }
}

/// Where listeners listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// On 127.0.0.1, at a port that the system gives.
    AnyPort,
    /// On that address, at the port of the manifests.
    OwnPort(IpAddr),
}

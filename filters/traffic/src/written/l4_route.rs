//! A VirtualService's rules for TLS and TCP.

use super::Destination;
use crate::record;
use std::collections::BTreeMap;

/// An entry of `tls[]` or `tcp[]`.
#[derive(Clone, Debug, Default)]
pub struct ConnectionRoute {
    /// Conditions, of which any will do.
    pub matches: Vec<ConnectionMatch>,
    /// The destinations and their weights.
    pub route: Vec<ConnectionDestination>,
}

record! { ConnectionRoute { matches: "match", route } }

/// Conditions on one connection, all of which must hold.
#[derive(Clone, Debug, Default)]
pub struct ConnectionMatch {
    /// The hosts that the client names before the connection is encrypted: of `tls[]` only.
    pub sni_hosts: Vec<String>,
    /// Ranges of addresses, one of which has the destination.
    pub destination_subnets: Vec<String>,
    /// The listener's port.
    pub port: Option<u32>,
    /// A range of addresses that the source has: of `tcp[]` only, and no longer read by Istio.
    pub source_subnet: Option<String>,
    /// Labels that the calling workload must have.
    pub source_labels: BTreeMap<String, String>,
    /// The calling workload's namespace.
    pub source_namespace: Option<String>,
    /// The gateways for which the match is meant.
    pub gateways: Vec<String>,
}

record! {
    ConnectionMatch {
        sni_hosts, destination_subnets, port, source_subnet, source_labels, source_namespace, gateways,
    }
}

/// A destination of connections and its weight.
#[derive(Clone, Debug, Default)]
pub struct ConnectionDestination {
    /// Where connections go.
    pub destination: Destination,
    /// The destination's part of the sum of weights; 0 if absent.
    pub weight: Option<i64>,
}

record! { ConnectionDestination { destination, weight }, required: &["destination"] }

//! A VirtualService's rules for TLS and TCP.

use super::{Destination, null_as_absent};
use serde::Deserialize;
use std::collections::BTreeMap;

/// An entry of `tls[]` or `tcp[]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionRoute {
    /// Conditions, of which any will do.
    #[serde(default, rename = "match", deserialize_with = "null_as_absent")]
    pub matches: Vec<ConnectionMatch>,
    /// The destinations and their weights.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub route: Vec<ConnectionDestination>,
}

/// Conditions on one connection, all of which must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionMatch {
    /// The hosts that the client names before the connection is encrypted: of `tls[]` only.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub sni_hosts: Vec<String>,
    /// Ranges of addresses, one of which has the destination.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub destination_subnets: Vec<String>,
    /// The listener's port.
    pub port: Option<u32>,
    /// A range of addresses that the source has: of `tcp[]` only, and no longer read by Istio.
    pub source_subnet: Option<String>,
    /// Labels that the calling workload must have.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub source_labels: BTreeMap<String, String>,
    /// The calling workload's namespace.
    pub source_namespace: Option<String>,
    /// The gateways for which the match is meant.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub gateways: Vec<String>,
}

/// A destination of connections and its weight.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionDestination {
    /// Where connections go.
    pub destination: Destination,
    /// The destination's part of the sum of weights; 0 if absent.
    pub weight: Option<i64>,
}

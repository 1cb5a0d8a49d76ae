//! Istio's VirtualService, as people write it.
//!
//! The fields and their names are those of Istio's CRD `virtualservices.networking.istio.io`. What Serin does not
//! implement is here as a plain [`Value`], so that it can be refused by its name.

use super::null_as_absent;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The spec of a VirtualService.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VirtualService {
    /// The hosts whose requests these rules are for.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub hosts: Vec<String>,
    /// The gateways that apply the rules; `mesh` alone if there are none.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub gateways: Vec<String>,
    /// The rules for HTTP, the first that applies wins.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub http: Vec<HttpRoute>,
    /// Rules for TLS that is passed through: not for an HTTP filter.
    pub tls: Option<Value>,
    /// Rules for TCP: not for an HTTP filter.
    pub tcp: Option<Value>,
    /// The namespaces that see the VirtualService; who hands the manifests over has chosen already, so it says nothing here.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub export_to: Vec<String>,
}

/// A rule: if one of its matches applies, then what is done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRoute {
    /// What people call the rule.
    pub name: Option<String>,
    /// Conditions, of which any will do; none apply to every request.
    #[serde(default, rename = "match", deserialize_with = "null_as_absent")]
    pub matches: Vec<HttpMatch>,
    /// The destinations and their weights.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub route: Vec<RouteDestination>,
    /// One destination that gets a copy of the requests.
    pub mirror: Option<Destination>,
    /// The share of requests that `mirror` gets.
    pub mirror_percentage: Option<Percent>,
    /// The same in whole percent, as it was written before `mirrorPercentage`.
    #[serde(alias = "mirror_percent")]
    pub mirror_percent: Option<u32>,
    /// Destinations that get a copy of the requests, each with a share of its own.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub mirrors: Vec<Mirror>,
    /// Not implemented.
    pub redirect: Option<Value>,
    /// Not implemented.
    pub direct_response: Option<Value>,
    /// Not implemented.
    pub delegate: Option<Value>,
    /// Not implemented.
    pub rewrite: Option<Value>,
    /// Not implemented.
    pub timeout: Option<Value>,
    /// Not implemented.
    pub retries: Option<Value>,
    /// Not implemented.
    pub fault: Option<Value>,
    /// Not implemented.
    pub cors_policy: Option<Value>,
    /// Not implemented.
    pub headers: Option<Value>,
}

/// Conditions on one request, all of which must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpMatch {
    /// What people call the match.
    pub name: Option<String>,
    /// The path, without its query.
    pub uri: Option<StringMatch>,
    /// Whether `uri` looks away from upper and lower case; not for a regex.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub ignore_uri_case: bool,
    /// The scheme.
    pub scheme: Option<StringMatch>,
    /// The method.
    pub method: Option<StringMatch>,
    /// The authority, with its port.
    pub authority: Option<StringMatch>,
    /// Headers that must match.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub headers: BTreeMap<String, StringMatch>,
    /// Headers that must not match.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub without_headers: BTreeMap<String, StringMatch>,
    /// Parameters of the query that must match.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub query_params: BTreeMap<String, StringMatch>,
    /// The listener's port.
    pub port: Option<u32>,
    /// Labels that the calling workload must have.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub source_labels: BTreeMap<String, String>,
    /// The calling workload's namespace.
    pub source_namespace: Option<String>,
    /// The gateways for which the match is meant; they stand in for those of the VirtualService.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub gateways: Vec<String>,
    /// A name for statistics: Envoy's route table has them, a filter has none to give.
    pub stat_prefix: Option<String>,
}

/// How a text is compared; with none of the three it has only to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StringMatch {
    /// The text itself.
    pub exact: Option<String>,
    /// How the text begins.
    pub prefix: Option<String>,
    /// A regular expression for the whole text, in RE2's syntax.
    pub regex: Option<String>,
}

/// A destination and its weight.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteDestination {
    /// Where requests go.
    pub destination: Destination,
    /// The destination's part of the sum of weights; 0 if absent.
    pub weight: Option<i64>,
    /// Not implemented.
    pub headers: Option<Value>,
}

/// A service, or a subset of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// The service's name, short or full.
    pub host: String,
    /// A subset that a DestinationRule of the host declares.
    pub subset: Option<String>,
    /// The service's port.
    pub port: Option<PortSelector>,
}

/// A port by its number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PortSelector {
    /// The number.
    pub number: Option<u32>,
}

/// A destination that gets copies, and how many.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mirror {
    /// Where the copies go.
    pub destination: Destination,
    /// The share of requests that is copied; all of them if absent.
    pub percentage: Option<Percent>,
}

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Percent {
    /// The share; 0 if absent, as in Istio.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub value: f64,
}

//! Istio's VirtualService, as people write it.
//!
//! The fields and their names are those of Istio's CRD `virtualservices.networking.istio.io`.

use super::{ConnectionRoute, null_as_absent};
use serde::Deserialize;
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
    /// Rules for TLS that is passed through, which no HTTP filter sees: left to Istio.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub tls: Vec<ConnectionRoute>,
    /// Rules for TCP, which no HTTP filter sees: left to Istio.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub tcp: Vec<ConnectionRoute>,
    /// The namespaces that see the VirtualService: `*`, `.` for its own, or names; every one if there are none.
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
    /// An answer that sends the client elsewhere.
    pub redirect: Option<Redirect>,
    /// An answer of fixed status and body.
    pub direct_response: Option<DirectResponse>,
    /// The VirtualService that has the rules, this one only the first conditions.
    pub delegate: Option<Delegate>,
    /// How path and authority are rewritten.
    pub rewrite: Option<Rewrite>,
    /// How long an answer may take.
    pub timeout: Option<String>,
    /// How often and when a request is tried again.
    pub retries: Option<Retries>,
    /// Delays and failures that are put in on purpose.
    pub fault: Option<Fault>,
    /// Who may call across origins.
    pub cors_policy: Option<CorsPolicy>,
    /// Changes to the headers of requests and answers.
    pub headers: Option<HeaderRules>,
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
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{exact: …}, {prefix: …} or {regex: …}")]
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
    /// Changes to the headers of requests and answers of this destination.
    pub headers: Option<HeaderRules>,
}

/// A service, or a subset of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{host: …}")]
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
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{number: 80}")]
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
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{value: 50}")]
pub struct Percent {
    /// The share; 0 if absent, as in Istio.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub value: f64,
}

/// An answer that sends the client elsewhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{uri: …}")]
pub struct Redirect {
    /// The path, with a query or without.
    pub uri: Option<String>,
    /// What stands in for the prefix that matched.
    pub prefix_rewrite: Option<String>,
    /// The authority.
    pub authority: Option<String>,
    /// The port.
    pub port: Option<u32>,
    /// Where the port comes from: `FROM_PROTOCOL_DEFAULT` or `FROM_REQUEST_PORT`.
    pub derive_port: Option<String>,
    /// The scheme.
    pub scheme: Option<String>,
    /// The status code; 301 if absent.
    pub redirect_code: Option<u32>,
}

/// An answer of fixed status and body.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DirectResponse {
    /// The status code.
    pub status: u32,
    /// The body; none if absent.
    pub body: Option<Body>,
}

/// A body, as text or as bytes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{string: …}")]
pub struct Body {
    /// The text.
    pub string: Option<String>,
    /// The bytes, in base64.
    pub bytes: Option<String>,
}

/// The VirtualService that has the rules.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{name: …}")]
pub struct Delegate {
    /// Its name.
    pub name: Option<String>,
    /// Its namespace; that of the root if absent.
    pub namespace: Option<String>,
}

/// How path and authority are rewritten.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, expecting = "{uri: …}")]
pub struct Rewrite {
    /// What stands in for the prefix that matched, or for the whole path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
    /// A pattern, and what stands in for it.
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// A pattern, and what stands in for it wherever it matches.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegexRewrite {
    /// The pattern, in RE2's syntax.
    #[serde(default, rename = "match", deserialize_with = "null_as_absent")]
    pub pattern: String,
    /// What stands in for it, with `\\1` for its first group.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub rewrite: String,
}

/// How often and when a request is tried again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Retries {
    /// How often; 0 for never.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub attempts: i64,
    /// How long one try may take.
    pub per_try_timeout: Option<String>,
    /// When, in Envoy's words and status codes, with commas between.
    pub retry_on: Option<String>,
    /// Whether endpoints of other localities are tried.
    pub retry_remote_localities: Option<bool>,
    /// Whether endpoints that were tried are tried again.
    pub retry_ignore_previous_hosts: Option<bool>,
    /// How long to wait before the first further try.
    pub backoff: Option<String>,
}

/// Delays and failures that are put in on purpose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// A wait before the request goes on.
    pub delay: Option<FaultDelay>,
    /// An answer in the upstream's stead.
    pub abort: Option<FaultAbort>,
}

/// A wait before the request goes on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultDelay {
    /// The share of requests that wait; none if absent.
    pub percentage: Option<Percent>,
    /// The same in whole percent, as it was written before.
    pub percent: Option<i64>,
    /// How long they wait.
    pub fixed_delay: Option<String>,
    /// Not implemented, by Istio neither.
    pub exponential_delay: Option<String>,
}

/// An answer in the upstream's stead.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultAbort {
    /// The share of requests that are answered; none if absent.
    pub percentage: Option<Percent>,
    /// The status code.
    pub http_status: Option<i64>,
    /// The gRPC status, by name or number.
    pub grpc_status: Option<String>,
    /// Not implemented, by Istio neither.
    pub http2_error: Option<String>,
}

/// Who may call across origins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorsPolicy {
    /// Origins that may, as they were written before `allowOrigins`.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub allow_origin: Vec<String>,
    /// Origins that may.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub allow_origins: Vec<StringMatch>,
    /// Methods that they may use.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub allow_methods: Vec<String>,
    /// Headers that they may send.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub allow_headers: Vec<String>,
    /// Headers of the answer that they may read.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub expose_headers: Vec<String>,
    /// How long a client may remember the answer to a preflight.
    pub max_age: Option<String>,
    /// Whether they may send credentials.
    pub allow_credentials: Option<bool>,
    /// What becomes of a preflight of another origin: `FORWARD` or `IGNORE`.
    pub unmatched_preflights: Option<String>,
}

/// Changes to the headers of requests and answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderRules {
    /// Changes to requests.
    pub request: Option<HeaderOperations>,
    /// Changes to answers.
    pub response: Option<HeaderOperations>,
}

/// Changes to headers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderOperations {
    /// Headers that get this one value.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub set: BTreeMap<String, String>,
    /// Headers that get this value besides those that they have.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub add: BTreeMap<String, String>,
    /// Headers that are taken off.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub remove: Vec<String>,
}

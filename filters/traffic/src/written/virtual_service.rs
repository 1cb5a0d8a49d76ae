//! Istio's VirtualService, as people write it.
//!
//! The fields and their names are those of Istio's CRD `virtualservices.networking.istio.io`.

use super::ConnectionRoute;
use crate::record;
use crate::sorted::Sorted;
use std::collections::BTreeMap;

/// The spec of a VirtualService.
#[derive(Clone, Debug, Default)]
pub struct VirtualService {
    /// The hosts whose requests these rules are for.
    pub hosts: Vec<String>,
    /// The gateways that apply the rules; `mesh` alone if there are none.
    pub gateways: Vec<String>,
    /// The rules for HTTP, the first that applies wins.
    pub http: Vec<HttpRoute>,
    /// Rules for TLS that is passed through, which no HTTP filter sees: left to Istio.
    pub tls: Vec<ConnectionRoute>,
    /// Rules for TCP, which no HTTP filter sees: left to Istio.
    pub tcp: Vec<ConnectionRoute>,
    /// The namespaces that see the VirtualService: `*`, `.` for its own, or names; every one if there are none.
    pub export_to: Vec<String>,
}

record! { VirtualService { hosts, gateways, http, tls, tcp, export_to } }

/// A rule: if one of its matches applies, then what is done.
#[derive(Clone, Debug, Default)]
pub struct HttpRoute {
    /// What people call the rule.
    pub name: Option<String>,
    /// Conditions, of which any will do; none apply to every request.
    pub matches: Vec<HttpMatch>,
    /// The destinations and their weights.
    pub route: Vec<RouteDestination>,
    /// One destination that gets a copy of the requests.
    pub mirror: Option<Box<Destination>>,
    /// The share of requests that `mirror` gets.
    pub mirror_percentage: Option<Percent>,
    /// The same in whole percent, as it was written before `mirrorPercentage`.
    pub mirror_percent: Option<u32>,
    /// Destinations that get a copy of the requests, each with a share of its own.
    pub mirrors: Vec<Mirror>,
    /// An answer that sends the client elsewhere.
    pub redirect: Option<Box<Redirect>>,
    /// An answer of fixed status and body.
    pub direct_response: Option<Box<DirectResponse>>,
    /// The VirtualService that has the rules, this one only the first conditions.
    pub delegate: Option<Box<Delegate>>,
    /// How path and authority are rewritten.
    pub rewrite: Option<Box<Rewrite>>,
    /// How long an answer may take.
    pub timeout: Option<String>,
    /// How often and when a request is tried again.
    pub retries: Option<Box<Retries>>,
    /// Delays and failures that are put in on purpose.
    pub fault: Option<Box<Fault>>,
    /// Who may call across origins.
    pub cors_policy: Option<Box<CorsPolicy>>,
    /// Changes to the headers of requests and answers.
    pub headers: Option<Box<HeaderRules>>,
}

record! {
    HttpRoute {
        name, matches: "match", route, mirror, mirror_percentage, mirror_percent, mirrors, redirect,
        direct_response, delegate, rewrite, timeout, retries, fault, cors_policy, headers,
    },
    underscores: &["mirror_percent"],
}

/// Conditions on one request, all of which must hold.
#[derive(Clone, Debug, Default)]
pub struct HttpMatch {
    /// What people call the match.
    pub name: Option<String>,
    /// The path, without its query.
    pub uri: Option<Box<StringMatch>>,
    /// Whether `uri` looks away from upper and lower case; not for a regex.
    pub ignore_uri_case: bool,
    /// The scheme.
    pub scheme: Option<Box<StringMatch>>,
    /// The method.
    pub method: Option<Box<StringMatch>>,
    /// The authority, with its port.
    pub authority: Option<Box<StringMatch>>,
    /// Headers that must match.
    pub headers: Sorted<String, StringMatch>,
    /// Headers that must not match.
    pub without_headers: Sorted<String, StringMatch>,
    /// Parameters of the query that must match.
    pub query_params: Sorted<String, StringMatch>,
    /// The listener's port.
    pub port: Option<u32>,
    /// Labels that the calling workload must have.
    pub source_labels: BTreeMap<String, String>,
    /// The calling workload's namespace.
    pub source_namespace: Option<String>,
    /// The gateways for which the match is meant; they stand in for those of the VirtualService.
    pub gateways: Vec<String>,
    /// A name for statistics: Envoy's route table has them, a filter has none to give.
    pub stat_prefix: Option<String>,
}

record! {
    HttpMatch {
        name, uri, ignore_uri_case, scheme, method, authority, headers, without_headers, query_params, port,
        source_labels, source_namespace, gateways, stat_prefix,
    }
}

/// How a text is compared; with none of the three it has only to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StringMatch {
    /// The text itself.
    pub exact: Option<String>,
    /// How the text begins.
    pub prefix: Option<String>,
    /// A regular expression for the whole text, in RE2's syntax.
    pub regex: Option<String>,
}

record! { StringMatch { exact, prefix, regex }, example: "{exact: …}, {prefix: …} or {regex: …}" }

/// A destination and its weight.
#[derive(Clone, Debug, Default)]
pub struct RouteDestination {
    /// Where requests go.
    pub destination: Destination,
    /// The destination's part of the sum of weights; 0 if absent.
    pub weight: Option<i64>,
    /// Changes to the headers of requests and answers of this destination.
    pub headers: Option<Box<HeaderRules>>,
}

record! { RouteDestination { destination, weight, headers }, required: &["destination"] }

/// A service, or a subset of it.
#[derive(Clone, Debug, Default)]
pub struct Destination {
    /// The service's name, short or full.
    pub host: String,
    /// A subset that a DestinationRule of the host declares.
    pub subset: Option<String>,
    /// The service's port.
    pub port: Option<PortSelector>,
}

record! { Destination { host, subset, port }, required: &["host"], example: "{host: …}" }

/// A port by its number.
#[derive(Clone, Copy, Debug, Default)]
pub struct PortSelector {
    /// The number.
    pub number: Option<u32>,
}

record! { PortSelector { number }, example: "{number: 80}" }

/// A destination that gets copies, and how many.
#[derive(Clone, Debug, Default)]
pub struct Mirror {
    /// Where the copies go.
    pub destination: Destination,
    /// The share of requests that is copied; all of them if absent.
    pub percentage: Option<Percent>,
}

record! { Mirror { destination, percentage }, required: &["destination"] }

/// A share in percent, 0 to 100.
#[derive(Clone, Copy, Debug, Default)]
pub struct Percent {
    /// The share; 0 if absent, as in Istio.
    pub value: f64,
}

record! { Percent { value }, example: "{value: 50}" }

/// An answer that sends the client elsewhere.
#[derive(Clone, Debug, Default)]
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

record! { Redirect { uri, prefix_rewrite, authority, port, derive_port, scheme, redirect_code }, example: "{uri: …}" }

/// An answer of fixed status and body.
#[derive(Clone, Debug, Default)]
pub struct DirectResponse {
    /// The status code.
    pub status: u32,
    /// The body; none if absent.
    pub body: Option<Body>,
}

record! { DirectResponse { status, body }, required: &["status"] }

/// A body, as text or as bytes.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The text.
    pub string: Option<String>,
    /// The bytes, in base64.
    pub bytes: Option<String>,
}

record! { Body { string, bytes }, example: "{string: …}" }

/// The VirtualService that has the rules.
#[derive(Clone, Debug, Default)]
pub struct Delegate {
    /// Its name.
    pub name: Option<String>,
    /// Its namespace; that of the root if absent.
    pub namespace: Option<String>,
}

record! { Delegate { name, namespace }, example: "{name: …}" }

/// How path and authority are rewritten.
#[derive(Clone, Debug, Default)]
pub struct Rewrite {
    /// What stands in for the prefix that matched, or for the whole path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
    /// A pattern, and what stands in for it.
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

record! { Rewrite { uri, authority, uri_regex_rewrite }, example: "{uri: …}" }

/// A pattern, and what stands in for it wherever it matches.
#[derive(Clone, Debug, Default)]
pub struct RegexRewrite {
    /// The pattern, in RE2's syntax.
    pub pattern: String,
    /// What stands in for it, with `\\1` for its first group.
    pub rewrite: String,
}

record! { RegexRewrite { pattern: "match", rewrite } }

/// How often and when a request is tried again.
#[derive(Clone, Debug, Default)]
pub struct Retries {
    /// How often; 0 for never.
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

record! {
    Retries {
        attempts, per_try_timeout, retry_on, retry_remote_localities, retry_ignore_previous_hosts, backoff,
    }
}

/// Delays and failures that are put in on purpose.
#[derive(Clone, Debug, Default)]
pub struct Fault {
    /// A wait before the request goes on.
    pub delay: Option<FaultDelay>,
    /// An answer in the upstream's stead.
    pub abort: Option<FaultAbort>,
}

record! { Fault { delay, abort } }

/// A wait before the request goes on.
#[derive(Clone, Debug, Default)]
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

record! { FaultDelay { percentage, percent, fixed_delay, exponential_delay } }

/// An answer in the upstream's stead.
#[derive(Clone, Debug, Default)]
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

record! { FaultAbort { percentage, http_status, grpc_status, http2_error } }

/// Who may call across origins.
#[derive(Clone, Debug, Default)]
pub struct CorsPolicy {
    /// Origins that may, as they were written before `allowOrigins`.
    pub allow_origin: Vec<String>,
    /// Origins that may.
    pub allow_origins: Vec<StringMatch>,
    /// Methods that they may use.
    pub allow_methods: Vec<String>,
    /// Headers that they may send.
    pub allow_headers: Vec<String>,
    /// Headers of the answer that they may read.
    pub expose_headers: Vec<String>,
    /// How long a client may remember the answer to a preflight.
    pub max_age: Option<String>,
    /// Whether they may send credentials.
    pub allow_credentials: Option<bool>,
    /// What becomes of a preflight of another origin: `FORWARD` or `IGNORE`.
    pub unmatched_preflights: Option<String>,
}

record! {
    CorsPolicy {
        allow_origin, allow_origins, allow_methods, allow_headers, expose_headers, max_age, allow_credentials,
        unmatched_preflights,
    }
}

/// Changes to the headers of requests and answers.
#[derive(Clone, Debug, Default)]
pub struct HeaderRules {
    /// Changes to requests.
    pub request: Option<HeaderOperations>,
    /// Changes to answers.
    pub response: Option<HeaderOperations>,
}

record! { HeaderRules { request, response } }

/// Changes to headers.
#[derive(Clone, Debug, Default)]
pub struct HeaderOperations {
    /// Headers that get this one value.
    pub set: BTreeMap<String, String>,
    /// Headers that get this value besides those that they have.
    pub add: BTreeMap<String, String>,
    /// Headers that are taken off.
    pub remove: Vec<String>,
}

record! { HeaderOperations { set, add, remove } }

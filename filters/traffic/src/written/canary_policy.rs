//! `serin.dev` CanaryPolicy: what Istio's rules cannot say.

use super::StringMatch;
use crate::sorted::Sorted;
use crate::{choice, record};
use std::collections::BTreeMap;

/// The spec of a CanaryPolicy.
#[derive(Clone, Debug, Default)]
pub struct CanaryPolicy {
    /// The name of the VirtualService that it is about, in the policy's own namespace.
    pub virtual_service: String,
    /// What it says of rules.
    pub routes: Vec<CanaryRoute>,
    /// Whether answers say how they were decided, in the header `x-serin-decision`.
    pub reveal: bool,
}

record! { CanaryPolicy { virtual_service, routes, reveal }, required: &["virtual_service"] }

/// What a policy says of a rule.
#[derive(Clone, Debug, Default)]
pub struct CanaryRoute {
    /// The rule's name (`http[].name`); absent, every rule of the VirtualService that has no entry of its own.
    pub route: Option<String>,
    /// The rule applies only if one of these holds too; absent, nothing is asked beside the rule's own `match`.
    pub when: Option<Vec<When>>,
    /// How requests are split between the rule's destinations.
    pub split: Option<Split>,
    /// How a destination's share grows by the clock.
    pub ramp: Option<Ramp>,
    /// When a destination loses its share because it fails.
    pub guard: Option<Guard>,
    /// Where requests go while a destination has no host.
    pub failover: Option<Failover>,
    /// How copies are sent.
    pub shadow: Option<Shadow>,
}

record! { CanaryRoute { route, when, split, ramp, guard, failover, shadow } }

/// Conditions on a request, all of which must hold.
#[derive(Clone, Debug, Default)]
pub struct When {
    /// Conditions on cookies, by name; `{}` asks that the cookie is there.
    pub cookies: Sorted<String, StringMatch>,
    /// Conditions on members of the W3C `baggage` header, by key; `{}` asks that the member is there.
    pub baggage: Sorted<String, StringMatch>,
    /// Conditions on the claims of a JWT of which a header holds the payload.
    pub jwt: Option<JwtMatch>,
    /// Ranges of addresses (CIDR, or single addresses), one of which has the request's source.
    pub source_ip: Option<Vec<String>>,
    /// A window of time.
    pub time: Option<TimeWindow>,
    /// A share of keys.
    pub percentage: Option<KeyedPercentage>,
}

record! { When { cookies, baggage, jwt, source_ip, time, percentage } }

/// Conditions on the claims of a JWT of which a header holds the payload.
///
/// Whoever reads such a header trusts whoever has written it: have the proxy write or remove it before.
#[derive(Clone, Debug, Default)]
pub struct JwtMatch {
    /// The header: JSON in base64url, as `jwt_authn`'s `forward_payload_header` and Istio's `outputPayloadToHeader` write
    /// it. A whole token is read as well, with `Bearer ` before it or without.
    pub header: String,
    /// Conditions on claims; names below names with dots between. Of a list one item has to meet the condition.
    pub claims: Sorted<String, StringMatch>,
}

record! { JwtMatch { header, claims }, required: &["header", "claims"] }

/// A window of time; an end that is absent is open.
#[derive(Clone, Debug, Default)]
pub struct TimeWindow {
    /// The first instant, RFC 3339.
    pub after: Option<String>,
    /// The instant behind the last one, RFC 3339.
    pub before: Option<String>,
}

record! { TimeWindow { after, before } }

/// A share of all keys.
#[derive(Clone, Debug, Default)]
pub struct KeyedPercentage {
    /// How many percent, from 0 to 100.
    pub value: f64,
    /// Where the key is read: the first that the request has. A request without a key is not among them.
    pub key: Vec<Key>,
    /// Makes samples independent of each other; by default `namespace/virtualService/route`.
    pub salt: Option<String>,
}

record! { KeyedPercentage { value, key, salt }, required: &["value", "key"] }

/// Where a key is read; exactly one of the fields is there.
#[derive(Clone, Debug, Default)]
pub struct Key {
    /// The value of the header of this name, the first if it is repeated.
    pub header: Option<String>,
    /// The value of the cookie of this name.
    pub cookie: Option<String>,
    /// The value of the query's parameter of this name, not decoded.
    pub query_param: Option<String>,
    /// The value of the W3C `baggage` member of this key.
    pub baggage: Option<String>,
    /// The address that the request came from.
    pub source_ip: Option<SourceIp>,
    /// A claim of the JWT of which a header holds the payload.
    pub jwt_claim: Option<JwtClaim>,
    /// A cookie that the filter gives to clients that have none yet. For `split` only.
    pub issue_cookie: Option<IssueCookie>,
}

record! { Key { header, cookie, query_param, baggage, source_ip, jwt_claim, issue_cookie } }

/// The address that a request came from: nothing is to be said of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SourceIp {}

record! { SourceIp {} }

/// A claim of the JWT of which a header holds the payload.
#[derive(Clone, Debug, Default)]
pub struct JwtClaim {
    /// The header, as in [`JwtMatch::header`].
    pub header: String,
    /// The claim; names below names with dots between.
    pub claim: String,
}

record! { JwtClaim { header, claim }, required: &["header", "claim"] }

/// A cookie that the filter gives to clients.
#[derive(Clone, Debug, Default)]
pub struct IssueCookie {
    /// Its name.
    pub name: String,
    /// How long the client keeps it, in Go's notation; absent, as long as the browser runs.
    pub ttl: Option<String>,
    /// Its path; `/` if absent.
    pub path: Option<String>,
    /// Its `SameSite`; `Lax` if absent. `None` is sent over https only.
    pub same_site: Option<SameSite>,
}

record! { IssueCookie { name, ttl, path, same_site }, required: &["name"] }

/// Which requests of other sites carry a cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameSite {
    /// None.
    Strict,
    /// Those that lead to the page.
    #[default]
    Lax,
    /// All.
    None,
}

choice! { SameSite { "Strict" => Strict, "Lax" => Lax, "None" => None } }

/// How requests are split between the destinations of a rule.
#[derive(Clone, Debug, Default)]
pub struct Split {
    /// In which way.
    pub mode: SplitMode,
    /// Where the key of a sticky split is read: the first that the request has. Requests without a key are split by chance.
    pub key: Vec<Key>,
    /// Makes sticky splits independent of each other; `namespace/virtualService/route` if absent.
    pub salt: Option<String>,
    /// The weights that a sticky split had before, oldest first, each in the order of the rule's destinations: with them,
    /// from one to the next and to the present weights, nobody moves but who must.
    pub history: Vec<Vec<u32>>,
}

record! { Split { mode, key, salt, history } }

/// In which way requests are split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplitMode {
    /// Each request by chance, as Istio does.
    #[default]
    Random,
    /// In turn: any run of requests has exactly its share.
    Exact,
    /// By a key: one key always meets the same destination.
    Sticky,
}

choice! { SplitMode { "random" => Random, "exact" => Exact, "sticky" => Sticky } }

/// How the share of a destination grows (or shrinks) by the clock.
#[derive(Clone, Debug, Default)]
pub struct Ramp {
    /// The destination, by its subset.
    pub subset: String,
    /// Its share before the start, in percent.
    pub from: f64,
    /// Its share after the end, in percent.
    pub to: f64,
    /// When it starts, RFC 3339.
    pub start: String,
    /// How long it takes, in Go's notation.
    pub duration: String,
    /// In how many steps; absent, without steps.
    pub steps: Option<u32>,
}

record! { Ramp { subset, from, to, start, duration, steps }, required: &["subset", "from", "to", "start", "duration"] }

/// When a destination loses its share because it fails.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// The destination, by its subset.
    pub subset: String,
    /// How many percent of its answers within the window may be 5xx, resets or timeouts.
    pub max_error_percent: f64,
    /// How many answers within the window it takes to judge; 100 if absent.
    pub min_requests: Option<u32>,
    /// The window, in Go's notation; 30 s if absent.
    pub window: Option<String>,
    /// How long it has no share before it is tried again, in Go's notation; 5 min if absent.
    pub hold: Option<String>,
}

record! { Guard { subset, max_error_percent, min_requests, window, hold }, required: &["subset", "max_error_percent"] }

/// Where requests go while a destination has no cluster or no healthy host.
#[derive(Clone, Debug, Default)]
pub struct Failover {
    /// How long a destination is passed over before a request tries it again, in Go's notation; 5 s if absent.
    pub retry_after: Option<String>,
}

record! { Failover { retry_after } }

/// How copies are sent.
#[derive(Clone, Debug, Default)]
pub struct Shadow {
    /// Who sends them.
    pub delivery: Delivery,
    /// Where the key is read by which requests are sampled; absent, they are sampled by chance.
    pub key: Vec<Key>,
    /// Makes samples independent of each other; `namespace/virtualService/route` if absent.
    pub salt: Option<String>,
    /// How many copies may be under way at a time, on each worker; 100 if absent. For `callout`.
    pub max_in_flight: Option<u32>,
    /// How many bytes of body a copy may have; 1 MiB if absent. For `callout`.
    pub max_body_bytes: Option<u64>,
    /// How long the answer to a copy may take, in Go's notation; 5 s if absent. For `callout`.
    pub timeout: Option<String>,
    /// The methods of requests that are copied; absent, all.
    pub methods: Option<Vec<String>>,
    /// How many copies a second, on each worker; absent, as many as there are.
    pub max_per_second: Option<u32>,
    /// What is done to the headers of copies.
    pub headers: Option<ShadowHeaders>,
    /// Whether the copy's authority has `-shadow` before its port.
    pub authority_suffix: bool,
    /// What is compared of the two answers. For `callout`.
    pub compare: Option<Compare>,
}

record! {
    Shadow {
        delivery, key, salt, max_in_flight, max_body_bytes, timeout, methods, max_per_second, headers,
        authority_suffix, compare,
    }
}

/// Who sends copies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Envoy's router, which streams them.
    #[default]
    Router,
    /// The filter itself.
    Callout,
}

choice! { Delivery { "router" => Router, "callout" => Callout } }

/// What is done to the headers of copies.
#[derive(Clone, Debug, Default)]
pub struct ShadowHeaders {
    /// The headers that get this value.
    pub set: BTreeMap<String, String>,
    /// The headers that are taken off.
    pub remove: Vec<String>,
}

record! { ShadowHeaders { set, remove } }

/// What is compared of the answers of primary and shadow.
#[derive(Clone, Copy, Debug, Default)]
pub struct Compare {
    /// Whether the statuses are.
    pub status: bool,
    /// Whether the bodies are.
    pub body: bool,
    /// How many percent of the differences are logged; none if absent.
    pub sample_log: f64,
}

record! { Compare { status, body, sample_log } }

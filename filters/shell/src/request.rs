//! A request on its way through a filter: what is known of it, and what is done to it.
//!
//! The contract between the filters is kept here. The first Serin filter that sees a request takes off every `x-serin-*`
//! header that the client sent, matches the request, and publishes the outcome as filter state; those behind it read the
//! outcome, unless it was published under another configuration.

use crate::hostcall::{self, Status};
use crate::pairs;
use crate::root::Plugin;
use serin_traffic::{Destination, Headers, Mirror, Outcome, ROUTE_KEY, Rule};

/// Headers of which the name begins like this are the filters' own.
const OWN_PREFIX: &[u8] = b"x-serin-";

/// The cluster, for a route with `cluster_header`.
const CLUSTER: &str = "x-serin-cluster";

/// The subset's name.
const SUBSET: &str = "x-serin-subset";

/// The clusters of the copies, with their number behind it.
const SHADOW: &str = "x-serin-shadow-";

/// A request of which it is known which rule applies.
pub struct Request<'p> {
    plugin: &'p Plugin,
    outcome: Outcome,
    /// Whether the outcome is another filter's, which has acted on it already.
    reused: bool,
    /// Whether anything about the request was changed.
    changed: bool,
}

impl<'p> Request<'p> {
    /// The current request, as the rules of `plugin` see it.
    pub fn current(plugin: &'p Plugin) -> Self {
        let policy = &plugin.policy;
        let published = hostcall::property(&[ROUTE_KEY]);
        if let Some(outcome) = published.as_ref().and_then(|text| policy.read_published(text)) {
            return Self { plugin, outcome, reused: true, changed: false };
        }
        let headers = hostcall::request_headers().map(pairs::headers).unwrap_or_default();
        let first = published.is_none();
        let changed = first && remove_own(&headers);
        let outcome = policy.route(&Incoming { headers: &headers, plugin });
        if first {
            // Refused, it costs the filters behind this one a match of their own.
            let _ = hostcall::set_filter_state(ROUTE_KEY, policy.publish(outcome).as_bytes());
        }
        Self { plugin, outcome, reused: false, changed }
    }

    /// The rule that applies, if one does.
    pub fn rule(&self) -> Option<&'p Rule> {
        match self.outcome {
            Outcome::Rule(id) => self.plugin.policy.rule(id),
            Outcome::NoHost | Outcome::NoRule(_) => None,
        }
    }

    /// Whether a filter before this one found the same outcome, and has done its part.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Answers with 404 if the host is known and no rule applies, unless the configuration lets such requests pass.
    /// Whether it did.
    pub fn answer_unmatched(&mut self) -> bool {
        self.plugin.policy.refuses(self.outcome) && hostcall::answer(404, "serin_no_rule").is_ok()
    }

    /// Sends the request to `destination`.
    pub fn send_to(&mut self, destination: &Destination) {
        let cluster = destination.cluster.with_port(self.port_for(destination.cluster.wants_port()));
        self.note(hostcall::set_request_header(CLUSTER, cluster.as_bytes()));
        if let Some(subset) = &destination.subset {
            self.note(hostcall::set_request_header(SUBSET, subset.as_bytes()));
        }
    }

    /// Has Envoy send a copy of the request to each of `mirrors`.
    pub fn copy_to<'m>(&mut self, mirrors: impl Iterator<Item = &'m Mirror>) {
        for (place, mirror) in mirrors.enumerate() {
            let cluster = mirror.cluster.with_port(self.port_for(mirror.cluster.wants_port()));
            self.note(hostcall::set_request_header(&format!("{SHADOW}{}", place + 1), cluster.as_bytes()));
        }
    }

    /// Ends what this filter does to the request: has Envoy choose the route anew if anything was changed.
    pub fn finish(self) {
        if self.changed {
            // An Envoy without this function, before 1.33, clears of itself.
            let _ = hostcall::clear_route_cache();
        }
    }

    fn note(&mut self, change: Result<(), Status>) {
        self.changed |= change.is_ok();
    }

    fn port_for(&self, wanted: bool) -> Option<u16> {
        if wanted { port(self.plugin) } else { None }
    }
}

/// A request before it is matched.
struct Incoming<'a> {
    headers: &'a Headers,
    plugin: &'a Plugin,
}

impl serin_traffic::Request for Incoming<'_> {
    fn headers(&self) -> &Headers {
        self.headers
    }

    fn port(&self) -> Option<u16> {
        port(self.plugin)
    }
}

/// The listener's port: the one that the configuration says, else the one that the request came in on.
fn port(plugin: &Plugin) -> Option<u16> {
    plugin.policy.port().or_else(|| {
        let bytes = hostcall::property(&["destination", "port"])?;
        u16::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok()
    })
}

/// Takes the filters' own headers off a request that came with some; whether it did.
fn remove_own(headers: &Headers) -> bool {
    let mut removed = false;
    for (name, _) in headers.iter() {
        if name.get(..OWN_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX)) {
            removed |= hostcall::remove_request_header(name).is_ok();
        }
    }
    removed
}

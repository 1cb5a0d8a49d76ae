//! A request on its way through a filter: what is known of it, and what is done to it.
//!
//! The contract between the filters is kept here. The first Serin filter that sees a request takes off every `x-serin-*`
//! header that the client sent, matches the request, and publishes the outcome as filter state; those behind it read the
//! outcome, unless it was published under another configuration.

use crate::delays::{self, Held};
use crate::hostcall::{self, Side, Status};
use crate::pairs;
use crate::picker::Picker;
use crate::response::{DECISION_KEY, Response, make};
use crate::root::Plugin;
use serin_traffic::shadow::SLOT;
use serin_traffic::{
    Applied, CLUSTER_HEADER, Change, ClusterName, Destination, Headers, OWN_PREFIX, Outcome, ROUTE_KEY, Reply, Rule,
    RuleId, SUBSET_HEADER, Way,
};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// A request of which it is known which rule applies.
pub struct Request<'p> {
    plugin: &'p Plugin,
    context_id: u32,
    outcome: Outcome,
    headers: OnceCell<Headers>,
    /// The claims that were asked for: rules that want the same one cost one hostcall.
    claims: Cell<BTreeMap<Vec<String>, Vec<Vec<u8>>>>,
    /// Whether the outcome is another filter's, which has acted on it already.
    reused: bool,
    /// Whether anything about the request was changed.
    changed: bool,
    /// The changes to its headers, if a header of the answer quotes them.
    made: Option<Vec<Change>>,
    /// How the request was decided, as far as it is, if its answer says so.
    decision: Option<String>,
    /// What is to be done to the answer.
    response: Response,
}

/// What a rule's faults and answers let a request do.
pub(crate) enum Passage {
    /// It goes on.
    Free,
    /// It goes on, but later: the stream is to be paused while this is held.
    Later(Held),
    /// It was answered, or will be once it has waited: the stream is to be paused, and nothing more done to it.
    Answered(Option<Held>),
}

impl<'p> Request<'p> {
    /// The current request, as the rules of `plugin` see it.
    pub fn current(plugin: &'p Plugin, context_id: u32) -> Self {
        let policy = &plugin.policy;
        let published = hostcall::property(&[ROUTE_KEY]);
        let known = published.as_ref().and_then(|text| policy.read_published(text));
        let mut request = Self {
            plugin,
            context_id,
            outcome: known.unwrap_or(Outcome::NoHost),
            headers: OnceCell::new(),
            claims: Cell::default(),
            reused: known.is_some(),
            changed: false,
            made: None,
            decision: None,
            response: Response::default(),
        };
        if known.is_none() {
            let first = published.is_none();
            request.changed = first && remove_own(request.headers());
            request.outcome = policy.route(&request);
            if first {
                // Refused, it costs the filters behind this one a match of their own.
                let _ = hostcall::set_filter_state(ROUTE_KEY, policy.publish(request.outcome).as_bytes());
            }
        }
        request.made = request.rule().filter(|rule| rule.answers_quote_requests()).map(|_| Vec::new());
        if policy.reveals(request.outcome) {
            let before = if request.reused { hostcall::property(&[DECISION_KEY]) } else { None };
            let before = before.and_then(|text| String::from_utf8(text).ok());
            request.decision = Some(before.unwrap_or_else(|| policy.name_of(request.outcome)));
            request.response.reveal();
        }
        request
    }

    /// The rule that applies, if one does.
    pub fn rule(&self) -> Option<&'p Rule> {
        self.plugin.policy.rule(self.applied()?.rule)
    }

    fn applied(&self) -> Option<Applied> {
        match self.outcome {
            Outcome::Rule(applied) => Some(applied),
            Outcome::NoHost | Outcome::NoRule(_) => None,
        }
    }

    /// Whether a filter before this one found the same outcome, and has done its part.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// The destination of the request, if the rule has but one.
    pub fn only_destination(&mut self, rule: &'p Rule) -> Option<&'p Destination> {
        let destination = rule.only_destination()?;
        self.reveal(destination.title());
        Some(destination)
    }

    /// Which destination the request gets of those that the rule has.
    pub fn pick(&mut self, rule: &'p Rule) -> Option<&'p Destination> {
        let worker = Picker { plugin: self.plugin, applied: self.applied()?, rule };
        let choice = rule.choose(self, &worker)?;
        let (place, watched) = (choice.place, worker.watched(&choice));
        let text = self.decision.is_some().then(|| choice.to_string());
        let issued = match choice.way {
            Way::Issued { cookie, value, .. } => Some((cookie.clone(), value)),
            _ => None,
        };
        self.response.watch(watched);
        if let Some((cookie, value)) = issued {
            let secure = self.headers().first(":scheme") == Some(b"https");
            self.response.issue(cookie, &value, secure);
        }
        if let Some(text) = text {
            self.reveal(&text);
        }
        rule.destinations().get(place)
    }

    /// The name of a cluster, for this request.
    pub(crate) fn cluster<'c>(&self, name: &'c ClusterName) -> Cow<'c, str> {
        name.with_port(self.port_for(name.wants_port()))
    }

    /// What the request is decided by.
    pub(crate) fn plugin(&self) -> &'p Plugin {
        self.plugin
    }

    /// The rule that applies, if one does.
    pub(crate) fn rule_id(&self) -> Option<RuleId> {
        Some(self.applied()?.rule)
    }

    /// Adds to what the answer says of how the request was decided.
    pub(crate) fn reveal(&mut self, text: &str) {
        if let Some(decision) = &mut self.decision {
            decision.push(' ');
            decision.push_str(text);
        }
    }

    /// What the rules let the request do: answers it with 404 if the host is known and no rule applies (unless the
    /// configuration lets such requests pass), puts in the rule's fault, gives the rule's own answer.
    pub(crate) fn pass(&self) -> Passage {
        let Some((rule, applied)) = self.rule().zip(self.applied()) else {
            let not_found = Reply { status: 404, details: "serin_no_rule", ..Reply::default() };
            let refused = self.plugin.policy.refuses(self.outcome) && delays::answer(&not_found);
            return if refused { Passage::Answered(None) } else { Passage::Free };
        };
        let draw = || self.plugin.draws.draw();
        let wait = rule.fault().and_then(|fault| fault.delay(draw));
        let abort = rule.fault().and_then(|fault| fault.abort(draw)).map(|reply| rule.finish(reply, self, draw));
        let reply = abort.or_else(|| if rule.may_reply() { rule.reply(self, applied.matched()) } else { None });
        match (wait, reply) {
            (None, None) => Passage::Free,
            (None, Some(reply)) => {
                if delays::answer(&reply) {
                    Passage::Answered(None)
                } else {
                    Passage::Free
                }
            }
            (Some(wait), None) => {
                self.plugin.delays.hold(self.context_id, wait, None).map_or(Passage::Free, Passage::Later)
            }
            (Some(wait), reply) => match self.plugin.delays.hold(self.context_id, wait, reply) {
                Ok(held) => Passage::Answered(Some(held)),
                // There is no memory to keep the answer in: it is given now.
                Err(reply) if reply.as_ref().is_some_and(delays::answer) => Passage::Answered(None),
                Err(_) => Passage::Free,
            },
        }
    }

    /// Makes the rule's changes to the request.
    pub(crate) fn apply(&mut self, rule: &Rule) {
        let matched = self.applied().map_or(0, Applied::matched);
        for change in rule.request_changes(self, matched) {
            self.change(&change);
        }
    }

    /// Has the rule's changes made to the answer, behind those of its destination: the rule has the last word, as it has
    /// in Envoy.
    pub(crate) fn apply_to_response(&mut self, rule: &Rule, destination: Option<&Destination>) {
        let changes = rule.response_changes(self, self.made.as_deref().unwrap_or_default(), destination);
        self.response.change(changes);
    }

    /// Sends the request to `destination`, with the destination's own changes made to it and to its answer, and counts it.
    pub fn send_to(&mut self, destination: &Destination) {
        if let Some(applied) = self.applied() {
            self.plugin.sent.count(&self.plugin.policy, applied.rule, destination);
        }
        let cluster = self.cluster(&destination.cluster);
        self.note(hostcall::set_header(Side::Request, CLUSTER_HEADER, cluster.as_bytes()));
        if let Some(subset) = &destination.subset {
            self.note(hostcall::set_header(Side::Request, SUBSET_HEADER, subset.as_bytes()));
        }
        for change in destination.request_changes(self) {
            self.change(&change);
        }
        let changes = destination.response_changes(self, self.made.as_deref().unwrap_or_default());
        self.response.change(changes);
    }

    /// Has Envoy send a copy of the request to each of `clusters`, with the slots from `first` on.
    pub(crate) fn copy_to<'m>(&mut self, first: usize, clusters: impl Iterator<Item = &'m str>) {
        for (place, cluster) in clusters.enumerate() {
            let slot = format!("{SLOT}{}", first + place);
            self.note(hostcall::set_header(Side::Request, &slot, cluster.as_bytes()));
        }
    }

    /// Ends what this filter does to the request: has Envoy choose the route anew if anything was changed. Gives what is
    /// to be done to the answer.
    pub fn finish(self) -> Response {
        if self.changed {
            // An Envoy without this function, before 1.33, clears of itself.
            let _ = hostcall::clear_route_cache();
        }
        if let Some(decision) = &self.decision {
            // Refused, the answer says less.
            let _ = hostcall::set_filter_state(DECISION_KEY, decision.as_bytes());
        }
        self.response
    }

    fn headers(&self) -> &Headers {
        self.headers.get_or_init(|| hostcall::request_headers().map(pairs::headers).unwrap_or_default())
    }

    fn change(&mut self, change: &Change) {
        if let Some(made) = &mut self.made {
            made.push(change.clone());
        }
        self.note(make(Side::Request, change));
    }

    fn note(&mut self, change: Result<(), Status>) {
        self.changed |= change.is_ok();
    }

    fn port_for(&self, wanted: bool) -> Option<u16> {
        if wanted { serin_traffic::Request::port(self) } else { None }
    }
}

impl serin_traffic::Request for Request<'_> {
    fn headers(&self) -> &Headers {
        self.headers()
    }

    /// The listener's port: the one that the configuration says, else the one that the request came in on.
    fn port(&self) -> Option<u16> {
        self.plugin.policy.port().or_else(|| {
            let bytes = hostcall::property(&["destination", "port"])?;
            u16::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok()
        })
    }

    fn claim(&self, path: &[String]) -> Vec<Vec<u8>> {
        let mut claims = self.claims.take();
        let values = claims.entry(path.to_vec()).or_insert_with(|| verified_claim(path)).clone();
        self.claims.set(claims);
        values
    }

    fn source_address(&self) -> Option<IpAddr> {
        let bytes = hostcall::property(&["source", "address"])?;
        let text = std::str::from_utf8(&bytes).ok()?;
        // With the port behind it; a pipe has neither.
        text.parse().map(|address: SocketAddr| address.ip()).or_else(|_| text.parse()).ok()
    }

    fn now(&self) -> u64 {
        hostcall::now().unwrap_or_default()
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        hostcall::property(path)
    }
}

/// The values of a claim. Envoy's `jwt_authn` leaves the payload of a verified token in the dynamic metadata, where Istio
/// has it do so.
fn verified_claim(path: &[String]) -> Vec<Vec<u8>> {
    let mut property = vec!["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload"];
    property.extend(path.iter().map(String::as_str));
    match hostcall::property(&property) {
        None => Vec::new(),
        Some(bytes) => pairs::list(&bytes).unwrap_or_else(|| vec![bytes]),
    }
}

/// Takes the filters' own headers off a request that came with some; whether it did.
fn remove_own(headers: &Headers) -> bool {
    let mut removed = false;
    for (name, _) in headers.iter() {
        if name.starts_with(OWN_PREFIX.as_bytes()) {
            removed |= hostcall::remove_header(Side::Request, name).is_ok();
        }
    }
    removed
}

//! The compiled form of a configuration: what requests ask.

use crate::action::{
    Changed, Changes, Cors, DirectResponse, Fault, OfReply, OfRequest, OfResponse, Redirect, Retries, RetryPolicy,
    Rewrite, Timeout, changes_of,
};
use crate::canary::Canary;
use crate::changes::{Change, Reply};
use crate::digest::Digest;
use crate::format::Format;
use crate::index::Index;
use crate::matching::Conditions;
use crate::names::cluster::ClusterName;
use crate::names::host::{HostTable, host_of};
use crate::request::{Request, Response};
use crate::shadow::{Reason, Shadow, Slot, never_copied};
use crate::share::Share;
use crate::split::{Ticket, split};
use crate::written::{RepeatedHeaders, Unmatched};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The authority that a request had before it was rewritten.
pub(crate) const ORIGINAL_HOST: &str = "x-envoy-original-host";

/// The target that a request had before its path was rewritten.
const ORIGINAL_PATH: &str = "x-envoy-original-path";

/// The rules of a configuration, ready for requests.
///
/// [`Policy::decide`] has an example.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(crate) digest: Digest,
    /// The digest as it is published with each outcome.
    pub(crate) digest_text: String,
    pub(crate) virtual_services: Vec<VirtualService>,
    /// Whether names are published as they are.
    pub(crate) has_plain_names: bool,
    pub(crate) hosts: HostTable<Arc<HostRules>>,
    pub(crate) repeated_headers: RepeatedHeaders,
    pub(crate) unmatched: Unmatched,
    pub(crate) port: Option<u16>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) first: bool,
    pub(crate) tells_subset: bool,
}

/// A VirtualService, compiled; or what RouteRules say of one service.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// `namespace/name`; of RouteRules the full name of the service.
    pub name: String,
    pub(crate) rules: Vec<Rule>,
    /// Whether answers say how they were decided.
    pub(crate) reveal: bool,
}

/// One entry of `http[]`, compiled. What few rules have is boxed: there may be thousands.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What people call the rule; its place among the rules, such as `http[1]`, if they gave it no name.
    pub name: String,
    /// One for each entry of `match[]` that this proxy may ever meet.
    pub(crate) matches: Vec<Conditions>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) mirrors: Vec<Mirror>,
    pub(crate) answer: Option<Box<Answer>>,
    pub(crate) fault: Option<Fault>,
    pub(crate) cors: Option<Box<Cors>>,
    pub(crate) timeout: Timeout,
    pub(crate) retries: Option<Box<Retries>>,
    pub(crate) rewrite: Rewrite,
    pub(crate) request_changes: Vec<Changes>,
    pub(crate) response_changes: Vec<Changes>,
    /// What a CanaryPolicy says of the destinations.
    pub(crate) canary: Option<Box<Canary>>,
    /// What a CanaryPolicy says of the copies.
    pub(crate) shadow: Option<Box<Shadow>>,
    /// The place of the slot that its first mirror has.
    pub(crate) first_slot: usize,
}

/// What a rule answers in the upstream's stead.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Redirect(Redirect),
    Direct(DirectResponse),
}

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// What it is called among the rule's destinations: `host|subset`, the host in full, then `|port` if one is written.
    pub name: String,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The subset's name, if the rule names one.
    pub subset: Option<String>,
    /// The destination's part of the sum of weights; of an only destination it says nothing.
    pub weight: u32,
    pub(crate) request_changes: Vec<Changes>,
    /// The authority that requests have there.
    pub(crate) authority: Option<Change>,
    pub(crate) response_changes: Vec<Changes>,
}

/// What is done to an answer once it is there.
#[derive(Clone, Debug, Default)]
pub struct ResponseChanges(Vec<Changes>);

/// Where copies go.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The share of requests that is copied.
    pub share: Share,
}

/// The rules of one host, in the order in which they are asked.
#[derive(Clone, Debug)]
pub(crate) struct HostRules {
    /// The VirtualService that is named when no rule applies: the first.
    pub(crate) virtual_service: usize,
    pub(crate) entries: Vec<Applied>,
    pub(crate) index: Index,
}

/// A rule of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    pub(crate) virtual_service: usize,
    pub(crate) rule: usize,
}

/// What a policy says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No VirtualService has the request's host: it is none of the policy's business.
    NoHost,
    /// The VirtualService of this place has the host, but none of its rules applies.
    NoRule(usize),
    /// The rule applies.
    Rule(Applied),
}

/// The rule that applies, and by which of its matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The rule.
    pub rule: RuleId,
    /// The place of the match among those that this proxy may meet.
    pub(crate) by: usize,
}

impl Policy {
    /// Which rule applies to `request`: of the host's rules the first one of which a match holds.
    pub fn route(&self, request: &impl Request) -> Outcome {
        let authority = request.headers().first(":authority").unwrap_or_default();
        let Some(host) = self.hosts.get(&host_of(authority)) else {
            return Outcome::NoHost;
        };
        let entry = |place: usize| host.entries.get(place).copied();
        let holds = |place| {
            let conditions = entry(place).and_then(|entry| self.conditions(entry));
            conditions.is_some_and(|conditions| conditions.hold(request, self.repeated_headers))
        };
        match host.index.first(request, self.repeated_headers, holds).and_then(entry) {
            Some(applied) => Outcome::Rule(applied),
            None => Outcome::NoRule(host.virtual_service),
        }
    }

    pub(crate) fn conditions(&self, applied: Applied) -> Option<&Conditions> {
        self.rule(applied.rule)?.matches.get(applied.by)
    }

    /// What the rules of one host ask, in their order: the plain walk that the index stands in for.
    #[cfg(test)]
    pub(crate) fn walk(&self, request: &impl Request) -> Outcome {
        let authority = request.headers().first(":authority").unwrap_or_default();
        let Some(host) = self.hosts.get(&host_of(authority)) else {
            return Outcome::NoHost;
        };
        let holds = |entry: &&Applied| {
            self.conditions(**entry).is_some_and(|conditions| conditions.hold(request, self.repeated_headers))
        };
        host.entries.iter().find(holds).map_or(Outcome::NoRule(host.virtual_service), |applied| Outcome::Rule(*applied))
    }

    /// The rule of that id, if the policy has it.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.virtual_services.get(id.virtual_service)?.rules.get(id.rule)
    }

    /// The VirtualService that the rule is one of.
    pub fn virtual_service(&self, of: RuleId) -> Option<&VirtualService> {
        self.virtual_services.get(of.virtual_service)
    }

    /// What a rule is counted under: the name of its VirtualService, `namespace/name`, and its own.
    pub fn names_of_rule(&self, of: RuleId) -> [&str; 2] {
        let virtual_service = self.virtual_service(of).map_or("", |found| found.name.as_str());
        [virtual_service, self.rule(of).map_or("", |found| found.name.as_str())]
    }

    /// The VirtualServices that this proxy applies, in the order of the configuration.
    pub fn virtual_services(&self) -> &[VirtualService] {
        &self.virtual_services
    }

    /// Whether the answer to a request with this outcome says how it was decided.
    pub fn reveals(&self, outcome: Outcome) -> bool {
        let place = match outcome {
            Outcome::NoHost => return false,
            Outcome::NoRule(place) => place,
            Outcome::Rule(applied) => applied.rule.virtual_service,
        };
        self.virtual_services.get(place).is_some_and(|virtual_service| virtual_service.reveal)
    }

    /// Whether a request with this outcome is to be answered with 404.
    pub fn refuses(&self, outcome: Outcome) -> bool {
        matches!(outcome, Outcome::NoRule(_)) && self.unmatched == Unmatched::NotFound
    }

    /// The listener's port, if the configuration says it.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether no filter before this one can have decided about a request.
    pub fn is_first(&self) -> bool {
        self.first
    }

    /// The digest of the configuration that the policy was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The policies for retries of which headers cannot say it all, by the names that requests ask for them by in
    /// [`RETRY_HEADER`](crate::RETRY_HEADER).
    pub fn retry_policies(&self) -> BTreeMap<&str, &RetryPolicy> {
        let rules = self.virtual_services.iter().flat_map(VirtualService::rules);
        let policies = rules.filter_map(|rule| rule.retries.as_ref()?.policy());
        policies.map(|(name, policy)| (name.as_str(), policy)).collect()
    }

    /// The operators of Envoy's in the values of headers that only Envoy itself can evaluate, such as `%HOSTNAME%`: it has to
    /// leave what each says in the filter state of that [`given_key`](crate::given_key).
    pub fn given_operators(&self) -> BTreeSet<&str> {
        self.virtual_services.iter().flat_map(VirtualService::rules).flat_map(Rule::given_operators).collect()
    }

    /// The slots from which Envoy's router takes the clusters of copies, the first of which is number 1.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

impl VirtualService {
    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl ResponseChanges {
    fn of(levels: &[Changes], request: &impl Request, made: &[Change], destination: Option<&Destination>) -> Self {
        if !levels.iter().any(quotes_request) {
            return Self(levels.to_vec());
        }
        let cluster = destination.map(|destination| destination.cluster_of(request));
        let facts = Changed { facts: &OfRequest { request, cluster }, changes: made, of_response: false };
        Self(levels.iter().map(|level| level.of_request(&facts)).collect())
    }

    /// How many levels of changes there are, each a rule's or a destination's.
    pub(crate) fn levels(&self) -> usize {
        self.0.len()
    }

    /// Leaves out the first `levels`: those of a destination that the request was not sent to.
    pub fn leave_out(&mut self, levels: usize) {
        self.0.drain(..levels.min(self.0.len()));
    }

    /// Has `others` made after these.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// How many bytes the names and values have, as far as they are known.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Changes::bytes).sum()
    }

    /// What is done to `response`, in order.
    pub fn changes(&self, response: &impl Response) -> Vec<Change> {
        changes_of(&self.0, true, &OfResponse(response))
    }
}

impl Destination {
    /// What is done to a request that goes there, beside what the rule does to all of its requests.
    pub fn request_changes(&self, request: &impl Request) -> Vec<Change> {
        if self.request_changes.is_empty() && self.authority.is_none() {
            return Vec::new();
        }
        let cluster = Some(self.cluster_of(request));
        let mut changes = changes_of(&self.request_changes, false, &OfRequest { request, cluster });
        changes.extend(self.authority.clone());
        changes
    }

    /// What is done to the answer to `request`, of which `made` are the changes on its way here, before the rule does what it
    /// does to all of its answers.
    pub fn response_changes(&self, request: &impl Request, made: &[Change]) -> ResponseChanges {
        ResponseChanges::of(&self.response_changes, request, made, Some(self))
    }

    fn cluster_of(&self, request: &impl Request) -> String {
        let port = if self.cluster.wants_port() { request.port() } else { None };
        self.cluster.with_port(port).into_owned()
    }

    /// What people call it: its subset, or its host.
    pub fn title(&self) -> &str {
        self.subset.as_deref().unwrap_or_else(|| self.name.split('|').next().unwrap_or(&self.name))
    }
}

impl Applied {
    /// Which of the rule's matches applies, counted among those that this proxy may meet.
    pub fn matched(self) -> usize {
        self.by
    }
}

impl Rule {
    /// The rule's destinations: those whose weight is not 0, or the only one.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    /// The rule's mirrors: those whose share is not nothing.
    pub fn mirrors(&self) -> &[Mirror] {
        &self.mirrors
    }

    /// The destination, if there is nothing to choose.
    pub fn only_destination(&self) -> Option<&Destination> {
        match self.destinations.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The destination of a request by its weights alone; a ticket is drawn only if there is something to choose.
    pub fn pick(&self, draw: impl FnOnce() -> Ticket) -> Option<&Destination> {
        let weights = self.destinations.iter().map(|destination| destination.weight);
        self.only_destination().or_else(|| self.destinations.get(split(weights, draw())?))
    }

    /// The mirrors that get a copy of `request`, by their places. By chance each draws a ticket of its own; by a key all
    /// have the same, so that a smaller share lies within a larger one.
    pub fn sample(&self, request: &impl Request, mut draw: impl FnMut() -> Ticket) -> Vec<usize> {
        if self.mirrors.is_empty() {
            return Vec::new();
        }
        let by_key = self.shadow.as_ref().and_then(|shadow| shadow.ticket(request));
        let mut takes = |share: Share| share == Share::ALL || share.takes(by_key.unwrap_or_else(&mut draw));
        let places = self.mirrors.iter().enumerate();
        places.filter(|(_, mirror)| takes(mirror.share)).map(|(place, _)| place).collect()
    }

    /// Why `request` is not copied, whatever the percentages say.
    pub fn refuses_copies(&self, request: &impl Request) -> Option<Reason> {
        match &self.shadow {
            Some(shadow) => shadow.refuses(request),
            None => never_copied(request.headers()),
        }
    }

    /// The number of the slot that the rule's first copy has; the others have the next ones.
    pub fn first_slot(&self) -> usize {
        self.first_slot + 1
    }

    /// How copies are sent, if a CanaryPolicy says something of it.
    pub fn shadow(&self) -> Option<&Shadow> {
        self.shadow.as_deref()
    }

    /// The fault that is put in on purpose, before all else.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// The local reply: the rule's own, with its changes to responses made, else the one to a preflight, which Envoy leaves as
    /// it is. `matched` says by which match the rule applies.
    ///
    /// Envoy ignores the CORS policy of a rule that replies itself.
    pub fn reply(&self, request: &impl Request, matched: usize) -> Option<Reply> {
        let Some(answer) = &self.answer else {
            return self.cors.as_ref()?.preflight(request.headers());
        };
        let reply = match &**answer {
            Answer::Redirect(redirect) => {
                redirect.reply(request.headers(), request.port(), self.matched_prefix(matched))
            }
            Answer::Direct(direct) => direct.reply(request.headers()),
        };
        Some(changed(reply, &self.response_changes, request, None))
    }

    /// Whether the rule may answer requests itself.
    pub fn may_reply(&self) -> bool {
        self.answer.is_some() || self.cors.is_some()
    }

    /// The answer of a fault, with the rule's changes to answers made, behind those of the destination that the request
    /// would have had by the weights; Envoy makes them where the rule has a destination, not where it replies itself.
    ///
    /// Envoy chooses among weighted clusters before its filters see a request, and `FilterManager` finishes their answers
    /// with what was chosen (`finalizeResponseHeaders`).
    pub fn finish(&self, mut reply: Reply, request: &impl Request, draw: impl FnOnce() -> Ticket) -> Reply {
        if self.answer.is_some() {
            return reply;
        }
        if self.destinations.iter().all(|destination| destination.response_changes.is_empty()) {
            return changed(reply, &self.response_changes, request, self.only_destination());
        }
        let destination = self.pick(draw);
        if let Some(destination) = destination {
            reply = changed(reply, &destination.response_changes, request, Some(destination));
        }
        changed(reply, &self.response_changes, request, destination)
    }

    /// What is done to the request that is on its way to a destination, in order.
    pub fn request_changes(&self, request: &impl Request, matched: usize) -> Vec<Change> {
        let headers = request.headers();
        let mut changes: Vec<Change> = self.timeout.change(headers).into_iter().collect();
        changes.extend(self.retries.iter().flat_map(|retries| retries.changes(headers)));
        if !self.request_changes.is_empty() {
            let cluster = self.only_destination().map(|destination| destination.cluster_of(request));
            changes.extend(changes_of(&self.request_changes, false, &OfRequest { request, cluster }));
        }
        // Whoever rewrites says what was there before, as Envoy's router does, whatever the client has said.
        if let Some(authority) = &self.rewrite.authority {
            changes.push(Change::set(ORIGINAL_HOST, headers.first(":authority").unwrap_or_default()));
            changes.push(Change::set(":authority", authority.as_bytes()));
        }
        let target = headers.first(":path").unwrap_or_default();
        if let Some(rewritten) = self.rewrite.target(target, self.matched_prefix(matched)) {
            changes.push(Change::set(ORIGINAL_PATH, target));
            changes.push(Change::set(":path", rewritten));
        }
        changes
    }

    /// What is done to the answer to `request`, of which `made` are the changes on its way to `destination`.
    pub fn response_changes(
        &self,
        request: &impl Request,
        made: &[Change],
        destination: Option<&Destination>,
    ) -> ResponseChanges {
        let mut changes = ResponseChanges::of(&self.response_changes, request, made, destination);
        let cors = self.cors.as_ref().map(|cors| cors.response_changes(request.headers()));
        changes.0.extend(cors.filter(|changes| !changes.is_empty()).map(Changes::of_values));
        changes
    }

    /// Whether a header of an answer has something of the request in its value.
    pub fn answers_quote_requests(&self) -> bool {
        let theirs = self.destinations.iter().flat_map(|destination| &destination.response_changes);
        self.response_changes.iter().chain(theirs).any(quotes_request)
    }

    /// The operators of Envoy's in the values of headers that only Envoy itself can evaluate.
    pub(crate) fn given_operators(&self) -> impl Iterator<Item = &str> {
        let own = self.request_changes.iter().chain(&self.response_changes);
        let theirs = self.destinations.iter();
        let theirs = theirs.flat_map(|theirs| theirs.request_changes.iter().chain(&theirs.response_changes));
        own.chain(theirs).flat_map(Changes::formats).flat_map(Format::given)
    }

    /// The length of the prefix that the match compares the path with: that of `/` where it does not look at the path,
    /// since Istio writes that prefix then; none if it compares the whole path.
    fn matched_prefix(&self, matched: usize) -> Option<usize> {
        match self.matches.get(matched).and_then(|conditions| conditions.path.as_ref()) {
            None => Some(1),
            Some(path) => path.prefix_length(),
        }
    }
}

/// The answer with what a rule does to its answers.
fn changed(mut reply: Reply, levels: &[Changes], request: &impl Request, destination: Option<&Destination>) -> Reply {
    if levels.is_empty() {
        return reply;
    }
    let cluster = destination.map(|destination| destination.cluster_of(request));
    let facts = OfReply { request: OfRequest { request, cluster }, reply: &reply };
    for change in changes_of(levels, true, &facts) {
        change.apply(&mut reply.headers);
    }
    reply
}

fn quotes_request(level: &Changes) -> bool {
    level.formats().any(Format::asks_request)
}

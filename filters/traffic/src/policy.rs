//! The compiled form of a configuration: what requests ask.

use crate::cluster_name::ClusterName;
use crate::digest::Digest;
use crate::host_name::{HostTable, host_of};
use crate::matching::Conditions;
use crate::mirror::Share;
use crate::request::Request;
use crate::split::{Ticket, split};
use crate::written::{RepeatedHeaders, Unmatched};
use std::sync::Arc;

/// The rules of a configuration, ready for requests.
///
/// ```
/// use serin_traffic::{Headers, Outcome, Policy, Request, Ticket, written::{Configuration, Source}};
///
/// let configuration = Configuration::from_json(br#"{"resources": [{
///     "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "reviews"},
///     "spec": {"hosts": ["reviews"], "http": [
///         {"match": [{"headers": {"end-user": {"exact": "jason"}}}],
///          "route": [{"destination": {"host": "reviews", "subset": "v2"}}]},
///         {"route": [{"destination": {"host": "reviews", "subset": "v3"}}]}]}}]}"#)?;
/// let policy = Policy::compile(&configuration, &Source::default())?.policy;
///
/// struct Get(Headers);
/// impl Request for Get {
///     fn headers(&self) -> &Headers { &self.0 }
///     fn port(&self) -> Option<u16> { Some(9080) }
/// }
/// let mut headers = Headers::default();
/// headers.push(b":authority", b"reviews:9080");
/// headers.push(b":path", b"/reviews/1");
/// headers.push(b"end-user", b"jason");
/// let request = Get(headers);
///
/// let Outcome::Rule(id) = policy.route(&request) else { panic!("a rule applies") };
/// let destination = policy.rule(id).and_then(|rule| rule.pick(|| Ticket(0))).expect("it has a destination");
/// assert_eq!(destination.cluster.with_port(request.port()), "outbound|9080|v2|reviews.default.svc.cluster.local");
/// # Ok::<(), serin_traffic::Refusal>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub(crate) digest: Digest,
    pub(crate) virtual_services: Vec<VirtualService>,
    pub(crate) hosts: HostTable<HostRules>,
    pub(crate) repeated_headers: RepeatedHeaders,
    pub(crate) unmatched: Unmatched,
    pub(crate) port: Option<u16>,
}

/// A VirtualService, compiled.
#[derive(Clone, Debug)]
pub struct VirtualService {
    /// `namespace/name`.
    pub name: String,
    pub(crate) rules: Vec<Rule>,
}

/// One entry of `http[]`, compiled.
#[derive(Clone, Debug)]
pub struct Rule {
    /// What people call the rule; its place among the rules, such as `http[1]`, if they gave it no name.
    pub name: String,
    /// One for each entry of `match[]` that this proxy may ever meet.
    pub(crate) matches: Vec<Conditions>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) mirrors: Vec<Mirror>,
}

/// Where requests go.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The subset's name, if the rule names one.
    pub subset: Option<String>,
    /// The destination's part of the sum of weights; of an only destination it says nothing.
    pub weight: u32,
}

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
    pub(crate) entries: Arc<[Entry]>,
}

/// One match of one rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) rule: RuleId,
    pub(crate) conditions: usize,
}

/// A rule of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    Rule(RuleId),
}

impl Policy {
    /// Which rule applies to `request`: of the host's rules the first one of which a match holds.
    pub fn route(&self, request: &impl Request) -> Outcome {
        let authority = request.headers().first(":authority").unwrap_or_default();
        let Some(host) = self.hosts.get(&host_of(authority)) else {
            return Outcome::NoHost;
        };
        let applies = |entry: &&Entry| {
            let conditions = self.rule(entry.rule).and_then(|rule| rule.matches.get(entry.conditions));
            conditions.is_some_and(|conditions| conditions.hold(request, self.repeated_headers))
        };
        match host.entries.iter().find(applies) {
            Some(entry) => Outcome::Rule(entry.rule),
            None => Outcome::NoRule(host.virtual_service),
        }
    }

    /// The rule of that id, if the policy has it.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.virtual_services.get(id.virtual_service)?.rules.get(id.rule)
    }

    /// The VirtualServices that this proxy applies, in the order of the configuration.
    pub fn virtual_services(&self) -> &[VirtualService] {
        &self.virtual_services
    }

    /// Whether a request with this outcome is to be answered with 404.
    pub fn refuses(&self, outcome: Outcome) -> bool {
        matches!(outcome, Outcome::NoRule(_)) && self.unmatched == Unmatched::NotFound
    }

    /// The listener's port, if the configuration says it.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The digest of the configuration that the policy was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many copies one request may cause: the mirrors of the rule that has most.
    pub fn shadow_slots(&self) -> usize {
        self.rules().map(|rule| rule.mirrors.len()).max().unwrap_or(0)
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.virtual_services.iter().flat_map(|virtual_service| &virtual_service.rules)
    }
}

impl VirtualService {
    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
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

    /// The destination of a request; a ticket is drawn only if there is something to choose.
    pub fn pick(&self, draw: impl FnOnce() -> Ticket) -> Option<&Destination> {
        let weights = self.destinations.iter().map(|destination| destination.weight);
        self.only_destination().or_else(|| self.destinations.get(split(weights, draw())?))
    }

    /// The mirrors that get a copy; each draws a ticket of its own.
    pub fn shadows(&self, mut draw: impl FnMut() -> Ticket) -> impl Iterator<Item = &Mirror> {
        self.mirrors.iter().filter(move |mirror| mirror.share == Share::ALL || mirror.share.takes(draw()))
    }
}

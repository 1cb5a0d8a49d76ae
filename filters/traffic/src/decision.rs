//! What becomes of a request, as one value.
//!
//! This is the one place in which the order stands in which a rule is carried out: the fault, the reply that the rule gives
//! itself, the changes to the request, the destination with its own, the changes to the response, the copies.
//!
//! In a chain of filters the first one decides for all of them, about the request as it arrived. What is another filter's part
//! it hands on ([`Handoff`]), and the later ones decide nothing: while they get another configuration one after the other, no
//! request gets half of each.

use crate::canary::{Choice, PickedBy, Worker};
use crate::changes::{Change, Reply};
use crate::guard::Epoch;
use crate::handoff::{HandedDestination, Handoff};
use crate::headers::OWN_PREFIX;
use crate::key::IssuedCookie;
use crate::names::cluster::ClusterName;
use crate::policy::{Applied, Outcome, Policy, ResponseChanges, Rule, RuleId};
use crate::request::{Headers, Request};
use crate::shadow::Reason;
use crate::written::Delivery;
use std::borrow::Cow;
use std::time::Duration;

/// Which part of a policy a filter carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Faults, local replies, what the rule changes, and the destination of rules that have but one: header-router's.
    Route,
    /// The destination of rules that have several: subset-picker's. It is also that of the others where no filter before has
    /// decided about the request.
    Pick,
    /// The copies: shadow-mirror's.
    Copy,
    /// All of it: canary's.
    All,
}

/// What becomes of a request, as far as one filter has a part in it. Whoever carries it out does so in the order of the
/// fields.
#[derive(Debug)]
pub struct Decision<'p> {
    /// Which rule applies. A filter that takes over a decision made under another configuration does not know.
    pub outcome: Outcome,
    /// What the rule is counted under: the name of its VirtualService, `namespace/name`, and its own.
    pub names: [Cow<'p, str>; 2],
    /// The text that hands on to later filters what is their part ([`Handoff`]).
    pub publish: Option<String>,
    /// How long the request waits before it goes on, or is replied to.
    pub wait: Option<Duration>,
    /// The local reply that the request gets; nothing else is done to it then.
    pub reply: Option<Reply>,
    /// What is changed about the request.
    pub request: Vec<Change>,
    /// Where the request goes, if this filter says it.
    pub destination: Option<Chosen<'p>>,
    /// Where copies of the request go.
    pub copies: Vec<CopyTo<'p>>,
    /// What is changed about the response.
    pub response: ResponseChanges,
    /// What the response says of how the request was decided, if it does.
    pub reveal: Option<Reveal>,
}

/// What a response says of how its request was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reveal {
    /// What this filter says.
    pub text: String,
    /// Whether it goes on with what the filters before this one have said.
    pub continues: bool,
}

/// The destination of a request.
#[derive(Debug)]
pub struct Chosen<'p> {
    /// The cluster's name for this request.
    pub cluster: Cow<'p, str>,
    /// The destination's place among those of its rule.
    pub place: usize,
    /// What people call it, and what it is counted under: its subset, or its host.
    pub title: Cow<'p, str>,
    /// The name of its subset, if requests are to say it.
    pub subset: Option<Cow<'p, str>>,
    /// Why it was chosen; none if another filter has done so.
    pub choice: Option<Choice<'p>>,
    /// What is to be learnt from how the request ends.
    pub watch: Option<Watch>,
    /// Whether a later filter sends the request there. If none does, nothing of what belongs to the destination holds: neither
    /// its changes to the response nor the cookie, and there is nothing to be learnt.
    pub is_handed_on: bool,
    /// Whether the filter that chose it wants to know that the request is sent there ([`SENT_KEY`](crate::SENT_KEY)).
    pub confirm: bool,
    /// Where its changes begin among those to the request; the rule's own stand before.
    pub(crate) first_change: usize,
    /// How many of the levels of changes to the response are its own: the first ones.
    response_levels: usize,
}

/// What is to be learnt from how a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The rule that applied.
    pub rule: RuleId,
    /// The destination's place in it.
    pub place: usize,
    /// When the request was sent, if its destination is guarded.
    pub epoch: Option<Epoch>,
}

/// Where a copy of a request goes.
#[derive(Debug)]
pub struct CopyTo<'p> {
    /// The cluster's name for this request.
    pub cluster: Cow<'p, str>,
    /// How it gets there.
    pub way: CopyWay,
}

/// How a copy gets to its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyWay {
    /// Envoy's router sends it; the header of this slot, counted from 1, names the cluster.
    Slot(usize),
    /// The filter sends it.
    Callout,
    /// It is not sent.
    Dropped(Reason),
}

impl Part {
    /// Whether it is carried out before the request has a destination.
    fn routes(self) -> bool {
        matches!(self, Part::Route | Part::All)
    }
}

impl<'p> Decision<'p> {
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            names: [Cow::Borrowed(""), Cow::Borrowed("")],
            publish: None,
            wait: None,
            reply: None,
            request: Vec::new(),
            destination: None,
            copies: Vec::new(),
            response: ResponseChanges::default(),
            reveal: None,
        }
    }

    /// The rule that applies, if one does.
    pub fn rule(&self) -> Option<RuleId> {
        match self.outcome {
            Outcome::Rule(applied) => Some(applied.rule),
            Outcome::NoHost | Outcome::NoRule(_) => None,
        }
    }

    /// Adds to what the response says where this filter has the request and its copies sent.
    fn reveal_destinations(&mut self) {
        let Some(Reveal { text, .. }) = &mut self.reveal else {
            return;
        };
        let mut say = |said: &str| {
            if !text.is_empty() && !said.is_empty() {
                text.push(' ');
            }
            text.push_str(said);
        };
        let chosen = self.destination.as_ref().filter(|chosen| !chosen.is_handed_on);
        if let Some(choice) = chosen.and_then(|chosen| chosen.choice.as_ref()) {
            say(&choice.to_string());
        }
        for copy in self.copies.iter().filter(|copy| !matches!(copy.way, CopyWay::Dropped(_))) {
            say(&format!("shadow={}", copy.cluster));
        }
    }
}

impl<'p> Chosen<'p> {
    fn of(
        policy: &'p Policy,
        rule: &'p Rule,
        id: RuleId,
        choice: Choice<'p>,
        request: &impl Request,
        worker: &impl Worker,
    ) -> Self {
        let guarded = rule.guard().is_some_and(|(place, _)| place == choice.place);
        let epoch = guarded.then(|| worker.epoch(id));
        let watched = guarded || rule.failover().is_some();
        let subset = choice.destination.subset.as_deref().filter(|_| policy.tells_subset);
        Self {
            cluster: cluster_for(&choice.destination.cluster, request),
            place: choice.place,
            title: Cow::Borrowed(choice.destination.title()),
            subset: subset.map(Cow::Borrowed),
            watch: watched.then_some(Watch { rule: id, place: choice.place, epoch }),
            choice: Some(choice),
            is_handed_on: false,
            confirm: false,
            first_change: 0,
            response_levels: 0,
        }
    }

    /// Where another filter has decided to send the request.
    fn handed(destination: HandedDestination) -> Self {
        let HandedDestination { cluster, place, title, subset, confirm, .. } = destination;
        Self {
            cluster: Cow::Owned(cluster),
            place,
            title: Cow::Owned(title),
            subset: subset.map(Cow::Owned),
            choice: None,
            watch: None,
            is_handed_on: false,
            confirm,
            first_change: 0,
            response_levels: 0,
        }
    }

    /// Whether its rule has no other.
    pub(crate) fn is_only(&self) -> bool {
        matches!(self.choice, Some(Choice { way: PickedBy::Only, .. }))
    }

    /// The cookie that the client is given with the response, and its value.
    pub fn cookie(&self) -> Option<(&'p IssuedCookie, &str)> {
        match &self.choice.as_ref()?.way {
            PickedBy::Issued { cookie, value, .. } => Some((cookie, value)),
            _ => None,
        }
    }

    /// The destination that would have been chosen if it had a healthy host, by its place.
    pub fn passed_over(&self) -> Option<usize> {
        self.choice.as_ref()?.passed_over
    }

    /// Whether something is to be done or learnt only if the request is sent there, beside what sending it takes.
    pub fn has_consequences(&self) -> bool {
        let consequences =
            [self.response_levels > 0, self.watch.is_some(), self.passed_over().is_some(), self.cookie().is_some()];
        consequences.contains(&true)
    }

    /// How many of the decision's [`ResponseChanges`] hold only if the request is sent there.
    pub fn response_levels(&self) -> usize {
        self.response_levels
    }
}

impl Policy {
    /// What becomes of `request`, as far as the `part` goes, on `worker`; `before` is what an earlier filter of the chain has
    /// decided.
    ///
    /// ```
    /// use serin_traffic::written::{Configuration, Source};
    /// use serin_traffic::{Headers, Part, Policy, Request, Rotation, RuleId, Ticket, Worker};
    ///
    /// struct Get(Headers);
    /// impl Request for Get {
    ///     fn headers(&self) -> &Headers { &self.0 }
    ///     fn port(&self) -> Option<u16> { Some(9080) }
    ///     fn claim(&self, _path: &[String]) -> Vec<Vec<u8>> { Vec::new() }
    ///     fn source_address(&self) -> Option<std::net::IpAddr> { None }
    ///     fn now(&self) -> u64 { 0 }
    /// }
    ///
    /// struct Alone;
    /// impl Worker for Alone {
    ///     fn draw(&self) -> Ticket { Ticket(0) }
    ///     fn rotate(&self, _: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
    ///         turn(&mut Rotation::default())
    ///     }
    /// }
    ///
    /// let configuration = Configuration::from_json(br#"{"resources": [{
    ///     "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "reviews"},
    ///     "spec": {"hosts": ["reviews"], "http": [
    ///         {"match": [{"headers": {"end-user": {"exact": "jason"}}}], "rewrite": {"uri": "/v2"},
    ///          "route": [{"destination": {"host": "reviews", "subset": "v2"}}]},
    ///         {"directResponse": {"status": 503}}]}}]}"#)?;
    /// let policy = Policy::compile(&configuration, &Source::default())?.policy;
    ///
    /// let mut headers = Headers::default();
    /// headers.push(b":authority", b"reviews:9080");
    /// headers.push(b":path", b"/reviews/1");
    /// let decision = policy.decide(&Get(headers.clone()), &Alone, Part::All, None);
    /// assert_eq!(decision.reply.map(|reply| reply.status), Some(503));
    ///
    /// headers.push(b"end-user", b"jason");
    /// let decision = policy.decide(&Get(headers), &Alone, Part::All, None);
    /// let destination = decision.destination.expect("it goes somewhere");
    /// assert_eq!(destination.cluster, "outbound|9080|v2|reviews.default.svc.cluster.local");
    /// # Ok::<(), serin_traffic::Refusal>(())
    /// ```
    pub fn decide<'p>(
        &'p self,
        request: &impl Request,
        worker: &impl Worker,
        part: Part,
        before: Option<Handoff>,
    ) -> Decision<'p> {
        let is_first = before.is_none();
        match before {
            Some(handoff) if !part.routes() => return take_over(handoff, part),
            _ => {}
        }
        let outcome = self.route(request);
        let mut decision = Decision::of(outcome);
        if is_first {
            decision.request.extend(own_headers(request.headers()));
        }
        if self.reveals(outcome) {
            decision.reveal = Some(Reveal { text: self.name_of(outcome), continues: false });
        }
        match outcome {
            Outcome::Rule(applied) => self.decide_by(applied, request, worker, part, &mut decision),
            _ if part.routes() && self.refuses(outcome) => {
                decision.reply = Some(Reply { status: 404, details: "serin_no_rule", ..Reply::default() });
            }
            _ => {}
        }
        decision.publish = Some(self.hand_on(&mut decision, part));
        decision.reveal_destinations();
        decision
    }

    /// Adds to `decision` what the rule that applies says of the request.
    #[inline(never)]
    fn decide_by<'p>(
        &'p self,
        applied: Applied,
        request: &impl Request,
        worker: &impl Worker,
        part: Part,
        decision: &mut Decision<'p>,
    ) {
        let id = applied.rule;
        let Some(rule) = self.rule(id) else {
            return;
        };
        decision.names = self.names_of_rule(id).map(Cow::Borrowed);
        if part.routes() {
            decision.wait = rule.fault().and_then(|fault| fault.delay(|| worker.draw()));
            decision.reply = rule.local_reply(applied, request, worker);
            if decision.reply.is_some() {
                return;
            }
            decision.request.extend(rule.request_changes(request, applied.by));
        }
        let choice = if part == Part::Copy { None } else { rule.choose(id, request, worker) };
        if let Some(choice) = choice {
            let first_change = decision.request.len();
            decision.request.extend(choice.destination.request_changes(request));
            decision.response = choice.destination.response_changes(request, &decision.request);
            let response_levels = decision.response.levels();
            let chosen = Chosen::of(self, rule, id, choice, request, worker);
            decision.destination = Some(Chosen { first_change, response_levels, ..chosen });
        }
        if part.routes() {
            let choice = decision.destination.as_ref().and_then(|chosen| chosen.choice.as_ref());
            let destination = choice.map(|choice| choice.destination);
            // The rule has the last word, as it has in Envoy.
            decision.response.extend(rule.response_changes(request, &decision.request, destination));
        }
        if part == Part::Copy || decision.destination.is_some() {
            decision.copies = rule.copies(id, request, worker);
        }
    }
}

/// What a filter with this `part` has left to do of what another one has decided.
fn take_over<'p>(handoff: Handoff, part: Part) -> Decision<'p> {
    let Handoff { outcome, names, destination, copies, reveals } = handoff;
    let mut decision = Decision::of(outcome.unwrap_or(Outcome::NoHost));
    decision.names = names.map(Cow::Owned);
    decision.reveal = reveals.then(|| Reveal { text: String::new(), continues: true });
    match (part, destination) {
        (Part::Pick, Some(mut destination)) => {
            decision.request = std::mem::take(&mut destination.changes);
            if let Some(reveal) = &mut decision.reveal {
                reveal.text = std::mem::take(&mut destination.says);
            }
            decision.destination = Some(Chosen::handed(destination));
        }
        (Part::Copy, _) => {
            // How copies are sent stands in the configuration: one that is not known here cannot be followed.
            let way = |way| match way {
                CopyWay::Callout if outcome.is_none() => CopyWay::Dropped(Reason::Reconfigured),
                _ => way,
            };
            let copy = |(cluster, given)| CopyTo { cluster: Cow::Owned(cluster), way: way(given) };
            decision.copies = copies.into_iter().map(copy).collect();
        }
        _ => {}
    }
    decision.reveal_destinations();
    decision
}

impl Rule {
    /// The reply of a fault, else that of the rule.
    fn local_reply(&self, applied: Applied, request: &impl Request, worker: &impl Worker) -> Option<Reply> {
        let abort = self.fault().and_then(|fault| fault.abort(|| worker.draw()));
        let abort = abort.map(|reply| self.finish(reply, request, || worker.draw()));
        abort.or_else(|| self.reply(request, applied.by))
    }

    /// The copies of `request`: by chance each draws a ticket of its own; by a key all have the same.
    fn copies<'p>(&'p self, id: RuleId, request: &impl Request, worker: &impl Worker) -> Vec<CopyTo<'p>> {
        let sample = self.sample(request, || worker.draw());
        if sample.is_empty() {
            return Vec::new();
        }
        let refused = self.refuses_copies(request);
        let shadow = self.shadow();
        let per_second = shadow.and_then(|shadow| shadow.max_per_second);
        let by_callout = shadow.is_some_and(|shadow| shadow.delivery == Delivery::Callout);
        let mut slot = self.first_slot();
        let mirrors = sample.into_iter().filter_map(|place| self.mirrors().get(place));
        let copies = mirrors.map(|mirror| {
            let too_many = || per_second.is_some_and(|most| !worker.may_copy(id, most)).then_some(Reason::Rate);
            let way = match refused.or_else(too_many) {
                Some(reason) => CopyWay::Dropped(reason),
                None if by_callout => CopyWay::Callout,
                None => {
                    slot += 1;
                    CopyWay::Slot(slot - 1)
                }
            };
            CopyTo { cluster: cluster_for(&mirror.cluster, request), way }
        });
        copies.collect()
    }
}

/// The name of a cluster, for this request; its port is asked for only if it is in the name.
fn cluster_for<'c>(name: &'c ClusterName, request: &impl Request) -> Cow<'c, str> {
    name.with_port(if name.wants_port() { request.port() } else { None })
}

/// The filters' own headers are taken off a request that came with some.
fn own_headers(headers: &Headers) -> impl Iterator<Item = Change> {
    let own = headers.iter().filter(|(name, _)| name.starts_with(OWN_PREFIX.as_bytes()));
    own.map(|(name, _)| Change::Remove { name: String::from_utf8_lossy(name).into_owned() })
}

//! What becomes of a request, as one value.
//!
//! This is the one place in which the order stands in which a rule is carried out: the fault, the reply that the rule gives
//! itself, the changes to the request, the destination with its own, the changes to the response, the copies.

use crate::canary::{Choice, Way, Worker};
use crate::changes::{Change, Reply};
use crate::cluster_name::ClusterName;
use crate::guard::Epoch;
use crate::key::IssuedCookie;
use crate::policy::{Applied, Outcome, Policy, ResponseChanges, Rule, RuleId};
use crate::published::OWN_PREFIX;
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
    /// matched the request.
    Pick,
    /// The copies: shadow-mirror's.
    Copy,
    /// All of it: canary's.
    All,
}

/// What a filter before this one has said of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// There was none.
    Nothing,
    /// It has another configuration: its outcome says nothing here.
    Foreign,
    /// It has the same configuration, this outcome, and has done its part.
    Same(Outcome),
}

/// What becomes of a request, as far as one filter has a part in it. Whoever carries it out does so in the order of the
/// fields.
#[derive(Debug)]
pub struct Decision<'p> {
    /// Which rule applies.
    pub outcome: Outcome,
    /// The text that tells the filters behind this one which.
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
    /// Whose destination it is.
    pub rule: RuleId,
    /// Which it is, and why.
    pub choice: Choice<'p>,
    /// The cluster's name for this request.
    pub cluster: Cow<'p, str>,
    /// The name of its subset, if requests are to say it.
    pub subset: Option<&'p str>,
    /// What is to be learnt from how the request ends.
    pub watch: Option<Watch>,
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
    fn routes(self) -> bool {
        matches!(self, Part::Route | Part::All)
    }
}

impl<'p> Decision<'p> {
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
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

    fn reveal(&mut self, text: impl FnOnce() -> String) {
        if let Some(Reveal { text: said, .. }) = &mut self.reveal {
            if !said.is_empty() {
                said.push(' ');
            }
            said.push_str(&text());
        }
    }

    /// The rule that applies, if one does.
    pub fn rule(&self) -> Option<RuleId> {
        match self.outcome {
            Outcome::Rule(applied) => Some(applied.rule),
            Outcome::NoHost | Outcome::NoRule(_) => None,
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
        Self {
            rule: id,
            cluster: cluster_for(&choice.destination.cluster, request),
            subset: choice.destination.subset.as_deref().filter(|_| policy.tells_subset),
            watch: watched.then_some(Watch { rule: id, place: choice.place, epoch }),
            choice,
        }
    }

    /// The cookie that the client is given with the response, and its value.
    pub fn cookie(&self) -> Option<(&'p IssuedCookie, &str)> {
        match &self.choice.way {
            Way::Issued { cookie, value, .. } => Some((cookie, value)),
            _ => None,
        }
    }
}

impl Policy {
    /// What becomes of `request`, as far as the `part` goes, on `worker`.
    ///
    /// ```
    /// use serin_traffic::written::{Configuration, Source};
    /// use serin_traffic::{Before, Headers, Part, Policy, Request, Rotation, RuleId, Ticket, Worker};
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
    /// let decision = policy.decide(&Get(headers.clone()), &Alone, Part::All, Before::Nothing);
    /// assert_eq!(decision.reply.map(|reply| reply.status), Some(503));
    ///
    /// headers.push(b"end-user", b"jason");
    /// let decision = policy.decide(&Get(headers), &Alone, Part::All, Before::Nothing);
    /// let destination = decision.destination.expect("it goes somewhere");
    /// assert_eq!(destination.cluster, "outbound|9080|v2|reviews.default.svc.cluster.local");
    /// # Ok::<(), serin_traffic::Refusal>(())
    /// ```
    pub fn decide<'p>(
        &'p self,
        request: &impl Request,
        worker: &impl Worker,
        part: Part,
        before: Before,
    ) -> Decision<'p> {
        let known = match before {
            Before::Same(outcome) => Some(outcome),
            Before::Nothing | Before::Foreign => None,
        };
        let outcome = known.unwrap_or_else(|| self.route(request));
        let mut decision = Decision::of(outcome);
        if before == Before::Nothing {
            decision.publish = Some(self.publish(outcome));
            decision.request.extend(own_headers(request.headers()));
        }
        if self.reveals(outcome) {
            let continues = known.is_some();
            let text = if continues { String::new() } else { self.name_of(outcome) };
            decision.reveal = Some(Reveal { text, continues });
        }
        let Outcome::Rule(applied) = outcome else {
            if part.routes() && self.refuses(outcome) {
                decision.reply = Some(Reply { status: 404, details: "serin_no_rule", ..Reply::default() });
            }
            return decision;
        };
        if let Some(rule) = self.rule(applied.rule) {
            self.decide_by(rule, applied, request, worker, part, known.is_some(), &mut decision);
        }
        decision
    }

    /// Adds to `decision` what `rule` says of the request; `matched` says that a filter before this one has done its part.
    #[inline(never)]
    fn decide_by<'p>(
        &'p self,
        rule: &'p Rule,
        applied: Applied,
        request: &impl Request,
        worker: &impl Worker,
        part: Part,
        matched: bool,
        decision: &mut Decision<'p>,
    ) {
        let id = applied.rule;
        if part.routes() {
            decision.wait = rule.fault().and_then(|fault| fault.delay(|| worker.draw()));
            decision.reply = rule.local_reply(applied, request, worker);
            if decision.reply.is_some() {
                return;
            }
            decision.request.extend(rule.request_changes(request, applied.by));
        }
        let choice = match part {
            Part::Route => rule.only_choice(),
            // Where there is nothing to choose, the filter that matched the request has sent it on its way.
            Part::Pick if matched && rule.only_destination().is_some() => None,
            Part::Pick | Part::All => rule.choose(id, request, worker),
            Part::Copy => None,
        };
        if let Some(choice) = choice {
            decision.reveal(|| choice.to_string());
            decision.request.extend(choice.destination.request_changes(request));
            decision.response = choice.destination.response_changes(request, &decision.request);
            decision.destination = Some(Chosen::of(self, rule, id, choice, request, worker));
        }
        if part.routes() {
            let destination = decision.destination.as_ref().map(|chosen| chosen.choice.destination);
            // The rule has the last word, as it has in Envoy.
            decision.response.extend(rule.response_changes(request, &decision.request, destination));
        }
        if part == Part::Copy || (part == Part::All && decision.destination.is_some()) {
            let copies = rule.copies(id, request, worker);
            for copy in copies.iter().filter(|copy| !matches!(copy.way, CopyWay::Dropped(_))) {
                decision.reveal(|| format!("shadow={}", copy.cluster));
            }
            decision.copies = copies;
        }
    }
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

//! A run: many requests, one after the other, and where they went.

use super::key::KeyPlace;
use super::request::Simulated;
use super::rules::{Mode, Rules};
use crate::scenario::p_of_split;
use fastrand::Rng;
use serin_traffic::{Choice, KeySource, Part, Rotation, Rule, RuleId, Ticket, Weights, Worker};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What becomes of a request that no rule applies to.
const NOT_FOUND: u16 = 404;

/// Requests to the rules of one set of manifests, and what became of them.
#[derive(Debug)]
pub(crate) struct Run<'r> {
    rules: &'r Rules<'r>,
    chance: RefCell<Rng>,
    /// Whose turn it is, of the rules that are split exactly.
    rotations: RefCell<BTreeMap<RuleId, Rotation>>,
    pub(crate) requests: u64,
    /// Requests that no rule applies to.
    pub(crate) unmatched: u64,
    splits: BTreeMap<RuleId, Split<'r>>,
}

/// What became of the requests that one rule applied to.
#[derive(Debug)]
pub(crate) struct Split<'r> {
    /// The VirtualService, `namespace/name`.
    pub(crate) virtual_service: &'r str,
    pub(crate) rule: &'r Rule,
    pub(crate) mode: Mode,
    pub(crate) weights: Weights,
    /// By destination.
    pub(crate) counts: Vec<u64>,
    /// Those of them that chance, or a key that was there for the first time, has placed.
    judged: Vec<u64>,
    /// Where keys were found.
    pub(crate) keys: Vec<KeysAt>,
    /// Clients that were given a cookie as their key.
    pub(crate) issued: u64,
    /// Requests without a key.
    pub(crate) without_key: u64,
    /// Answers that the rule gave itself, by status.
    pub(crate) replies: BTreeMap<u16, u64>,
}

/// The requests that had their key at one place.
#[derive(Debug)]
pub(crate) struct KeysAt {
    source: *const KeySource,
    pub(crate) place: String,
    /// Whether it is the key by which requests differ.
    pub(crate) varies: bool,
    pub(crate) requests: u64,
}

/// Where a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Destination(RuleId, usize),
    Reply(u16),
}

/// What became of a request.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) target: Target,
    /// The cookie that the client was given, which it sends from then on.
    pub(crate) given: Option<(String, String)>,
}

/// A worker of a proxy in which all is well.
struct Calm<'s> {
    chance: &'s RefCell<Rng>,
    rotations: &'s RefCell<BTreeMap<RuleId, Rotation>>,
}

impl Worker for Calm<'_> {
    fn draw(&self) -> Ticket {
        Ticket(self.chance.borrow_mut().u64(..))
    }

    fn rotate(&self, rule: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        turn(self.rotations.borrow_mut().entry(rule).or_default())
    }
}

impl<'r> Run<'r> {
    pub(crate) fn new(rules: &'r Rules<'r>, seed: u64) -> Self {
        let chance = RefCell::new(Rng::with_seed(seed));
        let rotations = RefCell::default();
        Self { rules, chance, rotations, requests: 0, unmatched: 0, splits: BTreeMap::new() }
    }

    /// Asks where `request` goes; `varying` is where its key is, and whether no request before had that key.
    pub(crate) fn send(&mut self, request: &Simulated, varying: Option<(&KeyPlace, bool)>) -> Sent {
        self.requests += 1;
        let rules = self.rules;
        let worker = Calm { chance: &self.chance, rotations: &self.rotations };
        let decision = rules.policy.decide(request, &worker, Part::All, None);
        let found = decision.rule().and_then(|id| Some((id, rules.policy.rule(id)?)));
        let Some((id, rule)) = found else {
            self.unmatched += 1;
            return Sent { target: Target::Reply(NOT_FOUND), given: None };
        };
        let now = serin_traffic::Request::now(request);
        let split = self.splits.entry(id).or_insert_with(|| {
            let [virtual_service, _] = rules.policy.names_of_rule(id);
            Split::new(virtual_service, rule, now)
        });
        if let Some(reply) = decision.reply {
            *split.replies.entry(reply.status).or_default() += 1;
            return Sent { target: Target::Reply(reply.status), given: None };
        }
        let Some((chosen, choice)) =
            decision.destination.as_ref().and_then(|chosen| chosen.choice.as_ref().map(|choice| (chosen, choice)))
        else {
            self.unmatched += 1;
            return Sent { target: Target::Reply(NOT_FOUND), given: None };
        };
        let given = chosen.cookie().map(|(cookie, value)| (cookie.name().to_owned(), value.to_owned()));
        let (place, judged) = (choice.place, split.learn(choice, varying));
        split.counts[place] += 1;
        split.judged[place] += u64::from(judged);
        Sent { target: Target::Destination(id, place), given }
    }

    /// Whether some requests got their destination by chance or in turn.
    pub(crate) fn leaves_to_chance(&self) -> bool {
        let of_split = |split: &Split<'_>| match split.mode {
            Mode::Only => false,
            Mode::Random | Mode::Exact => split.total() > 0,
            Mode::Sticky => split.without_key > 0,
        };
        self.splits().any(of_split)
    }

    /// The rules that applied, in their order.
    pub(crate) fn splits(&self) -> impl Iterator<Item = &Split<'r>> {
        self.splits.values()
    }

    /// The destination, as the rule names it, or the answer.
    pub(crate) fn name_of(&self, target: Target) -> String {
        let destination = match target {
            Target::Destination(rule, place) => {
                self.splits.get(&rule).and_then(|split| split.rule.destinations().get(place))
            }
            Target::Reply(status) => return status.to_string(),
        };
        destination.map_or_else(String::new, |destination| destination.name.clone())
    }
}

impl<'r> Split<'r> {
    fn new(virtual_service: &'r str, rule: &'r Rule, now: u64) -> Self {
        let destinations = rule.destinations().len();
        Self {
            virtual_service,
            rule,
            mode: Mode::of(rule),
            weights: rule.weights(|| now),
            counts: vec![0; destinations],
            judged: vec![0; destinations],
            keys: Vec::new(),
            issued: 0,
            without_key: 0,
            replies: BTreeMap::new(),
        }
    }

    /// Learns in which way a destination was found; whether it is one for a test of chance.
    fn learn(&mut self, choice: &Choice<'_>, varying: Option<(&KeyPlace, bool)>) -> bool {
        match &choice.way {
            serin_traffic::PickedBy::Only | serin_traffic::PickedBy::Exact => false,
            serin_traffic::PickedBy::Random => {
                self.without_key += u64::from(self.mode == Mode::Sticky);
                true
            }
            serin_traffic::PickedBy::Issued { .. } => {
                self.issued += 1;
                true
            }
            serin_traffic::PickedBy::Sticky { source, .. } => {
                let keys = self.keys_at(source, varying.map(|(place, _)| place));
                keys.requests += 1;
                keys.varies && varying.is_some_and(|(_, first)| first)
            }
        }
    }

    fn keys_at(&mut self, source: &KeySource, varying: Option<&KeyPlace>) -> &mut KeysAt {
        // As a text it would be formatted again for each request.
        let at = self.keys.iter().position(|keys| std::ptr::eq(keys.source, source));
        let at = at.unwrap_or_else(|| {
            let place = source.to_string();
            let varies = varying.is_some_and(|varying| varying.is(&place));
            self.keys.push(KeysAt { source, place, varies, requests: 0 });
            self.keys.len() - 1
        });
        &mut self.keys[at]
    }

    /// The requests that got a destination.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The share that the destination at `place` is due, from 0 to 1.
    pub(crate) fn share(&self, place: usize) -> f64 {
        if self.mode == Mode::Only { 1.0 } else { self.weights.share(place) }
    }

    /// The probability that a right split is that far off; `None` if nothing was left to chance.
    pub(crate) fn p(&self) -> Option<f64> {
        let judged = self.judged.iter().enumerate().map(|(place, count)| (*count, self.share(place)));
        // Who has no share gets nothing for certain.
        let judged: Vec<(u64, f64)> = judged.filter(|(count, share)| *share > 0.0 || *count > 0).collect();
        let anything = judged.iter().any(|(count, _)| *count > 0);
        (judged.len() > 1 && anything).then(|| p_of_split(&judged))
    }
}

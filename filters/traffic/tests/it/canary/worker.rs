//! A worker of which the test knows everything.

use crate::scene::{Get, policy, virtual_service};
use serde_json::{Value, json};
use serin_traffic::guard::{Failover, Guard};
use serin_traffic::{Choice, Outcome, Part, Policy, Rotation, Rule, RuleId, Share, Ticket, Worker};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// A worker: each ticket is another, evenly spread, the rotation starts at its beginning, and nothing is withdrawn or gone
/// until the test says so.
pub(super) struct Fake {
    ticket: Cell<u64>,
    rotation: RefCell<Rotation>,
    pub(super) factor: Share,
    pub(super) gone: Vec<usize>,
}

impl Default for Fake {
    fn default() -> Self {
        Self { ticket: Cell::new(0), rotation: RefCell::default(), factor: Share::ALL, gone: Vec::new() }
    }
}

impl Worker for Fake {
    fn draw(&self) -> Ticket {
        // The golden ratio's multiples are as even as can be, in any run of them.
        self.ticket.set(self.ticket.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        Ticket(self.ticket.get())
    }

    fn rotate(&self, _: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        turn(&mut self.rotation.borrow_mut())
    }

    fn guarded(&self, _: RuleId, _: &Guard) -> Share {
        self.factor
    }

    fn passes_over(&self, _: RuleId, place: usize, _: &Failover) -> bool {
        self.gone.contains(&place)
    }
}

/// A worker on which the guarded destination has so many percent of its share.
pub(super) fn with_factor(percent: f64) -> Fake {
    Fake { factor: Share::from_percent(percent).expect("it is a percentage"), ..Fake::default() }
}

/// A worker that has found the destinations at these places gone.
pub(super) fn without(gone: &[usize]) -> Fake {
    Fake { gone: gone.to_vec(), ..Fake::default() }
}

/// A CanaryPolicy `default/reviews` with these entries.
pub(super) fn canary_policy(routes: Value) -> Value {
    let spec = json!({"virtualService": "reviews", "routes": routes});
    json!({"apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews"}, "spec": spec})
}

/// A destination: a subset of `reviews` and its weight.
pub(super) fn to(subset: &str, weight: u32) -> Value {
    json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight})
}

/// A configuration: the rule `default` with these destinations, and what a CanaryPolicy says of it.
pub(super) fn canary(route: Value, entry: Value) -> Value {
    let spec = json!({"hosts": ["reviews"], "http": [{"name": "default", "route": route}]});
    json!({"resources": [virtual_service("reviews", spec), canary_policy(json!([entry]))]})
}

/// The policy of [`canary`].
#[track_caller]
pub(super) fn split(route: Value, entry: Value) -> Policy {
    policy(canary(route, entry))
}

#[track_caller]
pub(super) fn rule<'p>(policy: &'p Policy, request: &Get) -> &'p Rule {
    let Outcome::Rule(applied) = policy.route(request) else { panic!("no rule applies") };
    policy.rule(applied.rule).expect("it is the policy's own")
}

/// What becomes of `request` on `worker`.
#[track_caller]
pub(super) fn choose<'r>(policy: &'r Policy, request: &Get, worker: &Fake) -> Choice<'r> {
    let decision = policy.decide(request, worker, Part::All, None);
    decision.destination.expect("it has a destination").choice.expect("it was chosen here")
}

/// The subset that `request` gets.
#[track_caller]
pub(super) fn subset(policy: &Policy, request: &Get, worker: &Fake) -> String {
    choose(policy, request, worker).destination.title().to_owned()
}

/// How many of 1,000 requests each subset gets.
#[track_caller]
pub(super) fn thousand(policy: &Policy, request: &Get, worker: &Fake) -> BTreeMap<String, u32> {
    let mut hits = BTreeMap::new();
    for _ in 0..1_000 {
        *hits.entry(subset(policy, request, worker)).or_default() += 1;
    }
    hits
}

//! How many requests each destination got.

use crate::counts::Counts;
use crate::metrics::Counter;
use rustc_hash::FxHashMap;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::{Choice, Destination, Policy, RuleId};
use std::cell::RefCell;
use std::rc::Rc;

/// The counters of one configuration, by rule and the destination's place in it.
#[derive(Debug, Default)]
pub(crate) struct Sent(RefCell<FxHashMap<(RuleId, usize), Rc<Counter>>>);

impl Sent {
    /// Counts a request that got that destination of `rule`.
    pub(crate) fn count(&self, counts: &Counts, policy: &Policy, rule: RuleId, choice: &Choice<'_>) {
        if let Ok(mut counters) = self.0.try_borrow_mut() {
            let fresh = || Rc::new(counter(policy, rule, choice.destination));
            counts.count(counters.entry((rule, choice.place)).or_insert_with(fresh));
        }
    }
}

fn counter(policy: &Policy, rule: RuleId, destination: &Destination) -> Counter {
    let [virtual_service, route] = policy.names_of_rule(rule);
    let labels =
        [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::Subset, destination.title())];
    Counter::new(Metric::Requests, &labels)
}

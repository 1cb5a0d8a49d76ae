//! How many requests each destination got.

use crate::metrics::Counter;
use rustc_hash::FxHashMap;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::{Destination, Policy, RuleId};
use std::cell::RefCell;

/// The counters of one configuration, by rule and the destination's place in it.
#[derive(Debug, Default)]
pub(crate) struct Sent(RefCell<FxHashMap<(RuleId, usize), Counter>>);

impl Sent {
    /// Counts a request that `destination` of `rule` gets.
    pub(crate) fn count(&self, policy: &Policy, rule: RuleId, destination: &Destination) {
        let is_it = |other: &Destination| std::ptr::eq(other, destination);
        let place = policy.rule(rule).and_then(|rule| rule.destinations().iter().position(is_it));
        if let (Some(place), Ok(mut counters)) = (place, self.0.try_borrow_mut()) {
            counters.entry((rule, place)).or_insert_with(|| counter(policy, rule, destination)).add(1);
        }
    }
}

fn counter(policy: &Policy, rule: RuleId, destination: &Destination) -> Counter {
    let [virtual_service, route] = policy.names_of_rule(rule);
    let labels =
        [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::Subset, destination.title())];
    Counter::new(Metric::Requests, &labels)
}

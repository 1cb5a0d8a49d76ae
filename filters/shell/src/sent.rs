//! How many requests each destination got.
//!
//! A request is counted in the VM's own memory: to tell the proxy costs a hostcall, so it is told of many at a time.

use crate::hostcall;
use crate::metrics::Counter;
use crate::timer::{Timer, Wish};
use rustc_hash::FxHashMap;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::{Choice, Destination, Policy, RuleId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How long a count may be kept from the proxy, in nanoseconds: less than people notice, and than what they read metrics with.
const KEPT: u64 = 100_000_000;

/// A destination, by its rule and its place in it.
type Key = (RuleId, usize);

/// The counters of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    counts: RefCell<FxHashMap<Key, Count>>,
    /// Those of which the proxy has not been told all.
    untold: RefCell<Vec<Key>>,
    /// Whether nobody will call to have the proxy told: then it is told at once.
    ended: Cell<bool>,
    timer: Rc<Timer>,
}

#[derive(Debug)]
struct Count {
    counter: Counter,
    untold: u64,
}

impl Sent {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Counts a request that got that destination of `rule`.
    pub(crate) fn count(&self, policy: &Policy, rule: RuleId, choice: &Choice<'_>) {
        let key = (rule, choice.place);
        let (Ok(mut counts), Ok(mut untold)) = (self.counts.try_borrow_mut(), self.untold.try_borrow_mut()) else {
            return;
        };
        let fresh = || Count { counter: counter(policy, rule, choice.destination), untold: 0 };
        let count = counts.entry(key).or_insert_with(fresh);
        if count.untold == 0 {
            let soon = |now: u64| now.saturating_add(KEPT);
            let told = !untold.is_empty()
                || (!self.ended.get() && self.timer.wish(Wish::Counts, hostcall::now().ok().map(soon)));
            if !told {
                count.counter.add(1);
                return;
            }
            untold.push(key);
        }
        count.untold += 1;
    }

    /// Tells the proxy of all that was counted.
    pub(crate) fn tell(&self) {
        self.timer.wish(Wish::Counts, None);
        let (Ok(mut counts), Ok(mut untold)) = (self.counts.try_borrow_mut(), self.untold.try_borrow_mut()) else {
            return;
        };
        for key in untold.drain(..) {
            if let Some(count) = counts.get_mut(&key) {
                count.counter.add(std::mem::take(&mut count.untold));
            }
        }
    }

    /// The same, and from then on each is told at once: the context that the proxy calls is about to go.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.tell();
    }
}

fn counter(policy: &Policy, rule: RuleId, destination: &Destination) -> Counter {
    let [virtual_service, route] = policy.names_of_rule(rule);
    let labels =
        [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::Subset, destination.title())];
    Counter::new(Metric::Requests, &labels)
}

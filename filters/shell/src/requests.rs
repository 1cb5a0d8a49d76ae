//! How many requests each destination got.

use crate::counts::{Counts, Owner};
use crate::metrics::{Counter, of_destination};
use serin_traffic::metrics::Metric;
use serin_traffic::{Chosen, RuleId, Sorted};
use std::cell::RefCell;
use std::rc::Rc;

/// The counters of one configuration, by rule and the destination's place in it.
#[derive(Debug, Default)]
pub(crate) struct Requests(RefCell<Sorted<(RuleId, usize), Rc<Counter>>>);

impl Requests {
    /// Counts a request that got that destination.
    pub(crate) fn count(&self, counts: &Counts, owner: Owner<'_>, chosen: &Chosen<'_>) {
        let fresh = || Rc::new(counter(owner.names, &chosen.title));
        match (owner.rule, self.0.try_borrow_mut()) {
            (Some(rule), Ok(mut counters)) => {
                if let Some(counter) = counters.get_or_insert_with((rule, chosen.place), fresh) {
                    counts.count(counter);
                }
            }
            _ => counts.count(&fresh()),
        }
    }
}

fn counter(names: [&str; 2], subset: &str) -> Counter {
    Counter::new(Metric::Requests, &of_destination(names, subset))
}

//! What one worker remembers of copies.

use crate::hostcall;
use crate::series::Series;
use serin_traffic::shadow::Allowance;
use serin_traffic::{RuleId, Sorted};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What one worker remembers of the copies of each rule.
#[derive(Debug, Default)]
pub(crate) struct Mirrored(RefCell<Sorted<RuleId, Rc<OfRule>>>);

#[derive(Debug, Default)]
pub(crate) struct OfRule {
    /// How many of its copies are on their way.
    pub(crate) in_flight: Rc<Cell<u32>>,
    allowance: Cell<Allowance>,
    series: RefCell<Sorted<String, Rc<Series>>>,
}

impl Mirrored {
    /// What is remembered of one rule.
    pub(crate) fn of(&self, rule: RuleId) -> Rc<OfRule> {
        let mut rules = self.0.try_borrow_mut().ok();
        let known = rules.as_mut().and_then(|rules| rules.get_or_insert_with(rule, Rc::default));
        known.map(|of_rule| Rc::clone(of_rule)).unwrap_or_default()
    }

    /// Whether one more copy may be sent of so many a second.
    pub(crate) fn may_copy(&self, rule: RuleId, per_second: u32) -> bool {
        self.of(rule).may_copy(per_second)
    }
}

impl OfRule {
    /// The series of its copies to `cluster`.
    pub(crate) fn series(&self, names: [&str; 2], cluster: &str) -> Rc<Series> {
        let fresh = || Rc::new(Series::new(names, cluster));
        let Ok(mut known) = self.series.try_borrow_mut() else {
            return fresh();
        };
        if let Some(series) = known.get(cluster) {
            return Rc::clone(series);
        }
        let series = fresh();
        known.insert(cluster.to_owned(), Rc::clone(&series));
        series
    }

    fn may_copy(&self, per_second: u32) -> bool {
        let mut allowance = self.allowance.get();
        let may = allowance.take(per_second, hostcall::now().unwrap_or_default());
        self.allowance.set(allowance);
        may
    }
}

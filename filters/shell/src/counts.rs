//! Counts that are kept in the VM's own memory for a moment: to tell the proxy costs a hostcall, so it is told of many at a time.

use crate::hostcall;
use crate::metrics::Counter;
use crate::timer::{Timer, Wish};
use serin_traffic::RuleId;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How long a count may be kept from the proxy, in nanoseconds: less than people notice, and than what they read metrics with.
const KEPT: u64 = 100_000_000;

/// The rule that a request is counted under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'n> {
    /// Which it is, if it is one of this configuration.
    pub(crate) rule: Option<RuleId>,
    /// The name of its VirtualService, and its own.
    pub(crate) names: [&'n str; 2],
}

/// What the proxy has not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    untold: RefCell<Vec<Rc<Counter>>>,
    /// Whether nobody will call to have the proxy told: then it is told at once.
    ended: Cell<bool>,
    timer: Rc<Timer>,
}

impl Counts {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Counts one more.
    pub(crate) fn count(&self, counter: &Rc<Counter>) {
        match self.untold.try_borrow_mut() {
            Ok(mut untold) if !untold.is_empty() || self.will_be_called() => {
                if counter.keep() {
                    untold.push(Rc::clone(counter));
                }
            }
            _ => counter.add(1),
        }
    }

    fn will_be_called(&self) -> bool {
        let soon = hostcall::now().ok().map(|now| now.saturating_add(KEPT));
        !self.ended.get() && soon.is_some() && self.timer.wish(Wish::Counts, soon)
    }

    /// Tells the proxy of all that was counted.
    pub(crate) fn tell(&self) {
        self.timer.wish(Wish::Counts, None);
        let untold = self.untold.try_borrow_mut().map(|mut untold| std::mem::take(&mut *untold));
        untold.unwrap_or_default().iter().for_each(|counter| counter.tell());
    }

    /// The same, and from then on each is told at once: the context that the proxy calls is about to go.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.tell();
    }
}

//! Timers: the tick that a plugin context asked for.

use super::clock::Instant;
use super::context::RootId;
use std::collections::BTreeMap;
use std::time::Duration;

/// One timer for each plugin context, as `proxy_set_tick_period_milliseconds` sets it.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    timers: BTreeMap<RootId, Timer>,
}

#[derive(Debug)]
struct Timer {
    period: Duration,
    due: Instant,
}

impl Timers {
    /// Restarts the timer; a period of zero stops it.
    pub(crate) fn set(&mut self, root: RootId, period: Duration, now: Instant) {
        if period.is_zero() {
            self.timers.remove(&root);
        } else {
            self.timers.insert(root, Timer { period, due: now.after(period) });
        }
    }

    pub(crate) fn cancel(&mut self, root: RootId) {
        self.timers.remove(&root);
    }

    /// When the next tick is due, and whose it is.
    pub(crate) fn next(&self) -> Option<(Instant, RootId)> {
        self.timers.iter().map(|(root, timer)| (timer.due, *root)).min()
    }

    /// Starts the next period of a timer that has fired.
    pub(crate) fn fired(&mut self, root: RootId) {
        if let Some(timer) = self.timers.get_mut(&root) {
            timer.due = timer.due.after(timer.period);
        }
    }
}

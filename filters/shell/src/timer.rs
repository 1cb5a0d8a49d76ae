//! The worker's one timer, shared by those who wait.

use crate::hostcall;
use std::cell::Cell;

/// When the worker is to be called again: the sooner of two wishes.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// For requests that wait, in milliseconds; 0 for not at all.
    delays: Cell<u32>,
    /// For copies that are to be sent.
    copies: Cell<bool>,
    /// The period that the proxy was given.
    period: Cell<u32>,
}

impl Timer {
    /// Asks to be called in so many milliseconds for requests that wait; 0 for not at all.
    pub(crate) fn for_delays(&self, milliseconds: u32) {
        self.delays.set(milliseconds);
        // Time has passed of the period that is running: it begins anew.
        self.set(self.wanted());
    }

    /// Asks to be called as soon as possible for copies, or no more.
    pub(crate) fn for_copies(&self, wanted: bool) {
        self.copies.set(wanted);
        if self.period.get() != self.wanted() {
            self.set(self.wanted());
        }
    }

    fn wanted(&self) -> u32 {
        if self.copies.get() { 1 } else { self.delays.get() }
    }

    fn set(&self, period: u32) {
        // Refused, requests wait until the client or a timeout of Envoy's gives up, and copies for the next timer.
        if hostcall::set_tick_period(period).is_ok() {
            self.period.set(period);
        }
    }
}

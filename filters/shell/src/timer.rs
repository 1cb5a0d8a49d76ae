//! The worker's one timer, shared by those who wait.

use crate::hostcall;
use std::cell::Cell;

const MILLISECOND: u64 = 1_000_000;

/// When the worker is to be called again: at the soonest of several wishes. Instants are in nanoseconds since 1970.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    /// One for each [`Wish`].
    wishes: [Cell<Option<u64>>; 4],
    /// When the proxy will call, as far as it was told.
    fires_at: Cell<Option<u64>>,
}

/// For whom the worker is to be called.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    /// Requests that wait.
    Delays,
    /// Copies that are to be sent.
    Copies,
    /// Bodies that have not come in by then.
    Collections,
    /// Counts of which the proxy is to be told.
    Counts,
}

impl Timer {
    /// As soon as possible.
    pub(crate) const NOW: u64 = 0;

    /// Asks to be called at `instant`; `None` for no more. A call that was asked for and is not wanted any more comes all the
    /// same: to tell the proxy each time would cost more. Whether the proxy will call.
    pub(crate) fn wish(&self, wish: Wish, instant: Option<u64>) -> bool {
        self.of(wish).set(instant);
        match instant {
            Some(instant) if self.fires_at.get().is_none_or(|fires_at| instant < fires_at) => self.set(instant),
            _ => true,
        }
    }

    /// The proxy has called: `work` does what is due, and the next call is asked for.
    pub(crate) fn fired(&self, work: impl FnOnce()) {
        // Far in the past, so that nobody asks for a call before all have said when they want one.
        self.fires_at.set(Some(Self::NOW));
        work();
        match self.wishes.iter().filter_map(Cell::get).min() {
            Some(next) => {
                self.set(next);
            }
            None => {
                let _ = hostcall::set_tick_period(0);
                self.fires_at.set(None);
            }
        }
    }

    fn of(&self, wish: Wish) -> &Cell<Option<u64>> {
        let [delays, copies, collections, counts] = &self.wishes;
        match wish {
            Wish::Delays => delays,
            Wish::Copies => copies,
            Wish::Collections => collections,
            Wish::Counts => counts,
        }
    }

    fn set(&self, instant: u64) -> bool {
        let wait = instant.saturating_sub(hostcall::now().unwrap_or_default()).div_ceil(MILLISECOND).max(1);
        let called = hostcall::set_tick_period(u32::try_from(wait).unwrap_or(u32::MAX)).is_ok();
        if called {
            self.fires_at.set(Some(instant));
        }
        called
    }
}

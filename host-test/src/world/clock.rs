//! Clocks: virtual time, which moves only when the test says so.

use std::time::Duration;

/// 2026-01-01T00:00:00Z, the instant at which every proxy starts.
const START: Duration = Duration::from_secs(1_767_225_600);

/// The time since 1970, as the guest is told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) const fn start() -> Instant {
        Instant(START)
    }

    pub(crate) fn nanoseconds(self) -> u64 {
        self.0.as_nanos() as u64
    }

    pub(crate) fn after(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(duration))
    }

    pub(crate) fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

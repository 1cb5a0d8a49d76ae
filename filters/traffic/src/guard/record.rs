//! What the workers of one Envoy know together of a guarded destination.

use super::settings::Guard;
use super::tally::{Epoch, Tally};
use super::transition::{Step, Transition};
use super::window::{Counts, Window};
use crate::share::Share;

/// What the workers of one Envoy know together of a guarded destination: a plain value, kept in shared data.
///
/// A worker that has something to tell reads the record, absorbs its tally, and writes what comes of it if nobody else has
/// written since (compare and swap); else it starts over. So every transition is made by exactly one worker.
///
/// Times are nanoseconds since 1970. Workers may read slightly different clocks, and a clock may be set: a record counts
/// anew then, and no share is withdrawn for longer than `hold` from the next time that a worker looks.
///
/// ```
/// use serde_json::json;
/// use serin_traffic::Share;
/// use serin_traffic::guard::{Answer, Guard, Record, Tally};
/// use serin_traffic::written;
///
/// let written = json!({"subset": "v2", "maxErrorPercent": 5, "minRequests": 10, "hold": "1m"});
/// let written: written::Guard = written::read("guard", written).unwrap();
/// let guard = Guard::try_from(&written).unwrap();
/// let second = 1_000_000_000;
///
/// let mut tally = Tally::default();
/// for _ in 0..10 {
///     tally.count(Record::default().epoch(0), Answer::Error);
/// }
/// let (record, transition) = Record::default().absorb(&guard, tally, 100 * second);
/// assert_eq!(
///     transition.unwrap().to_string(),
///     "share withdrawn for 1m: 10 of 10 responses within 30s were errors (100.0%, bound 5%)",
/// );
/// assert_eq!(record.factor(&guard, 159 * second), Share::NONE);
/// assert_eq!(record.factor(&guard, 160 * second).to_string(), "10%");
///
/// let shared = record.write();
/// assert_eq!(Record::read(&shared), Some(record));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub(super) epoch: Epoch,
    pub(super) phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The destination has its share.
    Steady(Window),
    /// It has none until then.
    Withdrawn { until: u64 },
    /// It has a part, and so many answers since.
    Trial { since: u64, seen: Counts },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Steady(Window::default())
    }
}

impl Record {
    /// The record after a worker has told its tally at `now`, and the transition that this is, if it is one.
    ///
    /// Time alone ends a withdrawal, with an empty tally too. The answers of a tally count in the epoch in which their
    /// requests were sent: those to requests from before a withdrawal neither prolong it nor spoil the trial.
    ///
    /// A trial is passed when it has lasted a window and seen `minRequests` answers. It is failed by as many, or at once by
    /// fewer if five of them are errors. It ends after ten windows or `hold`, whichever is longer, with what it has seen:
    /// where answers are so few, the guard could not judge either. Every phase counts from nought.
    #[must_use]
    pub fn absorb(self, guard: &Guard, tally: Tally, now: u64) -> (Self, Option<Transition>) {
        let counts = tally.in_epoch(self.epoch(now));
        match self.phase {
            Phase::Steady(mut window) => {
                window.add(guard.bucket(), now, counts);
                let seen = window.seen();
                if guard.can_judge(seen) && guard.is_passed(seen) {
                    return self.step(Step::Withdrawn, guard, seen, now);
                }
                (Self { phase: Phase::Steady(window), ..self }, None)
            }
            Phase::Withdrawn { until } if now < until => {
                let until = until.min(now.saturating_add(guard.hold));
                (Self { phase: Phase::Withdrawn { until }, ..self }, None)
            }
            Phase::Withdrawn { .. } => self.step(Step::Tried, guard, counts, now),
            Phase::Trial { since, seen } => {
                let (since, seen) = (since.min(now), seen.plus(counts));
                let lasted = now - since;
                let is_over = lasted >= guard.longest_trial();
                if guard.is_passed(seen) && guard.can_fail(seen, is_over) {
                    return self.step(Step::WithdrawnAgain, guard, seen, now);
                }
                if is_over || (guard.can_judge(seen) && lasted >= guard.window) {
                    return self.step(Step::Restored, guard, seen, now);
                }
                (Self { phase: Phase::Trial { since, seen }, ..self }, None)
            }
        }
    }

    /// How much of its own share the destination has at `now`: all, nothing, or a trial's part.
    pub fn factor(&self, guard: &Guard, now: u64) -> Share {
        match self.phase {
            Phase::Steady(_) => Share::ALL,
            Phase::Withdrawn { until } if now < until => Share::NONE,
            Phase::Withdrawn { .. } | Phase::Trial { .. } => guard.trial,
        }
    }

    /// The epoch in which a request is sent at `now`. A withdrawal that is over is a trial, whoever writes it down first.
    pub fn epoch(&self, now: u64) -> Epoch {
        match self.phase {
            Phase::Withdrawn { until } if now >= until => self.epoch.next(),
            _ => self.epoch,
        }
    }

    /// Whether the destination has its share: then a worker with an empty tally has nothing to tell. Else time goes on for
    /// the record, and a worker tells it every [`Guard::flush_after`].
    pub fn is_steady(&self) -> bool {
        matches!(self.phase, Phase::Steady(_))
    }

    fn step(self, step: Step, guard: &Guard, seen: Counts, now: u64) -> (Self, Option<Transition>) {
        let phase = match step {
            Step::Withdrawn | Step::WithdrawnAgain => Phase::Withdrawn { until: now.saturating_add(guard.hold) },
            Step::Tried => Phase::Trial { since: now, seen },
            Step::Restored => Phase::default(),
        };
        (Self { epoch: self.epoch.next(), phase }, Some(Transition::new(step, seen, guard)))
    }
}

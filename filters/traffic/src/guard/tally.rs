//! What one worker has counted.

use super::answer::Answer;
use super::settings::Guard;
use super::window::Counts;

/// A stretch of time between two transitions. Answers count in the epoch in which their requests were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Epoch(pub(super) u32);

impl Epoch {
    pub(super) fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    fn is_before(self, other: Self) -> bool {
        other != self && other.0.wrapping_sub(self.0) < u32::MAX / 2
    }
}

/// What one worker has counted since it last told the others.
///
/// ```
/// use serin_traffic::guard::{Answer, Epoch, Tally};
///
/// let mut tally = Tally::default();
/// tally.count(Epoch::default(), Answer::Good);
/// tally.count(Epoch::default(), Answer::Error);
/// assert_eq!((tally.answers(), tally.errors()), (2, 1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    epoch: Epoch,
    counts: Counts,
}

impl Tally {
    /// Nothing yet, in this epoch: [`Record::epoch`](super::Record::epoch) of the record that the worker has written.
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, counts: Counts::NONE }
    }

    /// Counts the answer to a request that was sent in `epoch`. The first answer of a newer epoch drops those of the older
    /// ones; later answers of older ones are dropped themselves.
    pub fn count(&mut self, epoch: Epoch, answer: Answer) {
        if epoch.is_before(self.epoch) {
            return;
        }
        if epoch != self.epoch {
            *self = Self::new(epoch);
        }
        self.counts = self.counts.plus(Counts { answers: 1, errors: u32::from(answer == Answer::Error) });
    }

    /// How many answers there were.
    pub fn answers(&self) -> u32 {
        self.counts.answers
    }

    /// How many of them were errors.
    pub fn errors(&self) -> u32 {
        self.counts.errors
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.counts == Counts::NONE
    }

    /// Whether the worker's own errors alone could pass the bound: then it should tell the others at once.
    pub fn is_urgent(&self, guard: &Guard) -> bool {
        guard.is_passed(Counts { answers: self.counts.answers.max(guard.min_requests), ..self.counts })
    }

    /// What was counted in `epoch`.
    pub(super) fn in_epoch(&self, epoch: Epoch) -> Counts {
        if self.epoch == epoch { self.counts } else { Counts::NONE }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::guard;
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn late_answers_of_an_older_epoch_are_dropped() {
        let mut tally = Tally::new(Epoch(4));
        tally.count(Epoch(4), Answer::Good);
        tally.count(Epoch(3), Answer::Error);
        assert_eq!((tally.answers(), tally.errors()), (1, 0));
    }

    #[test]
    fn the_first_answer_of_a_newer_epoch_starts_anew() {
        let mut tally = Tally::new(Epoch(u32::MAX));
        tally.count(Epoch(u32::MAX), Answer::Error);
        tally.count(Epoch(0), Answer::Good);
        assert_eq!(tally.in_epoch(Epoch(0)), Counts { answers: 1, errors: 0 });
        assert_eq!(tally.in_epoch(Epoch(u32::MAX)), Counts::NONE);
    }

    #[test]
    fn a_tally_is_urgent_once_its_own_errors_would_pass_the_bound() {
        let guard = guard();
        let mut tally = Tally::default();
        for _ in 0..5 {
            tally.count(Epoch(0), Answer::Error);
            assert!(!tally.is_urgent(&guard), "5 of 100 are 5%, and the bound is 5%");
        }
        tally.count(Epoch(0), Answer::Error);
        assert!(tally.is_urgent(&guard));
        for _ in 0..114 {
            tally.count(Epoch(0), Answer::Good);
        }
        assert!(!tally.is_urgent(&guard), "6 of 120 are 5% again");
    }
}

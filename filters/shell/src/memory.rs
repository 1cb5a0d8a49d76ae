//! The memory that clients may take of this VM: one account for all rules and all plugin configurations in it.

use serin_traffic::shadow::{ANSWER_BYTES, Budget, COLLECTED_BYTES, UNDER_WAY_BYTES};
use std::cell::Cell;
use std::thread::LocalKey;

thread_local! {
    static COLLECTED: Cell<Budget> = const { Cell::new(Budget::new(COLLECTED_BYTES)) };
    static UNDER_WAY: Cell<Budget> = const { Cell::new(Budget::new(UNDER_WAY_BYTES)) };
    static ANSWERS: Cell<Budget> = const { Cell::new(Budget::new(ANSWER_BYTES)) };
}

/// What memory is for; one cannot use up another's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Requests whose bodies are being collected.
    Collected,
    /// Copies that wait to be sent, or for an answer.
    UnderWay,
    /// What is kept of answers until they can be given.
    Answers,
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    purpose: Purpose,
    bytes: usize,
}

impl Purpose {
    fn budget(self) -> &'static LocalKey<Cell<Budget>> {
        match self {
            Self::Collected => &COLLECTED,
            Self::UnderWay => &UNDER_WAY,
            Self::Answers => &ANSWERS,
        }
    }
}

impl Charge {
    /// Takes so many bytes, if they are there.
    pub(crate) fn take(purpose: Purpose, bytes: usize) -> Option<Self> {
        let mut charge = Self { purpose, bytes: 0 };
        charge.grow(bytes).then_some(charge)
    }

    /// Takes so many more, if they are there.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let budget = self.purpose.budget();
        let mut now = budget.get();
        let taken = now.take(more);
        budget.set(now);
        if taken {
            self.bytes += more;
        }
        taken
    }

    /// Gives so many back.
    pub(crate) fn shrink(&mut self, less: usize) {
        let less = less.min(self.bytes);
        let budget = self.purpose.budget();
        let mut now = budget.get();
        now.give_back(less);
        budget.set(now);
        self.bytes -= less;
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back_and_only_to_its_own_purpose() {
        let all = Charge::take(Purpose::Collected, COLLECTED_BYTES).unwrap();
        assert!(Charge::take(Purpose::Collected, 1).is_none());
        let mut other = Charge::take(Purpose::UnderWay, 10).unwrap();
        assert!(other.grow(UNDER_WAY_BYTES - 10) && !other.grow(1));
        other.shrink(5);
        assert!(other.grow(5) && !other.grow(1));
        drop(all);
        assert!(Charge::take(Purpose::Collected, COLLECTED_BYTES).is_some());
        assert!(Charge::take(Purpose::UnderWay, 1).is_none());
    }
}

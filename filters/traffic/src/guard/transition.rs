//! What happened to a destination's share, for the log.

use super::settings::{Guard, Spoken};
use super::window::Counts;
use std::fmt;

/// A change of a destination's share. The worker that has written the record that it came with logs and counts it, and
/// nobody else.
///
/// Its text says what happened, with the numbers that decided: `share withdrawn for 5m: 37 of 120 responses within 30s were
/// errors (30.8%, bound 5%)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    step: Step,
    seen: Counts,
    guard: Guard,
}

/// What happened to a destination's share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was withdrawn.
    Withdrawn,
    /// A part of it was given back, to see what becomes of it.
    Tried,
    /// It was withdrawn in the trial.
    WithdrawnAgain,
    /// All of it was given back.
    Restored,
}

impl Transition {
    pub(super) fn new(step: Step, seen: Counts, guard: &Guard) -> Self {
        Self { step, seen, guard: *guard }
    }

    /// What happened.
    pub fn step(&self) -> Step {
        self.step
    }

    /// How many answers it was judged by.
    pub fn answers(&self) -> u32 {
        self.seen.answers
    }

    /// How many of them were errors.
    pub fn errors(&self) -> u32 {
        self.seen.errors
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { answers, errors } = self.seen;
        let hold = Spoken(self.guard.hold);
        let bound = self.guard.max_error;
        let share = f64::from(errors) * 100.0 / f64::from(answers.max(1));
        match self.step {
            Step::Withdrawn => {
                let window = Spoken(self.guard.window);
                write!(f, "share withdrawn for {hold}: {errors} of {answers} responses within {window} were errors")?;
            }
            Step::WithdrawnAgain => {
                write!(
                    f,
                    "share withdrawn again for {hold}: {errors} of {answers} responses in the trial were errors"
                )?;
            }
            Step::Tried => return write!(f, "tried again with {} of its share", self.guard.trial),
            Step::Restored if answers == 0 => return f.write_str("share restored: no responses in the trial"),
            Step::Restored => write!(f, "share restored: {errors} of {answers} responses in the trial were errors")?,
        }
        write!(f, " ({share:.1}%, bound {bound})")
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::guard;
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn a_transition_says_what_happened_and_why() {
        for (step, answers, errors, text) in [
            (
                Step::Withdrawn,
                120,
                37,
                "share withdrawn for 5m: 37 of 120 responses within 30s were errors (30.8%, bound 5%)",
            ),
            (
                Step::WithdrawnAgain,
                7,
                5,
                "share withdrawn again for 5m: 5 of 7 responses in the trial were errors (71.4%, bound 5%)",
            ),
            (Step::Tried, 0, 0, "tried again with 10% of its share"),
            (Step::Restored, 150, 2, "share restored: 2 of 150 responses in the trial were errors (1.3%, bound 5%)"),
            (Step::Restored, 0, 0, "share restored: no responses in the trial"),
        ] {
            let transition = Transition::new(step, Counts { answers, errors }, &guard());
            assert_eq!(transition.to_string(), text);
        }
    }
}

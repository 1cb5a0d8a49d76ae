//! Medians, and how far they can be relied on.

use crate::results::{Requests, Results};
use statrs::statistics::{Data, OrderStatistics};

/// How often rounds are drawn anew to see how far a median can be relied on.
const DRAWS: u64 = 1_000;

/// A number, and between which two it lies with a confidence of 90 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number itself.
    pub value: f64,
    /// The lower of the two.
    pub low: f64,
    /// The higher of the two.
    pub high: f64,
}

/// The median; not a number if there are none.
pub fn median(values: &[f64]) -> f64 {
    if values.is_empty() { f64::NAN } else { Data::new(values.to_vec()).median() }
}

/// What `of` makes of the rounds with these numbers: of all, and, as bootstrapping has it, of as many that are drawn from them,
/// some more than once.
pub fn estimate(rounds: usize, of: impl Fn(&[usize]) -> f64) -> Estimate {
    let all: Vec<usize> = (0..rounds).collect();
    // The same draws whenever the same results are read.
    let mut random = fastrand::Rng::with_seed(1);
    let mut draw = || of(&(0..rounds).map(|_| random.usize(0..rounds.max(1))).collect::<Vec<_>>());
    let mut drawn = Data::new((0..DRAWS).map(|_| draw()).collect::<Vec<_>>());
    Estimate { value: of(&all), low: drawn.quantile(0.05), high: drawn.quantile(0.95) }
}

/// What a subject's requests cost beyond those of another one in the same rounds.
#[derive(Clone, Copy)]
pub struct Added<'a> {
    subject: &'a Requests,
    nothing: &'a Requests,
}

impl<'a> Added<'a> {
    /// What `subject` adds to `nothing`, if both were measured.
    pub fn of(results: &'a Results, scene: &str, rules: usize, subject: &str, nothing: &str) -> Option<Self> {
        let of = |subject| results.requests(scene, rules, subject);
        Some(Self { subject: of(subject)?, nothing: of(nothing)? })
    }

    /// How many rounds there are.
    pub fn rounds(&self) -> usize {
        self.subject.cpu.len().min(self.nothing.cpu.len())
    }

    /// The median of the difference within a round, in microseconds.
    pub fn cpu_in(&self, rounds: &[usize]) -> f64 {
        median(&rounds.iter().map(|round| self.subject.cpu[*round] - self.nothing.cpu[*round]).collect::<Vec<_>>())
    }

    /// The same of all rounds.
    pub fn cpu(&self) -> f64 {
        self.cpu_in(&(0..self.rounds()).collect::<Vec<_>>())
    }

    /// How many times as much this is as that.
    pub fn times(&self, that: &Self) -> Estimate {
        estimate(self.rounds().min(that.rounds()), |rounds| self.cpu_in(rounds) / that.cpu_in(rounds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_more_certain_the_less_the_rounds_differ() {
        let of = |values: &[f64]| {
            estimate(values.len(), |rounds| median(&rounds.iter().map(|it| values[*it]).collect::<Vec<_>>()))
        };
        let close = of(&[1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0]);
        let far = of(&[1.0, 3.0, 0.2, 1.0, 2.0, 0.5, 1.0]);
        assert_eq!((close.value, far.value), (1.0, 1.0));
        assert!(close.low > far.low && close.high < far.high, "{close:?} {far:?}");
        assert_eq!(of(&[2.0, 2.0]), Estimate { value: 2.0, low: 2.0, high: 2.0 });
    }
}

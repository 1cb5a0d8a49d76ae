//! Scenes of one worker, and what many of them always do.

mod clocks;
mod fleet;
mod scenes;
mod workers;

use super::Answer;
use super::record::{Phase, Record};
use super::settings::Guard;
use super::tally::{Epoch, Tally};
use super::window::{BUCKETS, Counts, Window};
use crate::{Share, written};
use proptest::prelude::*;

pub(super) const SECOND: u64 = 1_000_000_000;

/// A guard with every default and a bound of 5 %.
pub(super) fn written() -> written::Guard {
    let (min_requests, window, hold) = (None, None, None);
    written::Guard { subset: "v2".into(), max_error_percent: 5.0, min_requests, window, hold }
}

/// What a trial gives back.
fn tenth() -> Share {
    Share::from_percent(10.0).unwrap()
}

pub(super) fn guard() -> Guard {
    Guard::try_from(&written()).unwrap()
}

/// So many answers, so many of them errors, to requests sent at `now`.
fn tally(record: &Record, now: u64, answers: u32, errors: u32) -> Tally {
    let mut tally = Tally::new(record.epoch(now));
    for n in 0..answers {
        tally.count(record.epoch(now), if n < errors { Answer::Error } else { Answer::Good });
    }
    tally
}

fn counts() -> impl Strategy<Value = Counts> {
    any::<(u32, u32)>().prop_map(|(one, other)| Counts { answers: one.max(other), errors: one.min(other) })
}

/// Any record at all, not only those that come about.
pub(super) fn record() -> impl Strategy<Value = Record> {
    let window = (any::<u64>(), any::<u64>(), prop::array::uniform10(counts()));
    let window =
        window.prop_map(|(width, newest, buckets): (_, _, [Counts; BUCKETS])| Window { width, newest, buckets });
    let phase = prop_oneof![
        window.prop_map(Phase::Steady),
        any::<u64>().prop_map(|until| Phase::Withdrawn { until }),
        (any::<u64>(), counts()).prop_map(|(since, seen)| Phase::Trial { since, seen }),
    ];
    (any::<u32>(), phase).prop_map(|(epoch, phase)| Record { epoch: Epoch(epoch), phase })
}

/// Chance that is the same in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Error with that probability, in thousandths.
    fn answer(&mut self, thousandths: u64) -> Answer {
        if self.next() % 1_000 < thousandths { Answer::Error } else { Answer::Good }
    }
}

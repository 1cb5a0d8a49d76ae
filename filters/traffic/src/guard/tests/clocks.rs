use super::{Counts, Epoch, Record, SECOND, guard, record, tally, tenth};
use crate::Share;
use crate::guard::record::Phase;
use crate::guard::{Step, Tally};
use crate::wasm_test::test;
use proptest::prelude::*;

/// Any time, near to others more often than not.
fn time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => (0u64..2_000).prop_map(|seconds| seconds * SECOND), 1 => any::<u64>(), 1 => Just(u64::MAX), 1 => Just(0)]
}

fn phase(record: &Record) -> &'static str {
    match record.phase {
        Phase::Steady(_) => "steady",
        Phase::Withdrawn { .. } => "withdrawn",
        Phase::Trial { .. } => "trial",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_the_clock_says_a_record_always_goes_one_step_at_a_time_and_stays_readable(
        record in record(), told in prop::collection::vec((time(), 0u32..200, 0u32..200), 1..40),
    ) {
        let guard = guard();
        let mut record = record;
        for (now, answers, errors) in told {
            let (next, transition) = record.absorb(&guard, tally(&record, now, answers, errors), now);
            let expected = if transition.is_some() { record.epoch.next() } else { record.epoch };
            prop_assert_eq!(next.epoch, expected);
            prop_assert_eq!(Record::read(&next.write()), Some(next));
            let factor = next.factor(&guard, now);
            prop_assert!([Share::NONE, tenth(), Share::ALL].contains(&factor));
            let expected = match transition.map(|transition| transition.step()) {
                Some(Step::Withdrawn | Step::WithdrawnAgain) => "withdrawn",
                Some(Step::Tried) => "trial",
                Some(Step::Restored) => "steady",
                None => phase(&record),
            };
            prop_assert_eq!(phase(&next), expected);
            record = next;
        }
    }

    #[test]
    fn whatever_the_clock_said_a_withdrawn_destination_is_always_tried_a_hold_later(
        until: u64, epoch: u32, now in 0u64..u64::MAX - 300 * SECOND,
    ) {
        let guard = guard();
        let record = Record { epoch: Epoch(epoch), phase: Phase::Withdrawn { until } };
        let (next, transition) = record.absorb(&guard, Tally::default(), now);
        if transition.is_none() {
            let (_, transition) = next.absorb(&guard, Tally::default(), now + 300 * SECOND);
            prop_assert_eq!(transition.unwrap().step(), Step::Tried);
        }
    }

    #[test]
    fn whatever_the_clock_said_a_trial_always_ends(
        since: u64, answers in 0u32..200, errors in 0u32..200, now in 0u64..u64::MAX - 300 * SECOND,
    ) {
        let guard = guard();
        let seen = Counts { answers: answers.max(errors), errors };
        let record = Record { epoch: Epoch(0), phase: Phase::Trial { since, seen } };
        let (next, transition) = record.absorb(&guard, Tally::default(), now);
        if transition.is_none() {
            prop_assert!(next.absorb(&guard, Tally::default(), now + 300 * SECOND).1.is_some());
        }
    }
}

use super::fleet::Fleet;
use super::{Answer, Counts, Phase, SECOND, guard, tally, written};
use crate::Share;
use crate::guard::tally::Epoch;
use crate::guard::{Guard, Record, Step, Tally};
use crate::wasm_test::test;
use proptest::prelude::*;

const START: u64 = 1_000 * SECOND;

/// Requests at an even rate for so long, of which so many thousandths are errors.
fn run(fleet: &mut Fleet, start: u64, length: u64, per_second: u64, thousandths: u64) {
    let distance = SECOND / per_second;
    let mut tick = start;
    for now in (start..start + length).step_by(usize::try_from(distance).unwrap()) {
        while tick <= now {
            fleet.tick(tick);
            tick += 50_000_000;
        }
        fleet.request(now, |chance| chance.answer(thousandths));
    }
}

/// No requests for so long.
fn idle(fleet: &mut Fleet, start: u64, length: u64) {
    (start..start + length).step_by(50_000_000).for_each(|now| fleet.tick(now));
}

#[test]
fn a_destination_with_one_error_in_a_hundred_keeps_its_share_for_a_hundred_thousand_answers() {
    for seed in 0..5 {
        let mut fleet = Fleet::new(guard(), 4, seed);
        run(&mut fleet, START, 1_000 * SECOND, 100, 10);
        assert_eq!(fleet.log, [], "seed {seed}");
    }
}

#[test]
fn a_destination_with_half_of_the_errors_it_may_have_keeps_its_share_where_judgement_waits_for_a_thousand_answers() {
    let guard = Guard::try_from(&written::Guard { min_requests: Some(1_000), ..written() }).unwrap();
    for seed in 0..5 {
        let mut fleet = Fleet::new(guard, 4, seed);
        run(&mut fleet, START, 1_000 * SECOND, 100, 25);
        assert_eq!(fleet.log, [], "seed {seed}");
    }
}

#[test]
fn a_destination_that_recovers_gets_all_of_its_share_back() {
    let mut fleet = Fleet::new(guard(), 4, 7);
    run(&mut fleet, START, 30 * SECOND, 100, 500);
    run(&mut fleet, START + 30 * SECOND, 500 * SECOND, 100, 10);
    let steps: Vec<_> = fleet.log.iter().map(|(_, transition)| transition.step()).collect();
    assert_eq!(steps, [Step::Withdrawn, Step::Tried, Step::Restored]);
}

#[test]
fn a_destination_that_does_not_recover_is_tried_again_and_again() {
    let mut fleet = Fleet::new(guard(), 4, 7);
    run(&mut fleet, START, 700 * SECOND, 100, 500);
    let steps: Vec<_> = fleet.log.iter().map(|(_, transition)| transition.step()).collect();
    assert_eq!(steps, [Step::Withdrawn, Step::Tried, Step::WithdrawnAgain, Step::Tried, Step::WithdrawnAgain]);
}

#[test]
fn a_record_that_is_lost_costs_no_more_than_what_it_knew() {
    let mut fleet = Fleet::new(guard(), 4, 7);
    // Withdrawn, tried and restored before, so that the workers know a later epoch than that of a new record.
    run(&mut fleet, START, 5 * SECOND, 100, 500);
    run(&mut fleet, START + 5 * SECOND, 500 * SECOND, 100, 0);
    assert_eq!(fleet.log.len(), 3);
    // Nothing is left to tell when it happens.
    idle(&mut fleet, START + 505 * SECOND, 5 * SECOND);
    fleet.lose_record();
    idle(&mut fleet, START + 510 * SECOND, 5 * SECOND);
    run(&mut fleet, START + 515 * SECOND, 30 * SECOND, 100, 500);
    assert_eq!(fleet.log.len(), 4);
    assert_eq!(fleet.record().epoch, Epoch(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_destination_of_whose_answers_half_are_errors_always_loses_its_share_within_a_window(
        workers in 1usize..=8, seed: u64, per_second in 25u64..500, good_for in 0u64..20_000,
    ) {
        let (window, hold) = (Some("10s".into()), Some("1m".into()));
        let guard = Guard::try_from(&written::Guard { window, hold, ..written() }).unwrap();
        let mut fleet = Fleet::new(guard, workers, seed);
        let turned_bad = START + good_for * 1_000_000;
        run(&mut fleet, START, turned_bad - START, per_second, 0);
        prop_assert_eq!(&fleet.log, &[]);
        run(&mut fleet, turned_bad, 10 * SECOND, per_second, 500);
        let (_, withdrawn) = fleet.log.first().expect("withdrawn within the window");
        prop_assert_eq!(withdrawn.step(), Step::Withdrawn);
        prop_assert_eq!(fleet.log.len(), 1);
        let now = turned_bad + 10 * SECOND;
        prop_assert_eq!(fleet.record().factor(&guard, now), Share::NONE);
    }

    #[test]
    fn each_transition_is_always_one_workers_and_none_comes_sooner_than_it_may(
        workers in 1usize..=8, seed: u64, moods in prop::collection::vec((1u64..20, 0u64..1_000), 1..12),
    ) {
        let (window, hold, min_requests) = (Some("2s".into()), Some("5s".into()), Some(20));
        let guard = Guard::try_from(&written::Guard { window, hold, min_requests, ..written() }).unwrap();
        let mut fleet = Fleet::new(guard, workers, seed);
        let mut now = START;
        for (seconds, thousandths) in moods {
            run(&mut fleet, now, seconds * SECOND, 50, thousandths);
            now += seconds * SECOND;
        }
        prop_assert_eq!(fleet.record().epoch, Epoch(u32::try_from(fleet.log.len()).unwrap()), "each was logged once");
        let (mut withdrawn_at, mut before) = (None::<u64>, Step::Restored);
        for (at, transition) in &fleet.log {
            let step = transition.step();
            let since = withdrawn_at.map(|withdrawn_at| at - withdrawn_at);
            let follows = match step {
                Step::Withdrawn => before == Step::Restored,
                Step::Tried => matches!(before, Step::Withdrawn | Step::WithdrawnAgain),
                Step::WithdrawnAgain | Step::Restored => before == Step::Tried,
            };
            prop_assert!(follows, "{step:?} after {before:?}");
            match step {
                Step::Withdrawn => prop_assert!(since.is_none_or(|since| since >= 7 * SECOND), "hold and window"),
                Step::Tried | Step::WithdrawnAgain => prop_assert!(since >= Some(5 * SECOND), "hold"),
                Step::Restored => prop_assert!(since >= Some(7 * SECOND), "hold and window"),
            }
            if matches!(step, Step::Withdrawn | Step::WithdrawnAgain) {
                withdrawn_at = Some(*at);
            }
            before = step;
        }
    }

    #[test]
    fn no_answer_is_ever_lost_or_told_twice(workers in 1usize..=8, seed: u64, per_second in 25u64..500) {
        let mut fleet = Fleet::new(guard(), workers, seed);
        run(&mut fleet, START, 20 * SECOND, per_second, 0);
        idle(&mut fleet, START + 20 * SECOND, 5 * SECOND);
        let Phase::Steady(window) = fleet.record().phase else { panic!("{:?}", fleet.log) };
        prop_assert_eq!(window.seen(), Counts { answers: fleet.answers, errors: 0 });
        prop_assert!(workers < 4 || fleet.lost_races > 0, "the workers get in each other's way");
    }

    #[test]
    fn the_totals_are_always_the_same_in_whatever_order_workers_tell(
        told in prop::collection::vec((0u64..27, 0u32..50), 1..40), keys in prop::collection::vec(any::<u64>(), 40),
    ) {
        let guard = Guard::try_from(&written::Guard { min_requests: Some(u32::MAX), ..written() }).unwrap();
        let total = |told: &[(u64, u32)]| {
            let record = told.iter().fold(Record::default(), |record, (second, answers)| {
                let now = START + second * SECOND;
                let (record, transition) = record.absorb(&guard, tally(&record, now, *answers, answers / 2), now);
                assert_eq!(transition, None);
                record
            });
            record.absorb(&guard, Tally::default(), START + 27 * SECOND).0
        };
        let mut shuffled: Vec<_> = told.iter().copied().zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let shuffled: Vec<_> = shuffled.into_iter().map(|(told, _)| told).collect();
        prop_assert_eq!(total(&told), total(&shuffled));
    }

    #[test]
    fn tallies_always_add_up_to_what_was_counted(answers in prop::collection::vec(any::<bool>(), 0..50)) {
        let mut tally = Tally::default();
        for good in &answers {
            tally.count(Epoch(0), if *good { Answer::Good } else { Answer::Error });
        }
        let errors = answers.iter().filter(|good| !**good).count();
        prop_assert_eq!((tally.answers() as usize, tally.errors() as usize), (answers.len(), errors));
        prop_assert_eq!(tally.is_empty(), answers.is_empty());
    }
}

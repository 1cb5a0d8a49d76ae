use super::{SECOND, guard, tally, tenth, written};
use crate::Share;
use crate::guard::{Guard, Record, Step, Tally};
use crate::wasm_test::test;

const NOW: u64 = 1_000 * SECOND;

/// A record whose share was withdrawn at `NOW`, for 5 min.
fn withdrawn() -> Record {
    let (record, transition) = Record::default().absorb(&guard(), tally(&Record::default(), NOW, 100, 6), NOW);
    assert_eq!(transition.unwrap().step(), Step::Withdrawn);
    record
}

/// A record whose trial began at `TRIAL`.
fn in_trial() -> Record {
    let (record, transition) = withdrawn().absorb(&guard(), Tally::default(), TRIAL);
    assert_eq!(transition.unwrap().step(), Step::Tried);
    record
}

const TRIAL: u64 = NOW + 300 * SECOND;

/// The record after so many answers, and what happened.
fn after(record: Record, now: u64, answers: u32, errors: u32) -> (Record, Option<Step>) {
    let (record, transition) = record.absorb(&guard(), tally(&record, now, answers, errors), now);
    (record, transition.map(|transition| transition.step()))
}

#[test]
fn a_destination_that_passes_the_bound_loses_its_share_for_the_hold() {
    let record = withdrawn();
    assert_eq!(record.factor(&guard(), NOW), Share::NONE);
    assert_eq!(record.factor(&guard(), TRIAL - 1), Share::NONE);
    assert_eq!(record.factor(&guard(), TRIAL), tenth(), "before any worker has written it down");
    assert!(!record.is_steady());
}

#[test]
fn what_reaches_the_bound_does_not_pass_it() {
    let (record, step) = after(Record::default(), NOW, 100, 5);
    assert_eq!(step, None);
    assert_eq!(record.factor(&guard(), NOW), Share::ALL);
    assert_eq!(after(record, NOW, 1, 1).1, Some(Step::Withdrawn));
}

#[test]
fn too_few_answers_are_not_judged_however_bad() {
    let (record, step) = after(Record::default(), NOW, 99, 99);
    assert_eq!(step, None);
    assert_eq!(after(record, NOW + 30 * SECOND, 99, 99).1, None, "those of the last window have passed");
}

#[test]
fn a_bound_of_nought_is_passed_by_one_error() {
    let guard = Guard::try_from(&written::Guard { max_error_percent: 0.0, ..written() }).unwrap();
    let (record, transition) = Record::default().absorb(&guard, tally(&Record::default(), NOW, 200, 0), NOW);
    assert_eq!(transition, None);
    let (_, transition) = record.absorb(&guard, tally(&record, NOW, 1, 1), NOW);
    assert_eq!(transition.unwrap().step(), Step::Withdrawn);
}

#[test]
fn answers_that_come_while_the_share_is_withdrawn_change_nothing() {
    let record = withdrawn();
    // To requests sent before, which a worker counted before it knew, and to some sent since.
    let late = tally(&Record::default(), NOW, 500, 500);
    assert_eq!(record.absorb(&guard(), late, NOW + SECOND), (record, None));
    assert_eq!(record.absorb(&guard(), tally(&record, NOW, 500, 500), NOW + SECOND), (record, None));
}

#[test]
fn answers_to_requests_from_before_the_trial_do_not_spoil_it() {
    let late = tally(&Record::default(), NOW, 500, 500);
    let (record, transition) = withdrawn().absorb(&guard(), late, TRIAL);
    assert_eq!(transition.unwrap().step(), Step::Tried);
    assert_eq!(record, in_trial());
    assert_eq!(record.absorb(&guard(), late, TRIAL + SECOND), (record, None));
    let late = tally(&withdrawn(), NOW, 500, 500);
    assert_eq!(record.absorb(&guard(), late, TRIAL + SECOND), (record, None));
}

#[test]
fn answers_of_the_trial_count_even_if_nobody_had_written_down_that_it_began() {
    let early = tally(&withdrawn(), TRIAL, 7, 4);
    let (record, transition) = withdrawn().absorb(&guard(), early, TRIAL + SECOND);
    assert_eq!(transition.unwrap().to_string(), "tried again with 10% of its share");
    assert_eq!(after(record, TRIAL + 2 * SECOND, 1, 1).1, Some(Step::WithdrawnAgain), "the fifth error");
}

#[test]
fn workers_agree_on_the_epoch_of_a_trial_whether_or_not_they_know_that_it_began() {
    assert_eq!(withdrawn().epoch(TRIAL), in_trial().epoch(TRIAL));
    assert_ne!(withdrawn().epoch(TRIAL - 1), withdrawn().epoch(TRIAL));
}

#[test]
fn a_trial_is_passed_after_a_window_with_answers_enough() {
    let (record, step) = after(in_trial(), TRIAL + 10 * SECOND, 100, 2);
    assert_eq!((step, record.factor(&guard(), TRIAL + 10 * SECOND)), (None, tenth()), "a window is not over yet");
    let (record, step) = after(record, TRIAL + 30 * SECOND, 0, 0);
    assert_eq!(step, Some(Step::Restored));
    assert_eq!(record.factor(&guard(), TRIAL + 30 * SECOND), Share::ALL);
    assert!(record.is_steady());
}

#[test]
fn a_trial_waits_for_answers() {
    let (record, step) = after(in_trial(), TRIAL + 30 * SECOND, 99, 0);
    assert_eq!(step, None);
    assert_eq!(after(record, TRIAL + 31 * SECOND, 1, 0).1, Some(Step::Restored));
}

#[test]
fn a_trial_is_failed_at_once_by_a_few_errors() {
    let (record, step) = after(in_trial(), TRIAL + SECOND, 4, 4);
    assert_eq!(step, None, "four may be bad luck");
    let (record, step) = after(record, TRIAL + SECOND, 1, 1);
    assert_eq!(step, Some(Step::WithdrawnAgain));
    assert_eq!(record.factor(&guard(), TRIAL + 300 * SECOND), Share::NONE);
    assert_eq!(record.factor(&guard(), TRIAL + 301 * SECOND), tenth());
}

#[test]
fn a_trial_with_hardly_an_answer_ends_with_the_longest() {
    let end = TRIAL + 300 * SECOND;
    assert_eq!(after(in_trial(), end - 1, 0, 0).1, None);
    assert_eq!(after(in_trial(), end, 0, 0).1, Some(Step::Restored));
    assert_eq!(after(in_trial(), end, 3, 1).1, Some(Step::Restored), "one error may be bad luck");
    assert_eq!(after(in_trial(), end, 3, 2).1, Some(Step::WithdrawnAgain));
}

#[test]
fn a_restored_destination_is_judged_by_what_it_answers_then() {
    let (restored, _) = after(in_trial(), TRIAL + 30 * SECOND, 150, 7);
    assert!(restored.is_steady());
    let now = TRIAL + 31 * SECOND;
    assert_eq!(after(restored, now, 99, 99).1, None);
    assert_eq!(after(restored, now, 100, 100).1, Some(Step::Withdrawn));
}

#[test]
fn a_clock_set_back_prolongs_no_withdrawal_beyond_the_hold() {
    let back = NOW - 900 * SECOND;
    let (record, transition) = withdrawn().absorb(&guard(), Tally::default(), back);
    assert_eq!(transition, None);
    assert_eq!(record.factor(&guard(), back + 299 * SECOND), Share::NONE);
    assert_eq!(record.factor(&guard(), back + 300 * SECOND), tenth());
}

#[test]
fn a_clock_set_back_prolongs_no_trial() {
    let back = TRIAL - 900 * SECOND;
    let (record, _) = after(in_trial(), back, 100, 0);
    assert_eq!(after(record, back + 30 * SECOND, 0, 0).1, Some(Step::Restored));
}

#[test]
fn a_guard_that_holds_for_less_after_a_change_gives_the_share_back_sooner() {
    let guard = Guard::try_from(&written::Guard { hold: Some("10s".into()), ..written() }).unwrap();
    let (record, _) = withdrawn().absorb(&guard, Tally::default(), NOW + SECOND);
    assert_eq!(record.factor(&guard, NOW + 11 * SECOND), tenth());
}

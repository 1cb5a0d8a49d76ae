//! The judge: right splits pass, wrong ones do not.

use serin::load::{Answer, Tally};
use serin::scenario::{Expectation, Measurement, P_VALUE, Verdict, judge};
use std::collections::BTreeMap;

fn shares(shares: &[(&str, f64)]) -> BTreeMap<String, f64> {
    shares.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect()
}

fn expect(answers: &[(&str, f64)]) -> Expectation {
    Expectation { answers: shares(answers), shadows: BTreeMap::new(), results: BTreeMap::new() }
}

fn seen(answers: &[(&str, u64)]) -> Measurement {
    let answers = answers.iter().map(|(name, count)| (Answer::From((*name).to_owned()), *count));
    Measurement { answers: answers.collect::<Tally>(), ..Measurement::default() }
}

/// Draws `requests` answers with the given shares.
fn drawn(shares: &[(&str, f64)], requests: u64, seed: u64) -> Measurement {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..requests {
        let mut place = random.f64();
        let chosen = shares.iter().find(|(_, share)| {
            place -= share;
            place < 0.0
        });
        *counts.entry(chosen.unwrap_or(&shares[0]).0).or_default() += 1;
    }
    seen(&counts.into_iter().collect::<Vec<_>>())
}

/// Who should answer which part.
type Split = &'static [(&'static str, f64)];

const SPLITS: [Split; 5] = [
    &[("v1", 0.5), ("v2", 0.5)],
    &[("v1", 0.9), ("v2", 0.1)],
    &[("v1", 0.999), ("v2", 0.001)],
    &[("v1", 0.4), ("v2", 0.3), ("v3", 0.3)],
    &[("v1", 0.98), ("v2", 0.01), ("v3", 0.01)],
];

#[test]
fn a_right_split_passes() {
    for split in SPLITS {
        for requests in [20, 200, 2000] {
            for seed in 0..100 {
                let verdict = judge(&expect(split), requests, &drawn(split, requests, seed));
                assert!(verdict.right, "{split:?}, {requests} requests, seed {seed}: {:?}", verdict.reasons);
            }
        }
    }
}

#[test]
fn right_splits_are_as_probable_as_they_say() {
    // Of right splits, a tenth has p < 0.1 and a half has p < 0.5, as far as counts are fine enough.
    let split = [("v1", 0.4), ("v2", 0.3), ("v3", 0.3)];
    let p = |seed| judge(&expect(&split), 2000, &drawn(&split, 2000, seed)).p.unwrap();
    let below = |bound: f64| (0..1000).filter(|seed| p(*seed) < bound).count();
    assert!((70..=130).contains(&below(0.1)), "{}", below(0.1));
    assert!((450..=550).contains(&below(0.5)), "{}", below(0.5));
}

#[test]
fn a_wrong_split_fails() {
    let wrong: [(Split, Split); 4] = [
        (&[("v1", 0.9), ("v2", 0.1)], &[("v1", 0.8), ("v2", 0.2)]),
        (&[("v1", 0.5), ("v2", 0.5)], &[("v1", 0.6), ("v2", 0.4)]),
        (&[("v1", 0.999), ("v2", 0.001)], &[("v1", 0.98), ("v2", 0.02)]),
        (&[("v1", 0.4), ("v2", 0.3), ("v3", 0.3)], &[("v1", 0.3), ("v2", 0.4), ("v3", 0.3)]),
    ];
    for (expected, actual) in wrong {
        for seed in 0..100 {
            let verdict = judge(&expect(expected), 2000, &drawn(actual, 2000, seed));
            assert!(!verdict.right, "{expected:?} is not {actual:?}, seed {seed}");
            assert!(verdict.p.unwrap() < P_VALUE);
        }
    }
}

#[test]
fn a_destination_that_gets_nothing_fails() {
    let verdict = judge(&expect(&[("v1", 0.5), ("v2", 0.5)]), 100, &seen(&[("v1", 100)]));
    assert!(!verdict.right);
    let verdict = judge(&expect(&[("v1", 0.9), ("v2", 0.1)]), 2000, &seen(&[("v1", 2000)]));
    assert!(!verdict.right);
}

#[test]
fn where_one_answer_is_expected_a_single_other_one_fails() {
    let verdict = judge(&expect(&[("v1", 1.0)]), 2000, &seen(&[("v1", 2000)]));
    assert_eq!(verdict, Verdict { right: true, p: None, reasons: vec![] });
    let verdict = judge(&expect(&[("v1", 1.0)]), 2000, &seen(&[("v1", 1999), ("v2", 1)]));
    assert_eq!(verdict.reasons, ["1 from v2, which is not expected"]);
}

#[test]
fn an_answer_of_nobody_an_error_and_a_missing_answer_fail() {
    for odd in [Answer::None("timed out".into()), Answer::Odd("v1".into(), 500), Answer::Proxy(503)] {
        let answers = Tally::from([(Answer::From("v1".into()), 9), (odd.clone(), 1)]);
        let verdict = judge(&expect(&[("v1", 1.0)]), 10, &Measurement { answers, ..Measurement::default() });
        assert_eq!(verdict.reasons, [format!("1 from {odd}, which is not expected")]);
    }
    assert_eq!(judge(&expect(&[("v1", 1.0)]), 10, &seen(&[("v1", 9)])).reasons, ["9 answers to 10 requests"]);
}

#[test]
fn a_status_is_an_answer_of_no_pod() {
    let answers = Tally::from([(Answer::Proxy(404), 10)]);
    let seen = Measurement { answers, ..Measurement::default() };
    assert!(judge(&expect(&[("404", 1.0)]), 10, &seen).right);
    assert!(!judge(&expect(&[("503", 1.0)]), 10, &seen).right);
}

#[test]
fn copies_are_counted_exactly_unless_chance_has_a_part() {
    let copies = |expected: &[(&str, f64)], arrived: &[(&str, u64)]| {
        let expect = Expectation { shadows: shares(expected), ..expect(&[("v1", 1.0)]) };
        let shadows = arrived.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        judge(&expect, 1000, &Measurement { shadows, ..seen(&[("v1", 1000)]) }).right
    };
    assert!(copies(&[("v2", 1.0)], &[("v2", 1000)]));
    assert!(!copies(&[("v2", 1.0)], &[("v2", 999)]));
    assert!(!copies(&[("v2", 1.0)], &[("v2", 1001)]));
    assert!(!copies(&[], &[("v2", 1)]), "none is expected where nothing is said");
    assert!(!copies(&[("v2", 1.0)], &[("v2", 1000), ("v3", 1)]));
    assert!(copies(&[("v2", 0.3)], &[("v2", 290)]));
    assert!(!copies(&[("v2", 0.3)], &[("v2", 200)]));
    assert!(!copies(&[("v2", 0.3)], &[]));
    assert!(copies(&[("v2", 1.5)], &[("v2", 1490)]));
    assert!(!copies(&[("v2", 1.5)], &[("v2", 990)]));
}

#[test]
fn comparisons_are_counted_like_copies() {
    let compared = |expected: &[(&str, f64)], ended: &[(&str, u64)]| {
        let results = ended.iter().map(|(result, count)| ((*result).to_owned(), *count)).collect();
        let expect = Expectation { results: shares(expected), ..expect(&[("v1", 1.0)]) };
        judge(&expect, 1000, &Measurement { results, ..seen(&[("v1", 1000)]) })
    };
    assert!(compared(&[("match", 1.0)], &[("match", 1000)]).right);
    assert!(compared(&[("match", 0.0)], &[]).right);
    let verdict = compared(&[("match", 1.0)], &[("match", 999), ("body_mismatch", 1)]);
    assert_eq!(
        verdict.reasons,
        ["999 comparisons say match instead of 1000", "1 comparisons say body_mismatch instead of 0"]
    );
}

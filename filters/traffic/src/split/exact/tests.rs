//! What a rotation promises.

use super::*;
use crate::share::Share;
use crate::wasm_test::test;
use proptest::prelude::*;

fn turns(rotation: &mut Rotation, weights: &Weights, count: u64) -> Vec<usize> {
    (0..count).filter_map(|_| rotation.next(weights)).collect()
}

fn gcd(one: u32, other: u32) -> u32 {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// Over `periods` periods and one turn more, looks at every window as long as a period.
#[track_caller]
fn assert_every_window_is_exact(weights: &[u32], start: u64, periods: usize) {
    let divisor = weights.iter().copied().fold(0, gcd);
    let reduced: Vec<u32> = weights.iter().map(|weight| weight / divisor).collect();
    let period = reduced.iter().sum::<u32>() as usize;
    let all = Weights::new(weights.iter().copied());
    let turns = turns(&mut Rotation::starting_at(start), &all, (period * periods + 1) as u64);
    let mut counts = vec![0; weights.len()];
    for (at, place) in turns.iter().enumerate() {
        counts[*place] += 1;
        if at >= period {
            counts[turns[at - period]] -= 1;
        }
        assert!(at + 1 < period || counts == reduced, "{weights:?} from {start}, window to {at}: {counts:?}");
    }
}

#[test]
fn the_turns_are_those_of_nginx() {
    // The example in the message of its commit "Upstream: smooth weighted round-robin balancing".
    let turns = turns(&mut Rotation::default(), &Weights::new([5, 1, 1]), 7);
    assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn any_ten_of_seventy_to_thirty_are_seven_and_three() {
    for start in 0..20 {
        assert_every_window_is_exact(&[70, 30], start, 5);
        assert_every_window_is_exact(&[90, 10], start, 5);
    }
}

#[test]
fn thirds_and_thousandths_are_exact() {
    for start in [0, 1, 57, 999, u64::MAX] {
        assert_every_window_is_exact(&[33, 33, 34], start, 4);
        assert_every_window_is_exact(&[1, 999], start, 4);
    }
}

#[test]
fn workers_that_start_apart_are_apart() {
    let weights = Weights::new([9, 1]);
    let canaries = (0..10u64).map(|start| {
        let turns = turns(&mut Rotation::starting_at(start), &weights, 10);
        turns.iter().position(|place| *place == 1).unwrap()
    });
    let mut canaries: Vec<_> = canaries.collect();
    canaries.sort_unstable();
    assert_eq!(canaries, (0..10).collect::<Vec<_>>());
}

#[test]
fn without_weight_it_is_nobodys_turn() {
    let mut rotation = Rotation::starting_at(3);
    assert_eq!(rotation.next(&Weights::default()), None);
    assert_eq!(rotation.next(&Weights::new([0, 0])), None);
    assert_eq!(rotation.next(&Weights::new([0, 1])), Some(1));
}

#[test]
fn a_ramp_that_changes_with_every_request_starves_nobody() {
    let (mut rotation, weights) = (Rotation::default(), Weights::new([1, 1]));
    let (mut canary, mut owed) = (0.0, 0.0);
    for millionths in (0..1_000_000).step_by(100) {
        let weights = weights.clone().ramped(1, Share::from_millionths(millionths));
        owed += weights.share(1);
        canary += if rotation.next(&weights) == Some(1) { 1.0 } else { 0.0 };
        assert!(f64::abs(owed - canary) <= 1.0, "{canary} of {owed}");
    }
}

#[test]
fn who_comes_back_does_not_burst() {
    let (mut rotation, all) = (Rotation::default(), Weights::new([50, 50]));
    turns(&mut rotation, &all, 7);
    turns(&mut rotation, &all.clone().scaled(1, Share::NONE), 1_000);
    let first = turns(&mut rotation, &all, 10).iter().filter(|place| **place == 1).count();
    assert!((4..=6).contains(&first), "{first}");
}

#[test]
fn the_largest_weights_do_not_overflow() {
    let mut rotation = Rotation::starting_at(u64::MAX);
    let most = Weights::new([u32::MAX; 1_000]);
    for n in 0..100 {
        let weights = most.clone().ramped(n, Share::from_millionths(999_999)).scaled(n + 1, Share::from_millionths(1));
        assert!(rotation.next(&weights).is_some());
    }
}

proptest! {
    #[test]
    fn any_window_is_always_exact(weights in prop::collection::vec(0u32..60, 1..7), start: u64) {
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        assert_every_window_is_exact(&weights, start, 3);
    }

    #[test]
    fn nobody_is_ever_starved_or_bursts_while_weights_change(
        changes in prop::collection::vec((prop::collection::vec(1u32..1_000, 4), 1..50usize), 1..40), start: u64,
    ) {
        let mut rotation = Rotation::starting_at(start);
        let (mut got, mut owed) = ([0.0; 4], [0.0; 4]);
        for (weights, turns) in changes {
            let weights = Weights::new(weights);
            for _ in 0..turns {
                got[rotation.next(&weights).unwrap()] += 1.0;
                (0..4).for_each(|place| owed[place] += weights.share(place));
                for (got, owed) in got.iter().zip(owed) {
                    // The start, somewhere in the period, is part of it.
                    prop_assert!(f64::abs(got - owed) < 2.0, "{got} of {owed}");
                }
            }
        }
    }

    #[test]
    fn credits_always_stay_bounded_and_nobody_without_weight_has_a_turn(
        changes in prop::collection::vec(
            (prop::collection::vec(prop_oneof![Just(0), 1u32..9, 1..=u32::MAX], 5), 0..=Share::MILLION, 0..5usize, 1..9usize),
            1..60,
        ),
    ) {
        let mut rotation = Rotation::default();
        for (weights, share, place, turns) in changes {
            let weights = Weights::new(weights).ramped(place, Share::from_millionths(share));
            for _ in 0..turns {
                let next = rotation.next(&weights);
                prop_assert_eq!(next.is_some(), weights.total() > 0);
                prop_assert!(next.is_none_or(|next| weights.as_slice()[next] > 0));
                prop_assert_eq!(rotation.credits.iter().sum::<i128>(), 0);
                let most = rotation.credits.iter().map(|credit| credit.unsigned_abs()).max().unwrap();
                prop_assert!(most <= 2 * u128::from(weights.total()), "{:?} of {}", rotation.credits, weights.total());
            }
        }
    }
}

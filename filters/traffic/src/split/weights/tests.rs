//! What weights become.

use super::*;
use crate::split::split;
use crate::wasm_test::test;
use proptest::prelude::*;

fn percent(value: f64) -> Share {
    Share::from_percent(value).unwrap()
}

fn any_share() -> impl Strategy<Value = Share> {
    (0..=Share::MILLION).prop_map(Share::from_millionths)
}

#[track_caller]
fn assert_close(one: f64, other: f64) {
    assert!((one - other).abs() < 1e-9, "{one} is not {other}");
}

#[test]
fn a_ramp_sets_one_share_and_leaves_the_others_their_proportions() {
    let weights = Weights::new([60, 30, 10]).ramped(2, percent(40.0));
    assert_eq!(weights.as_slice(), [600_000 * 60, 600_000 * 30, 400_000 * 90]);
}

#[test]
fn a_ramp_at_its_ends_is_nothing_or_all() {
    assert_eq!(Weights::new([90, 10]).ramped(1, Share::NONE).share(1), 0.0);
    assert_eq!(Weights::new([90, 10]).ramped(1, Share::ALL).share(0), 0.0);
}

#[test]
fn a_ramp_without_others_has_it_all() {
    for weights in [vec![0, 7], vec![0, 0]] {
        assert_eq!(Weights::new(weights).ramped(1, Share::NONE).as_slice(), [0, 1]);
    }
}

#[test]
fn what_is_withdrawn_goes_to_the_others_in_proportion() {
    assert_eq!(Weights::new([60, 30, 10]).scaled(1, Share::NONE).as_slice(), [60, 0, 10]);
    let halved = Weights::new([60, 30, 10]).scaled(1, percent(50.0));
    assert_close(halved.share(1), 0.15);
    assert_close(halved.share(0), 0.85 * 6.0 / 7.0);
}

#[test]
fn the_only_destination_with_weight_keeps_it() {
    assert_eq!(Weights::new([0, 5]).scaled(1, Share::NONE).as_slice(), [0, 5]);
}

#[test]
fn a_place_that_is_not_there_changes_nothing() {
    let weights = Weights::new([1, 2]);
    assert_eq!(weights.clone().ramped(2, Share::ALL), weights);
    assert_eq!(weights.clone().scaled(2, Share::NONE), weights);
    assert_eq!(weights.share(2), 0.0);
}

#[test]
fn without_weights_there_are_no_shares() {
    assert_eq!(Weights::new([0, 0]).share(0), 0.0);
    assert_eq!(Weights::new([0, 0]).split(Ticket(7)), None);
    assert_eq!(Weights::default().split(Ticket(7)), None);
}

#[test]
fn a_thousand_destinations_of_the_largest_weight_do_not_overflow() {
    let most = Share::from_millionths(999_999);
    let weights = Weights::new([u32::MAX; 1_000]).ramped(999, most).scaled(999, most).scaled(3, most);
    assert!(weights.as_slice().iter().all(|weight| *weight > 0));
    assert_close(weights.share(999), 0.999_998);
}

#[test]
fn more_destinations_than_fit_exactly_are_rounded() {
    let weights = Weights::new([u32::MAX; 9_000]).ramped(0, percent(50.0));
    assert_close(weights.share(0), 0.5);
    assert_close(weights.share(8_999), 0.5 / 8_999.0);
}

proptest! {
    #[test]
    fn chance_is_always_that_of_the_written_weights(
        weights in prop::collection::vec(0..=u32::MAX, 0..8), ticket: u64,
    ) {
        let ticket = Ticket(ticket);
        prop_assert_eq!(Weights::new(weights.iter().copied()).split(ticket), split(weights, ticket));
    }

    #[test]
    fn ramps_and_withdrawals_always_give_the_shares_they_say(
        weights in prop::collection::vec(prop_oneof![Just(0), 1u32..200, 1..=u32::MAX], 1..40),
        ramped: prop::sample::Index, scaled: prop::sample::Index, share in any_share(), factor in any_share(),
    ) {
        let (ramped, scaled) = (ramped.index(weights.len()), scaled.index(weights.len()));
        let before = Weights::new(weights.iter().copied());
        let ramp = before.clone().ramped(ramped, share);
        let after = ramp.clone().scaled(scaled, factor);
        for weights in [&before, &ramp, &after] {
            prop_assert_eq!(weights.as_slice().iter().sum::<u64>(), weights.total());
            prop_assert!(weights.total() <= u64::MAX / 2);
        }
        let alone = before.share(ramped) == 1.0 || before.total() == 0;
        let wanted = if alone { 1.0 } else { f64::from(share.millionths()) / 1e6 };
        prop_assert!((ramp.share(ramped) - wanted).abs() < 1e-9);
        let keeps = if ramp.share(scaled) == 1.0 { 1.0 } else { f64::from(factor.millionths()) / 1e6 };
        prop_assert!((after.share(scaled) - ramp.share(scaled) * keeps).abs() < 1e-9);
        let rest = 1.0 - ramp.share(scaled);
        for other in (0..weights.len()).filter(|other| *other != scaled && rest > 0.0) {
            let wanted = ramp.share(other) / rest * (1.0 - after.share(scaled));
            prop_assert!((after.share(other) - wanted).abs() < 1e-9, "{} is not {wanted}", after.share(other));
        }
    }
}

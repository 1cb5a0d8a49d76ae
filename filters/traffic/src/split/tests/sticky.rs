//! What weighted rendezvous promises, held against many keys.

use super::crowd::{Crowd, NAMES, assert_least_movement, assert_part, deviations, gains, names, part_at, part_moved};
use crate::share::Share;
use crate::split::{Sticky, Weights};
use crate::wasm_test::test;
use proptest::prelude::*;

#[test]
fn a_tenth_of_a_hundred_thousand_keys_is_a_tenth() {
    let places = Crowd::new("default/reviews/http", 100_000).places(&Weights::new([90, 10]));
    let part = part_at(&places, 1);
    assert!((part - 0.1).abs() <= deviations(3.0, 0.1, 100_000), "{part}");
}

#[test]
fn from_ten_to_twenty_percent_nobody_leaves_and_ten_percent_enter() {
    let crowd = Crowd::new("default/reviews/http", 100_000);
    let (ten, twenty) = (crowd.places(&Weights::new([90, 10])), crowd.places(&Weights::new([80, 20])));
    assert!(ten.iter().zip(&twenty).all(|(ten, twenty)| *ten == 0 || *twenty == 1));
    let entered = part_moved(&ten, &twenty);
    assert!((entered - 0.1).abs() <= deviations(3.0, 0.1, 100_000), "{entered}");
}

#[test]
fn salts_are_independent() {
    let weights = Weights::new([90, 10]);
    let (one, other) = (Crowd::new("one", 10_000).places(&weights), Crowd::new("other", 10_000).places(&weights));
    let both = one.iter().zip(&other).filter(|(one, other)| **one == 1 && **other == 1).count();
    assert_part(both as f64 / 10_000.0, 0.01, 10_000);
}

#[test]
fn a_ramp_and_a_withdrawal_move_nobody_but_to_and_from_their_destination() {
    let (crowd, weights) = (Crowd::new("ramp", 2_000), Weights::new([50, 30, 20]));
    let mut before = crowd.places(&weights.clone().ramped(1, Share::NONE));
    assert!(!before.contains(&1));
    for millionths in (0..=1_000_000).step_by(12_345) {
        let now = weights.clone().ramped(1, Share::from_millionths(millionths));
        let places = crowd.places(&now);
        assert!(before.iter().zip(&places).all(|(before, now)| before == now || *now == 1), "at {millionths}");
        let withdrawn = crowd.places(&now.clone().scaled(1, Share::NONE));
        assert!(places.iter().zip(&withdrawn).all(|(now, withdrawn)| now == withdrawn || *now == 1));
        before = places;
    }
}

#[test]
fn without_weight_there_is_no_destination() {
    let sticky = Sticky::new(b"salt");
    assert_eq!(sticky.pick(b"mary", names(), &Weights::new([0, 0])), None);
    assert_eq!(sticky.pick(b"mary", names(), &Weights::default()), None);
}

#[test]
fn an_only_destination_has_everybody() {
    let picks = Crowd::new("salt", 100).picks(&Weights::new([0, 1, 0]));
    assert!(picks.iter().all(|pick| pick.place == 1 && pick.ticket == 0.0));
}

/// Tests of fit, natively: what they test has the same bits on wasm32.
#[cfg(not(target_arch = "wasm32"))]
mod fit {
    use super::*;
    use statrs::distribution::{ChiSquared, ContinuousCDF};

    /// How likely counts are at least as far from the expected ones, if these are right.
    fn p_value(counts: &[f64], expected: &[f64]) -> f64 {
        let squares = counts.iter().zip(expected).map(|(count, expected)| (count - expected).powi(2) / expected);
        ChiSquared::new((counts.len() - 1) as f64).unwrap().sf(squares.sum())
    }

    /// How likely numbers from 0 to 1 are at least as uneven, if they are even.
    fn p_value_of_evenness(numbers: &[f64], bins: usize) -> f64 {
        let mut counts = vec![0.0; bins];
        numbers.iter().for_each(|number| counts[((number * bins as f64) as usize).min(bins - 1)] += 1.0);
        p_value(&counts, &vec![numbers.len() as f64 / bins as f64; bins])
    }

    #[test]
    fn over_a_hundred_salts_shares_fit_as_well_as_chance_does() {
        const KEYS: usize = 4_000;
        let weights = Weights::new([40, 30, 15, 10, 5]);
        let p_values: Vec<f64> = (0..100)
            .map(|salt| {
                let places = Crowd::new(&format!("salt-{salt}"), KEYS).places(&weights);
                let counts: Vec<f64> = (0..5).map(|place| part_at(&places, place) * KEYS as f64).collect();
                let expected: Vec<f64> = (0..5).map(|place| weights.share(place) * KEYS as f64).collect();
                p_value(&counts, &expected)
            })
            .collect();
        let even = p_value_of_evenness(&p_values, 10);
        assert!(even > 0.001, "{even}: {p_values:?}");
    }

    #[test]
    fn tickets_are_even_from_nothing_to_the_share() {
        let weights = Weights::new([40, 30, 15, 10, 5]);
        let picks = Crowd::new("tickets", 50_000).picks(&weights);
        for place in 0..5 {
            let tickets =
                picks.iter().filter(|pick| pick.place == place).map(|pick| pick.ticket / weights.share(place));
            let even = p_value_of_evenness(&tickets.collect::<Vec<_>>(), 20);
            assert!(even > 0.001, "{even} of {place}");
        }
    }
}

fn any_weights() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![1 => Just(0), 6 => 1u32..100], 5)
        .prop_filter("somebody has weight", |weights| weights.iter().any(|weight| *weight > 0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn one_weight_of_five_always_moves_its_gain_only(
        weights in any_weights(), place in 0..5usize, weight in 1u32..300, salt: u32,
    ) {
        let crowd = Crowd::new(&salt.to_string(), 2_000);
        let mut changed = weights.clone();
        changed[place] = weight;
        let (before, after) = (Weights::new(weights), Weights::new(changed));
        assert_least_movement((&before, &crowd.places(&before)), (&after, &crowd.places(&after)));
    }

    #[test]
    fn several_weights_times_one_factor_always_move_their_gain_only(
        weights in any_weights(), changed in prop::array::uniform5(any::<bool>()), factor in 1u32..20, salt: u32,
    ) {
        let crowd = Crowd::new(&salt.to_string(), 2_000);
        let (few, many) = (weights.clone(), weights.iter().zip(changed));
        let many = many.map(|(weight, changed)| if changed { weight * factor } else { *weight });
        let (before, after) = (Weights::new(few), Weights::new(many));
        assert_least_movement((&before, &crowd.places(&before)), (&after, &crowd.places(&after)));
    }

    #[test]
    fn any_other_change_moves_at_most_twice_the_gains_over_one_and_them(
        before in any_weights(), after in any_weights(), salt: u32,
    ) {
        let crowd = Crowd::new(&salt.to_string(), 2_000);
        let (before, after) = (Weights::new(before), Weights::new(after));
        let (moved, gains) = (part_moved(&crowd.places(&before), &crowd.places(&after)), gains(&before, &after));
        let bound = 2.0 * gains / (1.0 + gains);
        prop_assert!(moved >= gains - deviations(5.0, gains, 2_000) - 0.005, "{moved} of {gains}");
        prop_assert!(moved <= bound + deviations(5.0, bound, 2_000) + 0.005, "{moved} of {bound}");
    }

    #[test]
    fn another_order_never_moves_anybody(
        named in any_weights().prop_map(|weights| NAMES.into_iter().zip(weights).collect::<Vec<_>>()),
        shuffled in Just(vec![0, 1, 2, 3, 4]).prop_shuffle(),
    ) {
        let crowd = Crowd::new("order", 500);
        let at = |order: &[usize]| -> Vec<&str> {
            let (names, weights): (Vec<_>, Vec<_>) = order.iter().map(|place| named[*place]).unzip();
            crowd.places_named(&names, &Weights::new(weights)).into_iter().map(|place| names[place]).collect()
        };
        prop_assert_eq!(at(&[0, 1, 2, 3, 4]), at(&shuffled));
    }

    #[test]
    fn a_new_destination_only_ever_draws_keys_to_it(weights in any_weights(), new in 1u32..100) {
        let crowd = Crowd::new("new", 2_000);
        let (before, after) = (Weights::new(weights.iter().copied()), Weights::new(weights.into_iter().chain([new])));
        let (old_places, places) = (crowd.places(&before), crowd.places(&after));
        prop_assert!(old_places.iter().zip(&places).all(|(before, after)| before == after || *after == 5));
        assert_part(part_moved(&old_places, &places), after.share(5), 2_000);
    }

    #[test]
    fn a_key_is_at_a_destination_if_and_only_if_its_share_is_above_the_ticket(
        weights in any_weights(), place in 0..5usize, share in 1..Share::MILLION, salt: u32,
    ) {
        let crowd = Crowd::new(&salt.to_string(), 200);
        let weights = Weights::new(weights);
        let most = weights.clone().ramped(place, Share::from_millionths(999_999));
        let now = weights.ramped(place, Share::from_millionths(share));
        for (most, now_pick) in crowd.picks(&most).into_iter().zip(crowd.picks(&now)) {
            prop_assert!((0.0..1.0).contains(&now_pick.ticket));
            prop_assert!(now.share(now_pick.place) > now_pick.ticket - 1e-12);
            if most.place == place && (now.share(place) - most.ticket).abs() > 1e-12 {
                prop_assert_eq!(now_pick.place == place, now.share(place) > most.ticket);
                prop_assert!(now_pick.place != place || (now_pick.ticket - most.ticket).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn nobody_is_ever_at_a_destination_without_weight(weights in any_weights(), key: Vec<u8>, salt: Vec<u8>) {
        let weights = Weights::new(weights);
        let pick = Sticky::new(&salt).pick(&key, names(), &weights).unwrap();
        prop_assert!(weights.share(pick.place) > 0.0);
    }
}

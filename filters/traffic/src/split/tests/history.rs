//! What a history promises, held against many keys.

use super::crowd::{Crowd, assert_least_movement, assert_part, deviations, gains, names, part_at, part_moved};
use crate::refusal::Place;
use crate::share::Share;
use crate::split::{History, Sticky, Weights};
use crate::wasm_test::test;
use proptest::prelude::*;

fn history(earlier: &[Vec<u32>]) -> History {
    History::compile(&Place::root("history"), earlier, earlier.first().map_or(0, Vec::len)).unwrap()
}

#[test]
fn without_history_it_is_the_rendezvous() {
    let (crowd, weights) = (Crowd::new("salt", 1_000), Weights::new([5, 4, 3, 2, 1]));
    assert_eq!(crowd.places_after(&History::default(), &weights, None), crowd.places(&weights));
    let withdrawn = weights.clone().scaled(0, Share::NONE);
    assert_eq!(crowd.places_after(&History::default(), &weights, Some(&withdrawn)), crowd.places(&withdrawn));
}

#[test]
fn of_a_hundred_thousand_keys_exactly_the_gains_move() {
    let crowd = Crowd::new("default/reviews/http", 100_000);
    let (before, after) = ([50, 20, 10, 10, 10], Weights::new([10, 35, 5, 20, 30]));
    let history = history(&[before.to_vec()]);
    let before = Weights::new(before);
    let (was, is) = (crowd.places(&before), crowd.places_after(&history, &after, None));
    let (moved, gains) = (part_moved(&was, &is), gains(&before, &after));
    assert!((moved - gains).abs() <= deviations(4.0, gains, 100_000), "{moved} of {gains}");
    assert_least_movement((&before, &was), (&after, &is));
    (0..5).for_each(|place| assert_part(part_at(&is, place), after.share(place), 100_000));
    assert!(part_moved(&was, &crowd.places(&after)) > moved + 0.02, "the rendezvous moves more");
}

#[test]
fn three_halves_move_half_each_time() {
    // What no function of the weights alone can do.
    let crowd = Crowd::new("halves", 20_000);
    let steps = [vec![1, 1, 0], vec![0, 1, 1], vec![1, 0, 1], vec![1, 1, 0]];
    for end in 1..steps.len() {
        let [before, after] = [end - 1, end].map(|at| Weights::new(steps[at].clone()));
        let was = crowd.places_after(&history(&steps[..end - 1]), &before, None);
        let is = crowd.places_after(&history(&steps[..end]), &after, None);
        assert_least_movement((&before, &was), (&after, &is));
    }
}

#[test]
fn weights_in_the_same_proportions_do_not_count() {
    let (crowd, now) = (Crowd::new("same", 1_000), Weights::new([20, 50, 30]));
    let short = crowd.places_after(&history(&[vec![5, 4, 1], vec![1, 4, 5]]), &now, None);
    let long = [vec![5, 4, 1], vec![50, 40, 10], vec![1, 4, 5], vec![10, 40, 50], vec![2, 5, 3]];
    assert_eq!(crowd.places_after(&history(&long), &now, None), short);
}

#[test]
fn a_ramp_behind_a_history_never_moves_anybody_back() {
    let (crowd, written) = (Crowd::new("ramp", 2_000), Weights::new([10, 20, 30, 40]));
    let mut history = history(&[vec![40, 10, 25, 25], vec![25, 25, 40, 10]]);
    let at = |millionths| written.clone().ramped(1, Share::from_millionths(millionths));
    history.push(at(50_000));
    let mut before = crowd.places_after(&history, &at(50_000), None);
    for millionths in (50_000..=1_000_000).step_by(9_500) {
        let now = crowd.places_after(&history, &at(millionths), None);
        assert!(before.iter().zip(&now).all(|(before, now)| before == now || *now == 1), "at {millionths}");
        assert_part(part_at(&now, 1), at(millionths).share(1), 2_000);
        before = now;
    }
    assert!(before.iter().all(|place| *place == 1));
}

#[test]
fn a_ramp_downwards_never_moves_anybody_back() {
    let (crowd, written) = (Crowd::new("ramp", 2_000), Weights::new([10, 20, 30, 40]));
    let mut history = history(&[vec![40, 10, 25, 25]]);
    let at = |millionths| written.clone().ramped(1, Share::from_millionths(millionths));
    history.push(at(900_000));
    let mut before = crowd.places_after(&history, &at(900_000), None);
    for millionths in (0..=100).rev().map(|step| step * 9_000) {
        let now = crowd.places_after(&history, &at(millionths), None);
        assert!(before.iter().zip(&now).all(|(before, now)| before == now || *before == 1), "at {millionths}");
        before = now;
    }
    assert!(!before.contains(&1));
}

#[test]
fn a_withdrawal_moves_only_those_that_were_there() {
    let (crowd, now) = (Crowd::new("guard", 5_000), Weights::new([10, 20, 30, 40]));
    let history = history(&[vec![40, 10, 25, 25]]);
    let withdrawn = now.clone().scaled(3, Share::NONE);
    let (was, is) = (crowd.places_after(&history, &now, None), crowd.places_after(&history, &now, Some(&withdrawn)));
    assert!(was.iter().zip(&is).all(|(was, is)| if *was == 3 { *is != 3 } else { was == is }));
    assert_least_movement((&now, &was), (&withdrawn, &is));
}

#[test]
fn without_weight_there_is_no_destination() {
    let history = history(&[vec![1, 1]]);
    let pick = |now| history.pick(&Sticky::new(b"salt"), b"mary", names(), &Weights::new(now), None);
    assert_eq!(pick([0, 0]), None);
    assert_eq!(pick([0, 1]), Some(1));
}

#[test]
fn what_is_no_history_is_refused() {
    let refused = |earlier: &[Vec<u32>]| {
        History::compile(&Place::root("history"), earlier, 2).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(refused(&[vec![1, 2], vec![1, 2, 3]]), "history[1]: 3 weights, but 2 destinations");
    assert_eq!(refused(&[vec![0, 0]]), "history[0]: must have a weight above 0");
}

fn any_weights() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![1 => Just(0), 3 => 1u32..100], 5)
        .prop_filter("somebody has weight", |weights| weights.iter().any(|weight| *weight > 0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_change_of_any_history_always_moves_the_gains_only(
        earlier in prop::collection::vec(any_weights(), 1..5), now in any_weights(), salt: u32,
    ) {
        let crowd = Crowd::new(&salt.to_string(), 2_000);
        let (latest, before) = earlier.split_last().unwrap();
        let latest = Weights::new(latest.iter().copied());
        let now = Weights::new(now);
        let was = crowd.places_after(&history(before), &latest, None);
        let is = crowd.places_after(&history(&earlier), &now, None);
        assert_least_movement((&latest, &was), (&now, &is));
        (0..5).for_each(|place| assert_part(part_at(&is, place), now.share(place), 2_000));
    }
}

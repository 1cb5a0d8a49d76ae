//! What a ramp gives when, and what is refused.

use super::*;
use crate::wasm_test::test;
use proptest::prelude::*;

const MINUTE: u64 = 60_000_000_000;

fn written(from: f64, to: f64, steps: Option<u32>) -> written::Ramp {
    let (start, duration) = ("1970-01-01T01:00:00Z".to_owned(), "2h".to_owned());
    written::Ramp { subset: "v2".to_owned(), from, to, start, duration, steps }
}

fn compile(written: &written::Ramp) -> Result<Ramp, String> {
    Ramp::compile(&Place::root("ramp"), written).map_err(|refusal| refusal.to_string())
}

/// The share in millionths so many minutes after the start.
fn at(ramp: &Ramp, minutes: u64) -> u32 {
    ramp.share_at((60 + minutes) * MINUTE).millionths()
}

#[test]
fn before_the_start_and_after_the_end_it_stands_still() {
    let ramp = compile(&written(5.0, 90.0, None)).unwrap();
    for now in [0, 60 * MINUTE - 1, 60 * MINUTE] {
        assert_eq!(ramp.share_at(now).millionths(), 50_000);
    }
    for now in [180 * MINUTE, 181 * MINUTE, u64::MAX] {
        assert_eq!(ramp.share_at(now).millionths(), 900_000);
    }
}

#[test]
fn between_it_grows_evenly() {
    let ramp = compile(&written(0.0, 100.0, None)).unwrap();
    assert_eq!([30, 60, 90].map(|minutes| at(&ramp, minutes)), [250_000, 500_000, 750_000]);
    assert_eq!(ramp.share_at(180 * MINUTE - 1).millionths(), 999_999);
}

#[test]
fn it_may_shrink() {
    let ramp = compile(&written(100.0, 20.0, None)).unwrap();
    assert_eq!([0, 30, 60, 120].map(|minutes| at(&ramp, minutes)), [1_000_000, 800_000, 600_000, 200_000]);
}

#[test]
fn the_first_step_is_made_at_the_start_and_the_last_one_reaches_the_end() {
    let ramp = compile(&written(0.0, 100.0, Some(4))).unwrap();
    assert_eq!(ramp.share_at(60 * MINUTE - 1), Share::NONE);
    let shares = [0, 29, 30, 59, 60, 89, 90, 119, 120].map(|minutes| at(&ramp, minutes) / 10_000);
    assert_eq!(shares, [25, 25, 50, 50, 75, 75, 100, 100, 100]);
}

#[test]
fn one_step_is_a_switch() {
    let ramp = compile(&written(10.0, 30.0, Some(1))).unwrap();
    assert_eq!(ramp.share_at(60 * MINUTE - 1).millionths(), 100_000);
    assert_eq!(at(&ramp, 0), 300_000);
}

#[test]
fn what_makes_no_ramp_is_refused() {
    let good = written(0.0, 100.0, None);
    let bad = |change: fn(&mut written::Ramp)| {
        let mut ramp = good.clone();
        change(&mut ramp);
        compile(&ramp).unwrap_err()
    };
    assert_eq!(bad(|ramp| ramp.from = -1.0), "ramp.from: -1 is not from 0 to 100");
    assert_eq!(bad(|ramp| ramp.to = 100.5), "ramp.to: 100.5 is not from 0 to 100");
    assert_eq!(bad(|ramp| ramp.to = f64::NAN), "ramp.to: NaN is not from 0 to 100");
    assert_eq!(bad(|ramp| ramp.duration = "0s".into()), "ramp.duration: must be greater than zero");
    assert_eq!(bad(|ramp| ramp.duration = "-1h".into()), "ramp.duration: `-1h` is not a duration such as 90s or 1h30m");
    assert_eq!(bad(|ramp| ramp.steps = Some(0)), "ramp.steps: must be at least 1");
    let reason = "is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z";
    assert_eq!(bad(|ramp| ramp.start = "soon".into()), format!("ramp.start: `soon` {reason}"));
}

fn any_ramp() -> impl Strategy<Value = Ramp> {
    let shares = (0..=Share::MILLION, 0..=Share::MILLION);
    let steps = prop::option::of(prop_oneof![1u32..20, 1..=u32::MAX]);
    (shares, any::<u64>(), prop_oneof![1..1_000u64, 1..=i64::MAX as u64], steps).prop_map(
        |((from, to), start, duration, steps)| {
            let (from, to) = (Share::from_millionths(from), Share::from_millionths(to));
            Ramp { subset: String::new(), from, to, start, duration, steps }
        },
    )
}

proptest! {
    #[test]
    fn it_never_goes_back_and_never_leaves_its_ends(
        ramp in any_ramp(), clock in prop::collection::vec(any::<u64>(), 0..8),
        near in prop::collection::vec(0..2_000u64, 0..16),
    ) {
        let near = near.iter().map(|after| ramp.start.saturating_sub(500).saturating_add(*after));
        let mut clock: Vec<u64> = clock.into_iter().chain(near).collect();
        clock.sort_unstable();
        let mut shares: Vec<Share> = clock.into_iter().map(|now| ramp.share_at(now)).collect();
        shares.insert(0, ramp.from);
        shares.push(ramp.to);
        let forward = ramp.from <= ramp.to;
        let never_back = shares.windows(2).all(|pair| if forward { pair[0] <= pair[1] } else { pair[0] >= pair[1] });
        prop_assert!(never_back);
    }

    #[test]
    fn steps_are_always_equal(from in 0..100u32, to in 0..100u32, steps in 1..50u32) {
        let ramp = compile(&written(from.into(), to.into(), Some(steps))).unwrap();
        let part = 120 * MINUTE / u64::from(steps);
        for step in 0..steps {
            let middle = 60 * MINUTE + u64::from(step) * part + part / 2;
            let wanted = f64::from(from) + (f64::from(to) - f64::from(from)) * f64::from(step + 1) / f64::from(steps);
            prop_assert!((f64::from(ramp.share_at(middle).millionths()) / 1e4 - wanted).abs() < 2e-4);
        }
    }
}

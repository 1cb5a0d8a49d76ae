//! Many keys, and what becomes of them when weights change.

use crate::split::{History, Pick, Sticky, Weights};

pub(super) const NAMES: [&str; 6] = ["v1", "v2", "v3", "v4", "v5", "v6"];

pub(super) fn names() -> impl Iterator<Item = &'static [u8]> + Clone {
    NAMES.iter().map(|name| name.as_bytes())
}

/// So many keys under one salt.
pub(super) struct Crowd {
    sticky: Sticky,
    keys: Vec<String>,
}

impl Crowd {
    pub(super) fn new(salt: &str, count: usize) -> Self {
        Self { sticky: Sticky::new(salt.as_bytes()), keys: (0..count).map(|n| format!("user-{n}")).collect() }
    }

    pub(super) fn picks(&self, weights: &Weights) -> Vec<Pick> {
        self.keys.iter().map(|key| self.sticky.pick(key.as_bytes(), names(), weights).unwrap()).collect()
    }

    /// Where everybody is.
    pub(super) fn places(&self, weights: &Weights) -> Vec<usize> {
        self.picks(weights).into_iter().map(|pick| pick.place).collect()
    }

    /// Where everybody is, if destinations have these names.
    pub(super) fn places_named(&self, names: &[&str], weights: &Weights) -> Vec<usize> {
        let names = || names.iter().map(|name| name.as_bytes());
        self.keys.iter().map(|key| self.sticky.pick(key.as_bytes(), names(), weights).unwrap().place).collect()
    }

    /// Where everybody is, with a history.
    pub(super) fn places_after(&self, history: &History, now: &Weights, withdrawn: Option<&Weights>) -> Vec<usize> {
        let place = |key: &String| history.pick(&self.sticky, key.as_bytes(), names(), now, withdrawn).unwrap();
        self.keys.iter().map(place).collect()
    }
}

/// The part of the crowd at `place`.
pub(super) fn part_at(places: &[usize], place: usize) -> f64 {
    places.iter().filter(|at| **at == place).count() as f64 / places.len() as f64
}

/// What of the crowd is at another place.
pub(super) fn part_moved(before: &[usize], after: &[usize]) -> f64 {
    before.iter().zip(after).filter(|(before, after)| before != after).count() as f64 / before.len() as f64
}

/// The sum of the gains.
pub(super) fn gains(before: &Weights, after: &Weights) -> f64 {
    (0..before.as_slice().len()).map(|place| (after.share(place) - before.share(place)).max(0.0)).sum()
}

/// So many standard deviations of a part of `count` keys that is `share` on average.
pub(super) fn deviations(many: f64, share: f64, count: usize) -> f64 {
    // Sums of shares can be above 1 by a rounding.
    many * f64::sqrt((share * (1.0 - share)).max(0.0) / count as f64)
}

/// A part of the crowd is as large as its share, give or take five standard deviations and, where only few keys are to be
/// expected, ten keys.
#[track_caller]
pub(super) fn assert_part(part: f64, share: f64, count: usize) {
    let few = if (1e-12..1.0 - 1e-12).contains(&share) { 10.0 / count as f64 } else { 0.0 };
    assert!((part - share).abs() <= deviations(5.0, share, count) + few + 1e-12, "{part} is not {share}");
}

/// Exactly the gains move, and only from those that lose share to those that gain it.
#[track_caller]
pub(super) fn assert_least_movement(before: (&Weights, &[usize]), after: (&Weights, &[usize])) {
    for (from, to) in before.1.iter().zip(after.1).filter(|(from, to)| from != to) {
        let change = |place| after.0.share(place) - before.0.share(place);
        assert!(change(*from) < 0.0 && change(*to) > 0.0, "from {from} to {to}");
    }
    assert_part(part_moved(before.1, after.1), gains(before.0, after.0), before.1.len());
}

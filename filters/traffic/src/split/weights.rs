//! What weights a rule's destinations have at an instant.

use super::Ticket;
use crate::share::Share;

/// The sum of weights stays below this: sums fit `u64`, and products of two sums fit `i128`.
const LIMIT: u128 = 1 << 63;

/// The weights of a rule's destinations, in their order, at an instant: what is written, then what a ramp and a withdrawal
/// make of it. Only proportions count.
///
/// ```
/// use serin_traffic::{Share, Weights};
///
/// let half = Share::from_percent(50.0).unwrap();
/// let weights = Weights::new([60, 30, 10]).ramped(2, half);
/// assert_eq!([0, 1, 2].map(|place| (weights.share(place) * 600.0).round()), [200.0, 100.0, 300.0]);
/// assert_eq!(weights.scaled(2, Share::NONE).share(0), 2.0 / 3.0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    weights: Vec<u64>,
    total: u64,
}

impl Weights {
    /// The weights that a rule has written.
    pub fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        Self::fitted(weights.into_iter().map(u128::from).collect())
    }

    /// The same while the destination at `place` has the share `share`; the others share the rest in the proportions that
    /// they have. If no other has any weight, it has all.
    #[must_use]
    pub fn ramped(self, place: usize, share: Share) -> Self {
        let Some(own) = self.weights.get(place) else { return self };
        let others = u128::from(self.total - own);
        if others == 0 {
            return Self::fitted((0..self.weights.len()).map(|other| u128::from(other == place)).collect());
        }
        let (ramped, rest) = (u128::from(share.millionths()), u128::from(Share::MILLION - share.millionths()));
        self.each(|at, weight| if at == place { ramped * others } else { rest * weight })
    }

    /// The same while the destination at `place` has only `factor` of its share; the others get the rest in the proportions
    /// that they have. If no other has any weight, it keeps all.
    #[must_use]
    pub fn scaled(self, place: usize, factor: Share) -> Self {
        let own = self.weights.get(place).copied().unwrap_or(0);
        if own == 0 || own == self.total || factor == Share::ALL {
            return self;
        }
        if factor.is_none() {
            // Who divides by weights finds the very same ones for the others.
            return self.each(|at, weight| if at == place { 0 } else { weight });
        }
        let small = self.rounded_to(1 << 52);
        let own = small.weights.get(place).copied().map_or(0, u128::from);
        let (factor, total) = (u128::from(factor.millionths()), u128::from(small.total));
        let rest = u128::from(Share::MILLION) * total - factor * own;
        small.each(|at, weight| if at == place { factor * weight * (total - own) } else { rest * weight })
    }

    /// The destination's share of all requests, from 0 to 1.
    pub fn share(&self, place: usize) -> f64 {
        let weight = self.weights.get(place).copied().unwrap_or(0);
        if weight == 0 { 0.0 } else { weight as f64 / self.total as f64 }
    }

    /// Which destination the ticket falls on, as [`split`](super::split) says; `None` if no destination has any weight.
    pub fn split(&self, ticket: Ticket) -> Option<usize> {
        let place = ticket.place_in(self.total);
        let mut end = 0;
        self.weights.iter().position(|weight| {
            end += weight;
            place < end
        })
    }

    /// The weights.
    pub fn as_slice(&self) -> &[u64] {
        &self.weights
    }

    /// The sum of the weights.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The greatest number that divides all weights; 0 if they are all 0.
    pub(super) fn divisor(&self) -> u64 {
        self.weights.iter().fold(0, |divisor, weight| gcd(divisor.into(), (*weight).into()) as u64)
    }

    fn each(&self, weight: impl Fn(usize, u128) -> u128) -> Self {
        Self::fitted(self.weights.iter().enumerate().map(|(at, old)| weight(at, (*old).into())).collect())
    }

    /// The same proportions with a sum of about `limit` at most.
    fn rounded_to(self, limit: u128) -> Self {
        if u128::from(self.total) < limit {
            self
        } else {
            Self::below(limit, self.weights.into_iter().map(u128::from).collect())
        }
    }

    fn fitted(weights: Vec<u128>) -> Self {
        Self::below(LIMIT, weights)
    }

    /// As they are if their sum is below the limit, else reduced, and rounded if that is not enough: then to one part in
    /// some 2^50, and never to 0.
    fn below(limit: u128, mut weights: Vec<u128>) -> Self {
        let sum = |weights: &[u128]| weights.iter().sum::<u128>();
        if sum(&weights) >= limit {
            let divisor = weights.iter().copied().fold(0, gcd).max(1);
            weights.iter_mut().for_each(|weight| *weight /= divisor);
        }
        let sum = sum(&weights);
        let excess = if sum < limit { 0 } else { limit.leading_zeros() - sum.leading_zeros() + 1 };
        let weights: Vec<u64> =
            weights.into_iter().map(|weight| (weight >> excess).max(weight.min(1)) as u64).collect();
        Self { total: weights.iter().sum(), weights }
    }
}

fn gcd(mut one: u128, mut other: u128) -> u128 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
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
}

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
mod tests;

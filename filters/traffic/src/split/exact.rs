//! Splitting in turn: any run of requests has exactly its share.

use super::Weights;

/// How many turns a rotation skips at most before its first.
const FARTHEST_START: u64 = 4_096;

/// Whose turn it is: smooth weighted round robin, as in nginx (`ngx_http_upstream_get_peer`). Every worker keeps one per
/// rule.
///
/// As long as the weights are the same, any run of as many requests as the sum of the weights, divided by their greatest
/// common divisor, has exactly its weight of each destination:
///
/// ```
/// use serin_traffic::{Rotation, Weights};
///
/// let (mut rotation, weights) = (Rotation::default(), Weights::new([70, 30]));
/// let ten: Vec<_> = (0..10).filter_map(|_| rotation.next(&weights)).collect();
/// assert_eq!(ten, [0, 1, 0, 0, 0, 1, 0, 0, 1, 0]);
/// ```
///
/// When the weights change, each destination keeps what it is owed, in requests: weights that change with every request
/// starve nobody. From then on a destination can have a request more or less in such a run than its weight says.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    start: u64,
    weights: Weights,
    /// What each destination is owed, in requests, times the sum of the weights. They sum to 0.
    credits: Vec<i128>,
}

impl Rotation {
    /// A rotation that begins `start` turns later, modulo the length of its period, but 4,096 at most: so that workers do
    /// not move in step.
    pub fn starting_at(start: u64) -> Self {
        Self { start, ..Self::default() }
    }

    /// The destination whose turn it is; `None` if none has any weight.
    pub fn next(&mut self, weights: &Weights) -> Option<usize> {
        if *weights != self.weights {
            self.change_to(weights);
        }
        self.turn()
    }

    fn turn(&mut self) -> Option<usize> {
        let mut next: Option<(usize, &mut i128)> = None;
        for (place, (credit, weight)) in self.credits.iter_mut().zip(self.weights.as_slice()).enumerate() {
            if *weight == 0 {
                continue;
            }
            *credit += i128::from(*weight);
            // The first of equals.
            if next.as_ref().is_none_or(|(_, most)| *credit > **most) {
                next = Some((place, credit));
            }
        }
        let (place, credit) = next?;
        *credit -= i128::from(self.weights.total());
        Some(place)
    }

    fn change_to(&mut self, weights: &Weights) {
        let (before, now) = (i128::from(self.weights.total()), i128::from(weights.total()));
        let same_destinations = self.credits.len() == weights.as_slice().len();
        self.weights.clone_from(weights);
        if before == 0 || now == 0 || !same_destinations {
            self.begin();
            return;
        }
        let weighted = || weights.as_slice().iter().map(|weight| i128::from(*weight));
        for (credit, weight) in self.credits.iter_mut().zip(weighted()) {
            *credit = if weight == 0 { 0 } else { times_ratio(*credit, now, before) };
        }
        // What those without weight were owed, and what was cut off, falls to all in proportion, the odd rest to the first.
        let left = -self.credits.iter().sum::<i128>();
        for (credit, weight) in self.credits.iter_mut().zip(weighted()) {
            *credit += times_ratio(left, weight, now);
        }
        let odd = -self.credits.iter().sum::<i128>();
        if let Some((credit, _)) = self.credits.iter_mut().zip(weighted()).find(|(_, weight)| *weight > 0) {
            *credit += odd;
        }
    }

    fn begin(&mut self) {
        self.credits.clear();
        self.credits.resize(self.weights.as_slice().len(), 0);
        let period = self.weights.total().checked_div(self.weights.divisor()).unwrap_or(1);
        for _ in 0..self.start % period.clamp(1, FARTHEST_START) {
            self.turn();
        }
    }
}

/// `value * numerator / denominator`, cut off downwards. The two are sums of weights at most, so nothing overflows.
fn times_ratio(value: i128, numerator: i128, denominator: i128) -> i128 {
    let (whole, rest) = (value.div_euclid(denominator), value.rem_euclid(denominator));
    whole * numerator + rest * numerator / denominator
}

#[cfg(test)]
mod tests;

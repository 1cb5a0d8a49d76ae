//! Splitting by a key: one key always meets the same destination.

use super::Weights;
use std::fmt;
use xxhash_rust::xxh64::Xxh64;

/// Sends each key to a destination: weighted rendezvous, without state, the same on every proxy.
///
/// Each destination draws `E = -ln(u)` from the hash of salt, key and its own name, and the one with the least `E / weight`
/// wins (docs/sticky-split.md has the bytes and vectors). So each gets its share, and
///
/// - a key that stays with two proportions stays between them: if one destination's weight changes, or some destinations'
///   weights by one factor, keys move only from those that lose share to those that gain it, and no more than the gains;
/// - the order of destinations does not count, and a new destination only draws keys to it.
///
/// Other changes of three destinations and more move at most `2d / (1 + d)` of all keys, where `d` is the sum of the gains.
/// No function of the weights alone can always do with `d`: the shares A (½, ½, 0), B (0, ½, ½) and C (½, 0, ½) differ
/// by ½ from each other, so half of the keys had to stay each time. These would be those at the second destination in
/// both A and B, at the third in both B and C, at the first in both A and C; and then a key at the first in A is at the
/// first in C, at the third in B, and so at the third in C. [`History`](super::History) can, because it knows the way.
#[derive(Clone)]
pub struct Sticky {
    salted: Xxh64,
}

/// Where a key goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// The destination.
    pub place: usize,
    /// The share that the destination must have more of to get the key, as long as the others keep their proportions.
    /// Over the keys of a destination it is spread evenly from 0 to its share; 0 if no other destination has any weight.
    pub ticket: f64,
}

impl fmt::Debug for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sticky").finish_non_exhaustive()
    }
}

impl Sticky {
    /// Splits that are independent of those with another salt.
    pub fn new(salt: &[u8]) -> Self {
        let mut salted = Xxh64::new(0);
        salted.update(salt);
        salted.update(&[0]);
        Self { salted }
    }

    /// Where `key` goes, if destinations of these names have these weights; `None` if none has any. The names must differ:
    /// of two of one name, the one with less weight gets nothing.
    ///
    /// ```
    /// use serin_traffic::{Share, Sticky, Weights};
    ///
    /// let names = || [&b"v1"[..], b"v2"].into_iter();
    /// let (sticky, weights) = (Sticky::new(b"default/reviews/http"), Weights::new([90, 10]));
    /// let pick = sticky.pick(b"mary", names(), &weights).unwrap();
    /// assert_eq!(sticky.pick(b"mary", names(), &weights), Some(pick));
    /// assert!(weights.share(pick.place) > pick.ticket);
    ///
    /// let withdrawn = weights.scaled(pick.place, Share::NONE);
    /// assert_eq!(sticky.pick(b"mary", names(), &withdrawn).unwrap().place, 1 - pick.place);
    /// ```
    pub fn pick<'a>(&self, key: &[u8], names: impl IntoIterator<Item = &'a [u8]>, weights: &Weights) -> Option<Pick> {
        let draws = self.draws(key);
        let mut best: Option<(usize, f64, f64)> = None;
        let mut second = f64::INFINITY;
        for (place, (name, weight)) in names.into_iter().zip(weights.as_slice()).enumerate() {
            if *weight == 0 {
                continue;
            }
            let draw = exponential(draws.uniform(name));
            let score = draw / *weight as f64;
            match best {
                Some((_, _, least)) if score >= least => second = second.min(score),
                _ => {
                    second = best.map_or(second, |(_, _, least)| least);
                    best = Some((place, draw, score));
                }
            }
        }
        let (place, draw, _) = best?;
        let own = weights.as_slice().get(place).copied().unwrap_or(0);
        let others = weights.total().saturating_sub(own);
        let ticket = if others == 0 { 0.0 } else { draw / (draw + second * others as f64) };
        Some(Pick { place, ticket })
    }

    /// What the destinations draw for the key.
    pub(super) fn draws(&self, key: &[u8]) -> Draws {
        let mut keyed = self.salted.clone();
        keyed.update(key);
        keyed.update(&[0]);
        Draws { keyed }
    }
}

/// What destinations draw for a key.
pub(super) struct Draws {
    keyed: Xxh64,
}

impl Draws {
    /// Between 0 and 1, neither of which it is.
    pub(super) fn uniform(&self, name: &[u8]) -> f64 {
        uniform(self.hash(name))
    }

    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        let mut named = self.keyed.clone();
        named.update(name);
        named.digest()
    }

    /// The same for a step of a history.
    pub(super) fn uniform_in_step(&self, name: &[u8], step: usize) -> f64 {
        let mut named = self.keyed.clone();
        named.update(name);
        named.update(&[0]);
        named.update(step.to_string().as_bytes());
        uniform(named.digest())
    }
}

/// The middle of one of 2^52 equal parts of the way from 0 to 1: every one of them is a double.
fn uniform(hash: u64) -> f64 {
    const PARTS: f64 = (1u64 << 52) as f64;
    ((hash >> 12) as f64 + 0.5) / PARTS
}

/// By libm and not by the processor's logarithm: the same bits natively and on wasm32.
pub(super) fn exponential(uniform: f64) -> f64 {
    -libm::log(uniform)
}

//! Splitting by a key with knowledge of earlier weights: nobody moves but who must.

use super::Weights;
use super::sticky::{Draws, Sticky, exponential};
use crate::refusal::{Place, Refusal};

/// The weights that a rule's destinations had before, oldest first.
///
/// A key is placed by rendezvous ([`Sticky`]) in the oldest weights and follows each change: if its destination's share
/// falls from p to q, it stays with probability q/p, else it goes to one that gains, in proportion to the gains. So at
/// each change exactly the sum of the gains moves, and only from those that lose share to those that gain it, whatever
/// the weights are.
///
/// Changes are counted from the oldest, and whoever adds to the end of a history changes nothing before. Weights in the
/// proportions of those before are no change and do not count.
#[derive(Clone, Debug, Default)]
pub struct History {
    earlier: Vec<Weights>,
}

impl History {
    /// The history that stands at `place`, of a rule with so many destinations.
    pub(crate) fn compile(place: &Place<'_>, written: &[Vec<u32>], destinations: usize) -> Result<Self, Refusal> {
        let mut earlier = Vec::with_capacity(written.len());
        for (index, weights) in written.iter().enumerate() {
            let place = place.index(index);
            if weights.len() != destinations {
                return Err(place.refuse(format!("{} weights, but {destinations} destinations", weights.len())));
            }
            let weights = Weights::new(weights.iter().copied());
            if weights.total() == 0 {
                return Err(place.refuse("must have a weight above 0"));
            }
            earlier.push(weights);
        }
        Ok(Self { earlier })
    }

    /// Whether there were no earlier weights.
    pub fn is_empty(&self) -> bool {
        self.earlier.is_empty()
    }

    /// Adds weights that came after all earlier ones: where a ramp starts. Then whatever moves while the ramp runs moves
    /// towards its end.
    pub fn push(&mut self, weights: Weights) {
        self.earlier.push(weights);
    }

    /// Where `key` goes, if destinations of these names have these weights now, or, for the time being, those of
    /// `withdrawn`; `None` if none has any weight. Without earlier weights it is what [`Sticky::pick`] says.
    ///
    /// A withdrawal is a change of its own, the number of which is 0: when it ends, everybody is back.
    ///
    /// ```
    /// use serin_traffic::{History, Sticky, Weights};
    ///
    /// let names = [&b"v1"[..], b"v2", b"v3"];
    /// let (sticky, mut history) = (Sticky::new(b"default/reviews/http"), History::default());
    /// history.push(Weights::new([50, 50, 0]));
    /// let now = Weights::new([0, 50, 50]);
    /// let before = sticky.pick(b"mary", names, history.last().unwrap()).unwrap().place;
    /// let place = history.pick(&sticky, b"mary", names, &now, None).unwrap();
    /// assert_eq!(place, if before == 0 { 2 } else { 1 });
    /// ```
    pub fn pick<'a>(
        &self,
        sticky: &Sticky,
        key: &[u8],
        names: impl IntoIterator<Item = &'a [u8]> + Clone,
        now: &Weights,
        withdrawn: Option<&Weights>,
    ) -> Option<usize> {
        let Some((oldest, later)) = self.earlier.split_first() else {
            return sticky.pick(key, names, withdrawn.unwrap_or(now)).map(|pick| pick.place);
        };
        let mut place = sticky.pick(key, names.clone(), oldest)?.place;
        let draws = sticky.draws(key);
        let (mut before, mut number) = (oldest, 0);
        for after in later.iter().chain([now]) {
            let change = Change { before, after };
            if change.moves_anybody() {
                number += 1;
                place = change.follow(&draws, names.clone(), place, number)?;
            }
            before = after;
        }
        match withdrawn {
            Some(after) => Change { before, after }.follow(&draws, names, place, 0),
            None => Some(place),
        }
    }

    /// The latest of the earlier weights.
    pub fn last(&self) -> Option<&Weights> {
        self.earlier.last()
    }
}

struct Change<'a> {
    before: &'a Weights,
    after: &'a Weights,
}

impl Change<'_> {
    fn gain(&self, place: usize) -> f64 {
        self.after.share(place) - self.before.share(place)
    }

    fn moves_anybody(&self) -> bool {
        (0..self.after.as_slice().len()).any(|place| self.gain(place) != 0.0)
    }

    /// Where the key that was at `place` is after the change.
    fn follow<'a>(
        &self,
        draws: &Draws,
        names: impl IntoIterator<Item = &'a [u8]> + Clone,
        place: usize,
        number: usize,
    ) -> Option<usize> {
        let (share, was) = (self.after.share(place), self.before.share(place));
        if share >= was {
            return Some(place);
        }
        let own = names.clone().into_iter().nth(place)?;
        if draws.uniform_in_step(own, number) < share / was {
            return Some(place);
        }
        let least = |weight: &dyn Fn(usize) -> f64| {
            let mut best: Option<(usize, f64)> = None;
            for (place, name) in names.clone().into_iter().enumerate().filter(|(place, _)| weight(*place) > 0.0) {
                let score = exponential(draws.uniform_in_step(name, number)) / weight(place);
                if best.is_none_or(|(_, least)| score < least) {
                    best = Some((place, score));
                }
            }
            best.map(|(place, _)| place)
        };
        // What is lost can be less than a double shows as a gain.
        least(&|place| self.gain(place)).or_else(|| least(&|place| self.after.share(place)))
    }
}

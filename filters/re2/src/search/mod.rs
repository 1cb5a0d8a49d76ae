//! All matches of an expression in a text, with their groups, in time linear in the text.
//!
//! To look for one match after the other takes quadratic time: each search may read the text to its end before it knows
//! that there is a shorter match (`a.*z|a` in `aaaa`), and it does in RE2. Here the text is read twice whatever it is. First
//! from its end: of each place it is found out from which states of the automaton a match can be reached ([`Backward`]).
//! Then from its beginning: a match begins wherever one can be reached, and of all ways it takes the first that leads to an
//! end ([`Forward`]); it never has to go back. That is the match that RE2 prefers (leftmost, then first), with its groups
//! (A. Frisch and L. Cardelli, "Greedy regular expression matching", ICALP 2004).
//!
//! Memory is bounded, too: what is known of a text's places are two bytes each. When the automaton was cleared since a
//! stretch of the text was read, the stretch is read once more.

mod backward;
mod forward;
mod graph;
mod seen;

use super::pool::{Pool, Weight};
use super::program::LAST_GROUP;
use backward::{BEGINS, Backward, Ends, Prospect};
use forward::{END, Forward, Origin};
use graph::Graph;
use regex_automata::nfa::thompson::NFA;
use std::ops::Range;

/// How much memory what is known of one expression's matches may take, in bytes.
const MEMORY: usize = 1 << 20;

/// Finds matches of one expression.
#[derive(Debug)]
pub(super) struct Search {
    graph: Graph,
    memory: usize,
    pool: Pool<Scratch>,
}

#[derive(Debug)]
struct Scratch {
    backward: Backward,
    forward: Forward,
}

impl Scratch {
    /// The number of `prospect`, with room for a stretch of places before it.
    fn resume(&mut self, prospect: &Prospect) -> u16 {
        let age = self.backward.age();
        let number = self.backward.resume(prospect);
        if self.backward.age() != age {
            self.forward.forget();
        }
        number
    }
}

impl Weight for Scratch {
    fn bytes(&self) -> usize {
        self.backward.memory() + self.forward.memory()
    }
}

/// A match: where its groups begin and end, the whole being group 0.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Groups {
    slots: [usize; 2 * (LAST_GROUP as usize + 1)],
    /// Which of them are set, one bit for each.
    set: u32,
}

impl Groups {
    /// Where the group is; `None` if it took no part in the match.
    pub(super) fn get(&self, group: u8) -> Option<Range<usize>> {
        let slot = 2 * usize::from(group);
        let is_set = self.set >> slot & 0b11 == 0b11;
        is_set.then_some(*self.slots.get(slot)?..*self.slots.get(slot + 1)?)
    }

    fn set(&mut self, slots: u32, place: usize) {
        self.set |= slots;
        let mut left = slots;
        while left != 0 {
            if let Some(slot) = self.slots.get_mut(left.trailing_zeros() as usize) {
                *slot = place;
            }
            left &= left - 1;
        }
    }
}

impl Search {
    /// Compiles the search for what `nfa` matches.
    pub(super) fn new(nfa: &NFA) -> Self {
        Self::within(MEMORY, nfa)
    }

    /// The same, with so much memory for what is known.
    pub(super) fn within(memory: usize, nfa: &NFA) -> Self {
        Self { graph: Graph::new(nfa), memory, pool: Pool::default() }
    }

    /// Whether the whole of `text` is a match.
    pub(super) fn is_full_match(&self, text: &[u8]) -> bool {
        self.scratch(|scratch| {
            let length = scratch.backward.stretch();
            let mut places = vec![0; length.min(text.len())];
            let mut prospect = scratch.backward.end(Ends::Last);
            for stretch in text.rchunks(length) {
                let number = scratch.resume(&prospect);
                let (number, _) = scratch.backward.read(&self.graph, stretch, number, &mut places);
                let Some(before) = scratch.backward.prospect(number) else { return false };
                prospect = before.clone();
            }
            let number = scratch.resume(&prospect);
            scratch.backward.begin(&self.graph, number) & BEGINS != 0
        })
    }

    /// Reads `text`, and lends its matches to `work`.
    pub(super) fn lend<R>(&self, text: &[u8], work: impl FnOnce(&mut Matches<'_>) -> R) -> R {
        self.scratch(|scratch| work(&mut Matches::of(&self.graph, scratch, text)))
    }

    fn scratch<R>(&self, work: impl FnOnce(&mut Scratch) -> R) -> R {
        let create =
            || Scratch { backward: Backward::new(&self.graph, self.memory), forward: Forward::new(&self.graph) };
        self.pool.lend(create, work)
    }
}

/// The matches in a text.
pub(super) struct Matches<'a> {
    graph: &'a Graph,
    scratch: &'a mut Scratch,
    text: &'a [u8],
    /// Of each place its prospect, by its number, and whether a match begins there.
    places: Vec<u16>,
    stretches: Vec<Stretch>,
    /// How long a stretch is.
    length: usize,
    groups: Groups,
    /// The places of which the numbers are good now.
    good: Range<usize>,
}

/// A part of the text that is read in one go.
struct Stretch {
    /// The prospect at its end.
    end: Prospect,
    /// When it was read.
    age: u32,
    /// Whether a match begins in it.
    begins: bool,
}

impl<'a> Matches<'a> {
    fn of(graph: &'a Graph, scratch: &'a mut Scratch, text: &'a [u8]) -> Self {
        let length = scratch.backward.stretch();
        let mut matches = Self {
            places: vec![0; text.len() + 1],
            stretches: Vec::new(),
            groups: Groups::default(),
            good: 0..0,
            graph,
            scratch,
            text,
            length,
        };
        let mut end = matches.scratch.backward.end(Ends::Anywhere);
        for number in (0..text.len().div_ceil(length).max(1)).rev() {
            let (before, begins) = matches.read(number, &end);
            let age = matches.scratch.backward.age();
            matches.stretches.push(Stretch { end, age, begins });
            end = before;
        }
        matches.stretches.reverse();
        matches
    }

    /// The first match that begins at `from` or later.
    pub(super) fn first_from(&mut self, from: usize) -> Option<&Groups> {
        let mut from = from;
        while from <= self.text.len() {
            if !self.good.contains(&from) {
                let (number, places) = self.stretch_of(from);
                if !self.stretches.get(number)?.begins {
                    from = places.end;
                    continue;
                }
                self.make_good(from)?;
            }
            let mut ahead = self.places.get(from..self.good.end)?.iter();
            if let Some(ahead) = ahead.position(|place| place & BEGINS != 0) {
                return self.match_at(from + ahead);
            }
            from = self.good.end;
        }
        None
    }

    /// The match that begins at `begin`.
    fn match_at(&mut self, begin: usize) -> Option<&Groups> {
        self.groups.set = 0;
        let mut place = begin;
        let mut reader = u32::try_from(self.graph.readers()).ok()?;
        let mut class = match begin.checked_sub(1) {
            Some(before) => self.graph.class(*self.text.get(before)?),
            None => self.graph.classes(),
        };
        loop {
            if !self.good.contains(&place) {
                self.make_good(place)?;
            }
            let prospect = self.places.get(place)? & !BEGINS;
            let Scratch { backward, forward } = &mut *self.scratch;
            let origin = Origin { reader, class, prospect };
            let step = forward.step(self.graph, origin, || backward.prospect(prospect).cloned())?;
            if step.slots != 0 {
                self.groups.set(step.slots, place);
            }
            if step.reader == END {
                return Some(&self.groups);
            }
            reader = step.reader;
            class = self.graph.class(*self.text.get(place)?);
            place += 1;
        }
    }

    /// The stretch that `place` is in, by its number, and its places: those behind its bytes, and of the first one that
    /// before the text, too.
    fn stretch_of(&self, place: usize) -> (usize, Range<usize>) {
        let number = place.saturating_sub(1) / self.length;
        let begin = number * self.length;
        let end = (begin + self.length).min(self.text.len());
        (number, if begin == 0 { 0 } else { begin + 1 }..end + 1)
    }

    /// Makes the numbers of the places good in the stretch that `place` is in.
    fn make_good(&mut self, place: usize) -> Option<()> {
        let (number, places) = self.stretch_of(place);
        let stretch = self.stretches.get(number)?;
        if stretch.age != self.scratch.backward.age() {
            let end = stretch.end.clone();
            self.read(number, &end);
            self.stretches.get_mut(number)?.age = self.scratch.backward.age();
        }
        self.good = places;
        Some(())
    }

    /// Reads a stretch: the prospect before it, and whether a match begins in it.
    fn read(&mut self, number: usize, end: &Prospect) -> (Prospect, bool) {
        let end_number = self.scratch.resume(end);
        let backward = &mut self.scratch.backward;
        let begin = number * self.length;
        let stop = (begin + self.length).min(self.text.len());
        let bytes = self.text.get(begin..stop).unwrap_or_default();
        let places = self.places.get_mut(begin + 1..stop + 1).unwrap_or_default();
        let (mut before, mut begins) = backward.read(self.graph, bytes, end_number, places);
        if let Some(first) = self.places.first_mut().filter(|_| begin == 0) {
            *first = backward.begin(self.graph, before);
            begins |= *first & BEGINS != 0;
            before = *first & !BEGINS;
        }
        (backward.prospect(before).unwrap_or(end).clone(), begins)
    }
}

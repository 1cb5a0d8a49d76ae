//! The way of a match through an automaton, once it is known from where a match can be reached.

use super::backward::{Ends, Prospect, head};
use super::graph::{Graph, holds};
use super::seen::Seen;
use regex_automata::nfa::thompson::State;
use regex_automata::util::primitives::StateID;

/// How many steps are remembered, as a power of 2.
const REMEMBERED: u32 = 9;

/// The number of no reader: the match ends.
pub(super) const END: u32 = u32::MAX;

/// One step of a match: what it passes without reading, up to a state that reads the next byte, or to the end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The state that reads the next byte, by its number, or [`END`].
    pub(super) reader: u32,
    /// The beginnings and ends of groups that are here, one bit for each.
    pub(super) slots: u32,
}

/// What a step depends on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// The state that reads the byte before, by its number; one more than there are where a match begins.
    pub(super) reader: u32,
    /// The class of that byte.
    pub(super) class: usize,
    /// The number of the prospect.
    pub(super) prospect: u16,
}

/// Finds steps, and remembers the last ones.
#[derive(Debug)]
pub(super) struct Forward {
    /// Each at a place that is found by its key.
    steps: Vec<(u64, Step)>,
    stack: Vec<(StateID, u32)>,
    seen: Seen,
}

/// The key of no step.
const NONE: u64 = u64::MAX;

impl Forward {
    pub(super) fn new(graph: &Graph) -> Self {
        Self { steps: Vec::new(), stack: Vec::new(), seen: Seen::of(graph.len()) }
    }

    /// Forgets all steps, since the numbers of the prospects are others.
    pub(super) fn forget(&mut self) {
        self.steps.clear();
    }

    /// The step at a place from which a match can be reached, which has this `prospect`.
    pub(super) fn step(
        &mut self,
        graph: &Graph,
        from: Origin,
        prospect: impl FnOnce() -> Option<Prospect>,
    ) -> Option<Step> {
        // There are fewer than 2^9 classes and 2^15 prospects.
        let class = u64::try_from(from.class).unwrap_or_default();
        let key = u64::from(from.reader) << 24 | class << 15 | u64::from(from.prospect);
        let place = usize::try_from(key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - REMEMBERED)).unwrap_or_default();
        match self.steps.get(place) {
            Some((known, step)) if *known == key => Some(*step),
            _ => {
                let step = self.find(graph, from, &prospect()?)?;
                self.remember(place, key, step);
                Some(step)
            }
        }
    }

    fn remember(&mut self, place: usize, key: u64, step: Step) {
        if self.steps.is_empty() {
            self.steps.resize(1 << REMEMBERED, (NONE, step));
        }
        if let Some(remembered) = self.steps.get_mut(place) {
            *remembered = (key, step);
        }
    }

    /// How much memory it takes, in bytes.
    pub(super) fn memory(&self) -> usize {
        self.steps.capacity() * size_of::<(u64, Step)>()
    }

    /// The first in order of all ways that lead to the end of a match.
    #[cold]
    fn find(&mut self, graph: &Graph, from: Origin, prospect: &Prospect) -> Option<Step> {
        let byte = graph.byte(from.class);
        let before = graph.side(byte);
        let state = match graph.reader(from.reader as usize) {
            Some(reader) => graph.read(reader, byte?)?,
            None => graph.start(),
        };
        let (first, readers) = prospect.split_first()?;
        let (after, ends) = head(*first);
        self.seen.clear();
        self.stack.clear();
        self.stack.push((state, 0));
        while let Some((state, slots)) = self.stack.pop() {
            if !self.seen.insert(state) {
                continue;
            }
            match graph.state(state)? {
                State::Match { .. } if ends == Ends::Behind => {}
                State::Match { .. } => return Some(Step { reader: END, slots }),
                State::Look { look, next } if holds(*look, before, after) => self.stack.push((*next, slots)),
                State::Look { .. } | State::Fail => {}
                State::Union { alternates } => self.stack.extend(alternates.iter().rev().map(|next| (*next, slots))),
                State::BinaryUnion { alt1, alt2 } => self.stack.extend([(*alt2, slots), (*alt1, slots)]),
                State::Capture { next, slot, .. } => {
                    let slot = 1_u32.checked_shl(slot.as_u32()).unwrap_or_default();
                    self.stack.push((*next, slots | slot));
                }
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) => {
                    let number = graph.number(state);
                    if readers.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1) {
                        return Some(Step { reader: u32::try_from(number).ok()?, slots });
                    }
                }
            }
        }
        None
    }
}

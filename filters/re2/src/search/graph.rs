//! An automaton, read against its edges.

use regex_automata::nfa::thompson::{NFA, State, Transition};
use regex_automata::util::look::Look;
use regex_automata::util::primitives::StateID;

/// An automaton, and who leads to each of its states.
#[derive(Debug)]
pub(super) struct Graph {
    nfa: NFA,
    /// The states that read a byte, by their number.
    readers: Vec<StateID>,
    /// The numbers of the states that read a byte; 0 for the others.
    numbers: Vec<u32>,
    /// The states that end a match.
    ends: Vec<StateID>,
    /// Who leads to a state by reading a byte.
    reading: Reversed<Reading>,
    /// Who leads to a state without reading.
    silent: Reversed<(StateID, Option<Look>)>,
    /// A byte of each class of bytes that the automaton does not tell apart.
    bytes: Vec<u8>,
    /// Whether it matters what stands before and after a place.
    looks: bool,
}

/// A state that reads a byte from `first` to `last`, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) reader: u32,
    pub(super) first: u8,
    pub(super) last: u8,
}

/// What stands before or after a place in a text, as far as an assertion can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing: the text begins or ends here.
    Edge,
    /// The end of a line.
    Line,
    /// A character of a word.
    Word,
    /// Any other byte.
    Other,
}

impl From<Side> for u64 {
    fn from(side: Side) -> Self {
        match side {
            Side::Edge => 0,
            Side::Line => 1,
            Side::Word => 2,
            Side::Other => 3,
        }
    }
}

impl From<u64> for Side {
    fn from(number: u64) -> Self {
        match number {
            0 => Side::Edge,
            1 => Side::Line,
            2 => Side::Word,
            _ => Side::Other,
        }
    }
}

impl Graph {
    pub(super) fn new(nfa: &NFA) -> Self {
        let states = nfa.states();
        let mut readers = Vec::new();
        let mut numbers = vec![0; states.len()];
        let mut ends = Vec::new();
        let (mut reading, mut silent) = (Vec::new(), Vec::new());
        for ((place, state), number) in states.iter().enumerate().zip(&mut numbers) {
            let Ok(id) = StateID::new(place) else { break };
            let mut reads = |transition: &Transition| {
                let reader = u32::try_from(readers.len()).unwrap_or(u32::MAX);
                let (first, last) = (transition.start, transition.end);
                reading.push((transition.next, Reading { reader, first, last }));
            };
            match state {
                State::ByteRange { trans } => reads(trans),
                State::Sparse(transitions) => transitions.transitions.iter().for_each(reads),
                State::Dense(transitions) => {
                    let to = |byte| Some(Transition { start: byte, end: byte, next: transitions.matches_byte(byte)? });
                    (0..=u8::MAX).filter_map(to).for_each(|transition| reads(&transition));
                }
                State::Look { look, next } => silent.push((*next, (id, Some(*look)))),
                State::Union { alternates } => silent.extend(alternates.iter().map(|next| (*next, (id, None)))),
                State::BinaryUnion { alt1, alt2 } => silent.extend([(*alt1, (id, None)), (*alt2, (id, None))]),
                State::Capture { next, .. } => silent.push((*next, (id, None))),
                State::Match { .. } => ends.push(id),
                State::Fail => {}
            }
            if matches!(state, State::ByteRange { .. } | State::Sparse(_) | State::Dense(_)) {
                *number = u32::try_from(readers.len()).unwrap_or(u32::MAX);
                readers.push(id);
            }
        }
        let classes = nfa.byte_classes();
        // The last class is that of no byte at all.
        let mut bytes = vec![0; classes.alphabet_len() - 1];
        for byte in 0..=u8::MAX {
            if let Some(of_class) = bytes.get_mut(usize::from(classes.get(byte))) {
                *of_class = byte;
            }
        }
        Self {
            readers,
            numbers,
            ends,
            reading: Reversed::of(&reading, states.len()),
            silent: Reversed::of(&silent, states.len()),
            bytes,
            looks: !nfa.look_set_any().is_empty(),
            nfa: nfa.clone(),
        }
    }

    /// The state that every match begins in.
    pub(super) fn start(&self) -> StateID {
        self.nfa.start_anchored()
    }

    /// The states that end a match.
    pub(super) fn ends(&self) -> &[StateID] {
        &self.ends
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.nfa.states().len()
    }

    /// How many states read a byte.
    pub(super) fn readers(&self) -> usize {
        self.readers.len()
    }

    /// The state that reads a byte, by its number.
    pub(super) fn reader(&self, number: usize) -> Option<StateID> {
        self.readers.get(number).copied()
    }

    /// The number of a state that reads a byte.
    pub(super) fn number(&self, reader: StateID) -> usize {
        self.numbers.get(reader.as_usize()).map_or(0, |number| *number as usize)
    }

    /// The states that lead to `state` by reading a byte.
    pub(super) fn reading(&self, state: StateID) -> &[Reading] {
        self.reading.before(state)
    }

    /// The states that lead to `state` without reading, and where they do.
    pub(super) fn silent(&self, state: StateID) -> &[(StateID, Option<Look>)] {
        self.silent.before(state)
    }

    /// A state; `None` if there is none of that number.
    pub(super) fn state(&self, state: StateID) -> Option<&State> {
        self.nfa.states().get(state.as_usize())
    }

    /// Where `reader` goes with `byte`.
    pub(super) fn read(&self, reader: StateID, byte: u8) -> Option<StateID> {
        match self.state(reader)? {
            State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
            State::Sparse(transitions) => transitions.matches_byte(byte),
            State::Dense(transitions) => transitions.matches_byte(byte),
            _ => None,
        }
    }

    /// How many classes of bytes there are, without that of no byte.
    pub(super) fn classes(&self) -> usize {
        self.bytes.len()
    }

    /// The class of `byte`.
    pub(super) fn class(&self, byte: u8) -> usize {
        usize::from(self.nfa.byte_classes().get(byte))
    }

    /// A byte of `class`; `None` for the one behind the last, which is no byte.
    pub(super) fn byte(&self, class: usize) -> Option<u8> {
        self.bytes.get(class).copied()
    }

    /// What an assertion sees of `byte`, or of the end of the text.
    pub(super) fn side(&self, byte: Option<u8>) -> Side {
        match byte {
            None => Side::Edge,
            Some(_) if !self.looks => Side::Other,
            Some(b'\n') => Side::Line,
            Some(b'0'..=b'9' | b'A'..=b'Z' | b'_' | b'a'..=b'z') => Side::Word,
            Some(_) => Side::Other,
        }
    }
}

/// Whether `look` holds between `before` and `after`.
pub(super) fn holds(look: Look, before: Side, after: Side) -> bool {
    match look {
        Look::Start => before == Side::Edge,
        Look::End => after == Side::Edge,
        Look::StartLF => matches!(before, Side::Edge | Side::Line),
        Look::EndLF => matches!(after, Side::Edge | Side::Line),
        Look::WordAscii => (before == Side::Word) != (after == Side::Word),
        Look::WordAsciiNegate => (before == Side::Word) == (after == Side::Word),
        // RE2 has no others.
        _ => false,
    }
}

/// What leads to each state.
#[derive(Debug)]
struct Reversed<T> {
    /// Where in `edges` those of a state begin; one more than there are states.
    begins: Vec<u32>,
    edges: Vec<T>,
}

impl<T: Copy> Reversed<T> {
    /// Puts the edges in the order of the states they lead to, by counting how many lead to each.
    fn of(edges: &[(StateID, T)], states: usize) -> Self {
        let mut begins = vec![0; states + 1];
        for (to, _) in edges {
            if let Some(behind) = begins.get_mut(to.as_usize() + 1) {
                *behind += 1;
            }
        }
        let mut count = 0;
        for begin in &mut begins {
            count += *begin;
            *begin = count;
        }
        let mut next = begins.clone();
        let mut ordered: Vec<T> = edges.iter().map(|(_, edge)| *edge).collect();
        for (to, edge) in edges {
            let Some(place) = next.get_mut(to.as_usize()) else { continue };
            if let Some(slot) = ordered.get_mut(*place as usize) {
                *slot = *edge;
            }
            *place += 1;
        }
        Self { begins, edges: ordered }
    }

    fn before(&self, state: StateID) -> &[T] {
        let begin = |place: usize| self.begins.get(place).map_or(0, |begin| *begin as usize);
        self.edges.get(begin(state.as_usize())..begin(state.as_usize() + 1)).unwrap_or_default()
    }
}

//! Matches that are filed under something that a text contains.

use super::{Found, Places};

/// Matches, by literals of which all are found in one pass over a text, upper and lower case being one: the automaton of
/// Aho and Corasick. What has been read of the text ends with the beginning of a literal; its state is the longest such.
#[derive(Clone, Debug, Default)]
pub(super) struct Containing {
    /// The beginnings; the first is the empty one, where every text starts. None at all if there are no literals.
    states: Vec<State>,
    /// What is filed under the literals, in their order.
    places: Vec<Places>,
    /// Where the first state goes, by byte: most bytes of a text are looked up there.
    first: Vec<usize>,
}

/// The beginning of a literal. Those that are one byte longer are a chain, from `longer` on.
#[derive(Clone, Debug, Default)]
struct State {
    byte: u8,
    longer: Option<usize>,
    /// The next in the chain.
    sibling: Option<usize>,
    /// The longest beginning of a literal that this one ends with.
    shorter: usize,
    /// The longest literal that this one ends with and is not.
    ending: Option<usize>,
    /// Of which literal it is the whole.
    literal: Option<usize>,
}

const START: usize = 0;

impl Containing {
    pub(super) fn of(filed: Vec<(&[u8], Places)>) -> Self {
        let mut automaton = Self::default();
        if !filed.is_empty() {
            automaton.states.push(State::default());
            automaton.first.resize(1 << u8::BITS, START);
        }
        for (literal, places) in filed {
            automaton.add(literal, places);
        }
        automaton.link();
        automaton
    }

    fn add(&mut self, literal: &[u8], places: Places) {
        let mut at = START;
        for byte in literal.iter().map(u8::to_ascii_lowercase) {
            at = self.longer(at, byte).unwrap_or_else(|| self.grow(at, byte));
        }
        if let Some(state) = self.states.get_mut(at) {
            state.literal = Some(self.places.len());
        }
        self.places.push(places);
    }

    /// Adds the beginning that is `byte` longer than that of `at`.
    fn grow(&mut self, at: usize, byte: u8) -> usize {
        let new = self.states.len();
        let sibling = self.states.get_mut(at).and_then(|state| state.longer.replace(new));
        self.states.push(State { byte, sibling, ..State::default() });
        if at == START {
            if let Some(first) = self.first.get_mut(usize::from(byte)) {
                *first = new;
            }
        }
        new
    }

    /// Says of each state which shorter one it ends with, the shortest states first.
    fn link(&mut self) {
        let mut order = Vec::with_capacity(self.states.len());
        order.extend((!self.states.is_empty()).then_some(START));
        let mut done = 0;
        while let Some(&at) = order.get(done) {
            done += 1;
            let shorter = self.shorter(at);
            let mut next = self.state(at).and_then(|state| state.longer);
            while let Some(longer) = next {
                order.push(longer);
                let Some(byte) = self.state(longer).map(|state| state.byte) else { return };
                let shorter = if at == START { START } else { self.step(shorter, byte) };
                let ends = self.state(shorter).and_then(|state| state.literal.map(|_| shorter).or(state.ending));
                let Some(state) = self.states.get_mut(longer) else { return };
                (state.shorter, state.ending) = (shorter, ends);
                next = state.sibling;
            }
        }
    }

    fn state(&self, at: usize) -> Option<&State> {
        self.states.get(at)
    }

    fn shorter(&self, at: usize) -> usize {
        self.state(at).map_or(START, |state| state.shorter)
    }

    /// The state one `byte` longer.
    fn longer(&self, at: usize, byte: u8) -> Option<usize> {
        if at == START {
            return Some(self.start(byte)).filter(|longer| *longer != START);
        }
        let mut next = self.state(at)?.longer;
        while let Some(longer) = next {
            let state = self.state(longer)?;
            if state.byte == byte {
                break;
            }
            next = state.sibling;
        }
        next
    }

    /// The state behind the start and `byte`.
    fn start(&self, byte: u8) -> usize {
        self.first.get(usize::from(byte)).copied().unwrap_or(START)
    }

    /// The state behind `byte`.
    fn step(&self, mut at: usize, byte: u8) -> usize {
        while at != START {
            match self.longer(at, byte) {
                Some(longer) => return longer,
                None => at = self.shorter(at),
            }
        }
        self.start(byte)
    }

    /// Adds to `found` what is filed under the literals that `text` contains.
    pub(super) fn find<'i>(&'i self, text: &[u8], found: &mut Found<'i>) {
        if self.states.is_empty() {
            return;
        }
        let mut at = START;
        for byte in text {
            at = self.step(at, byte.to_ascii_lowercase());
            if at == START {
                continue;
            }
            let mut ending = Some(at);
            while let Some(state) = ending.and_then(|at| self.state(at)) {
                found.extend(state.literal.and_then(|literal| self.places.get(literal)).map(Vec::as_slice));
                ending = state.ending;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    fn word(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        vec(prop::sample::select(b"abc".to_vec()), 1..longest)
    }

    proptest! {
        #[test]
        fn what_a_text_contains_is_found(literals in btree_set(word(5), 0..12), text in word(30)) {
            let filed = literals.iter().enumerate().map(|(place, literal)| (literal.as_slice(), vec![place])).collect();
            let automaton = Containing::of(filed);
            let mut found = Vec::new();
            automaton.find(&text.to_ascii_uppercase(), &mut found);
            let mut found = found.concat();
            let mut contained: Vec<usize> = Vec::new();
            for (place, literal) in literals.iter().enumerate() {
                let ends = text.windows(literal.len()).filter(|part| part == literal).count();
                contained.extend(std::iter::repeat_n(place, ends));
            }
            found.sort_unstable();
            prop_assert_eq!(found, contained);
        }
    }
}

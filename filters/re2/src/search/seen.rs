//! Which states were seen already.

use regex_automata::util::primitives::StateID;

/// A set of states that is emptied at no cost.
#[derive(Debug)]
pub(super) struct Seen {
    rounds: Vec<u32>,
    round: u32,
}

impl Seen {
    /// An empty set of some of so many `states`.
    pub(super) fn of(states: usize) -> Self {
        Self { rounds: vec![0; states], round: 0 }
    }

    /// Empties the set.
    pub(super) fn clear(&mut self) {
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.rounds.fill(0);
            self.round = 1;
        }
    }

    /// Adds `state`; whether it was not there.
    pub(super) fn insert(&mut self, state: StateID) -> bool {
        let round = self.rounds.get_mut(state.as_usize());
        round.is_some_and(|round| std::mem::replace(round, self.round) != self.round)
    }
}

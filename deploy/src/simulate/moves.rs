//! Who moves: the same clients before and after a change of the rules.

use super::run::{Run, Target};
use std::collections::BTreeMap;

/// How many keys are kept of those that move from one destination to another.
const EXAMPLES: usize = 3;

/// Where requests went before, and where they go then.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    cells: BTreeMap<(Target, Target), Cell>,
}

/// The requests that went from one destination to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) requests: u64,
    /// The first few keys.
    pub(crate) keys: Vec<String>,
}

/// The same by the destinations' names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Matrix(pub(crate) BTreeMap<(String, String), Cell>);

impl Moves {
    /// A request of the client known by `key`.
    pub(crate) fn add(&mut self, before: Target, then: Target, key: Option<&str>) {
        let cell = self.cells.entry((before, then)).or_default();
        cell.requests += 1;
        if let Some(key) = key.filter(|key| cell.keys.len() < EXAMPLES && !cell.keys.iter().any(|kept| kept == key)) {
            cell.keys.push(key.to_owned());
        }
    }

    /// By names: a destination that two rules have is one.
    pub(crate) fn matrix(&self, before: &Run<'_>, then: &Run<'_>) -> Matrix {
        let mut matrix = Matrix::default();
        for ((from, to), cell) in &self.cells {
            let whole = matrix.0.entry((before.name_of(*from), then.name_of(*to))).or_default();
            whole.requests += cell.requests;
            whole.keys.extend(cell.keys.iter().cloned());
            whole.keys.truncate(EXAMPLES);
        }
        matrix
    }
}

impl Matrix {
    /// Those that move, by where from and where to.
    pub(crate) fn moving(&self) -> impl Iterator<Item = (&str, &str, &Cell)> {
        let cells = self.0.iter().filter(|((from, to), _)| from != to);
        cells.map(|((from, to), cell)| (from.as_str(), to.as_str(), cell))
    }

    /// How many requests move.
    pub(crate) fn moved(&self) -> u64 {
        self.moving().map(|(_, _, cell)| cell.requests).sum()
    }

    /// The sum of what destinations gain: fewer requests cannot move between these two splits.
    pub(crate) fn gained(&self) -> u64 {
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for ((from, to), cell) in &self.0 {
            counts.entry(from).or_default().0 += cell.requests;
            counts.entry(to).or_default().1 += cell.requests;
        }
        counts.values().map(|(before, then)| then.saturating_sub(*before)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(cells: &[(&str, &str, u64)]) -> Matrix {
        let cell = |requests| Cell { requests, keys: Vec::new() };
        Matrix(cells.iter().map(|(from, to, requests)| (((*from).into(), (*to).into()), cell(*requests))).collect())
    }

    #[test]
    fn a_change_to_and_fro_moves_more_than_it_must() {
        let fro = matrix(&[("v1", "v1", 80), ("v1", "v2", 10), ("v2", "v1", 4), ("v2", "v2", 6)]);
        assert_eq!((fro.moved(), fro.gained()), (14, 6));
    }

    #[test]
    fn where_only_gainers_are_moved_to_moves_what_is_gained() {
        let to = matrix(&[("v1", "v1", 80), ("v1", "v2", 10), ("v2", "v2", 10)]);
        assert_eq!((to.moved(), to.gained()), (10, 10));
    }
}

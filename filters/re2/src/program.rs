//! From what a pattern says to an automaton, in RE2's way.

use super::node::{Node, Repeat};
use super::utf8::{Bytes, sequences};
use crate::Encoding;
use regex_automata::nfa::thompson::{BuildError, Builder, NFA, Transition};
use regex_automata::util::primitives::StateID;
use std::collections::BTreeMap;

/// The bound on an automaton, in bytes: enough for 1,024 characters without large repetitions.
const LARGEST: usize = 1 << 20;

/// The last group that a rewrite can name.
pub(super) const LAST_GROUP: u32 = 9;

/// Why an automaton could not be built; boxed, because it is large.
type Failed = Box<BuildError>;

/// Compiles `node`.
pub(super) fn compile(node: &Node, encoding: Encoding) -> Result<NFA, String> {
    let compiler = Compiler { encoding, ..Compiler::default() };
    compiler.compile(node).map_err(|error| match error.size_limit() {
        Some(limit) => format!("needs more than {limit} bytes when compiled"),
        None => error.to_string(),
    })
}

/// An automaton in the making, from its end to its beginning.
#[derive(Default)]
struct Compiler {
    encoding: Encoding,
    builder: Builder,
    /// The states of the class that is being compiled, by what they do: what ends alike shares its end.
    known: BTreeMap<Vec<(Bytes, StateID)>, StateID>,
}

impl Compiler {
    fn compile(mut self, node: &Node) -> Result<NFA, Failed> {
        // Places between the bytes of a character count.
        self.builder.set_utf8(false);
        self.builder.set_size_limit(Some(LARGEST))?;
        self.builder.start_pattern()?;
        let end = self.builder.add_match()?;
        let end = self.builder.add_capture_end(end, 0)?;
        let inner = self.node(node, end)?;
        let anchored = self.builder.add_capture_start(inner, 0, None)?;
        let unanchored = self.builder.add_union(Vec::new())?;
        let any = self.builder.add_range(Transition { start: 0, end: 0xff, next: unanchored })?;
        self.builder.patch(unanchored, anchored)?;
        self.builder.patch(unanchored, any)?;
        self.builder.finish_pattern(anchored)?;
        Ok(self.builder.build(anchored, unanchored)?)
    }

    /// Adds the states for `node`, to be followed by `next`; gives the first.
    fn node(&mut self, node: &Node, next: StateID) -> Result<StateID, Failed> {
        match node {
            Node::Empty => Ok(next),
            Node::Char(code_point) => self.class(&[(*code_point, *code_point)], next),
            Node::Class(set) => self.class(set.ranges(), next),
            Node::Look(look) => Ok(self.builder.add_look(next, *look)?),
            Node::Concat(nodes) => nodes.iter().rev().try_fold(next, |next, node| self.node(node, next)),
            Node::Alternate(nodes) => {
                let starts = nodes.iter().map(|node| self.node(node, next)).collect::<Result<_, _>>()?;
                Ok(self.builder.add_union(starts)?)
            }
            Node::Repeat(repeat) => self.repeat(repeat, next),
            Node::Capture(index, node) if *index <= LAST_GROUP => {
                let end = self.builder.add_capture_end(next, *index)?;
                let start = self.node(node, end)?;
                Ok(self.builder.add_capture_start(start, *index, None)?)
            }
            Node::Capture(_, node) => self.node(node, next),
        }
    }

    fn repeat(&mut self, repeat: &Repeat, next: StateID) -> Result<StateID, Failed> {
        let mut start = next;
        let mut copies = repeat.min;
        if let Some(max) = repeat.max {
            for _ in repeat.min..max {
                let body = self.node(&repeat.node, start)?;
                start = self.either(body, next, repeat.greedy)?;
            }
        } else if repeat.min > 0 {
            start = self.once_or_more(repeat, next)?;
            copies -= 1;
        } else if repeat.of_empty {
            // As RE2 does: with a single choice, the order of what is tried would be wrong.
            let body = self.once_or_more(repeat, next)?;
            start = self.either(body, next, repeat.greedy)?;
        } else {
            start = self.circle(repeat, next)?.0;
        }
        for _ in 0..copies {
            start = self.node(&repeat.node, start)?;
        }
        Ok(start)
    }

    fn once_or_more(&mut self, repeat: &Repeat, next: StateID) -> Result<StateID, Failed> {
        Ok(self.circle(repeat, next)?.1)
    }

    /// The choice between once more and `next`, and what is to be done once more.
    fn circle(&mut self, repeat: &Repeat, next: StateID) -> Result<(StateID, StateID), Failed> {
        let choice = self.builder.add_union(Vec::new())?;
        let body = self.node(&repeat.node, choice)?;
        let (first, second) = if repeat.greedy { (body, next) } else { (next, body) };
        self.builder.patch(choice, first)?;
        self.builder.patch(choice, second)?;
        Ok((choice, body))
    }

    fn either(&mut self, body: StateID, next: StateID, greedy: bool) -> Result<StateID, Failed> {
        Ok(self.builder.add_union(if greedy { vec![body, next] } else { vec![next, body] })?)
    }

    /// Adds the states for one of the code points in `ranges`.
    fn class(&mut self, ranges: &[(u32, u32)], next: StateID) -> Result<StateID, Failed> {
        self.known.clear();
        self.sequences(&sequences(ranges, self.encoding), 0, next)
    }

    /// Adds the states for the bytes from `depth` on of `sequences`, which agree on those before.
    fn sequences(&mut self, sequences: &[Vec<Bytes>], depth: usize, next: StateID) -> Result<StateID, Failed> {
        let mut choices = Vec::new();
        for alike in sequences.chunk_by(|one, other| one.get(depth) == other.get(depth)) {
            let Some((sequence, &bytes)) = alike.first().and_then(|first| Some((first, first.get(depth)?))) else {
                continue;
            };
            let then = if sequence.len() == depth + 1 { next } else { self.sequences(alike, depth + 1, next)? };
            choices.push((bytes, then));
        }
        if let Some(&known) = self.known.get(&choices) {
            return Ok(known);
        }
        let transitions = choices.iter().map(|&((start, end), next)| Transition { start, end, next }).collect();
        let state = self.builder.add_sparse(transitions)?;
        self.known.insert(choices, state);
        Ok(state)
    }
}

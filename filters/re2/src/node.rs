//! What a pattern says, as a tree.

use super::code_points::CodePoints;
use regex_automata::util::look::Look;

/// A part of a regular expression.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Nothing, which is everywhere.
    Empty,
    /// One character.
    Char(u32),
    /// One character out of a set.
    Class(CodePoints),
    /// A place in the text, not a part of it.
    Look(Look),
    /// One after the other.
    Concat(Vec<Node>),
    /// The first of these that leads to a match.
    Alternate(Vec<Node>),
    /// The same several times.
    Repeat(Box<Repeat>),
    /// A group, by its number from 1.
    Capture(u32, Box<Node>),
}

/// A repetition.
#[derive(Clone, Debug)]
pub(super) struct Repeat {
    /// What is repeated.
    pub(super) node: Node,
    /// How often at least.
    pub(super) min: u32,
    /// How often at most.
    pub(super) max: Option<u32>,
    /// Rather more often than less.
    pub(super) greedy: bool,
    /// Whether the repetition is written with a count.
    pub(super) counted: bool,
    /// Whether what is repeated can match the empty text.
    pub(super) of_empty: bool,
}

impl Node {
    /// `nodes` one after the other.
    pub(super) fn concat(mut nodes: Vec<Node>) -> Node {
        match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Concat(nodes),
        }
    }

    /// One of `nodes`. Characters next to each other become a class, and all of them one that matches more than each
    /// (RE2, `FactorAlternationImpl`, round 3; [`utf8::encode`](super::utf8::encode)).
    pub(super) fn alternate(alternatives: Vec<Node>) -> Node {
        let mut nodes: Vec<Node> = Vec::with_capacity(alternatives.len());
        for node in alternatives {
            match (nodes.last().and_then(Node::characters), node.characters()) {
                (Some(mut before), Some(characters)) => {
                    before.add(&characters);
                    nodes.pop();
                    nodes.push(Node::Class(before));
                }
                _ => nodes.push(node),
            }
        }
        match nodes.len() {
            0 => Node::Empty,
            1 => nodes.pop().unwrap_or(Node::Empty),
            _ => Node::Alternate(nodes),
        }
    }

    /// The characters of which this is one.
    fn characters(&self) -> Option<CodePoints> {
        match self {
            Node::Char(code_point) => Some(CodePoints::of(&[(*code_point, *code_point)])),
            Node::Class(set) => Some(set.clone()),
            _ => None,
        }
    }

    /// Whether the empty text can match.
    pub(super) fn can_be_empty(&self) -> bool {
        match self {
            Node::Empty | Node::Look(_) => true,
            Node::Char(_) | Node::Class(_) => false,
            Node::Concat(nodes) => nodes.iter().all(Node::can_be_empty),
            Node::Alternate(nodes) => nodes.iter().any(Node::can_be_empty),
            Node::Repeat(repeat) => repeat.min == 0 || repeat.of_empty,
            Node::Capture(_, node) => node.can_be_empty(),
        }
    }

    /// How many nodes are within each other.
    pub(super) fn height(&self) -> usize {
        match self {
            Node::Empty | Node::Char(_) | Node::Class(_) | Node::Look(_) => 1,
            Node::Concat(nodes) | Node::Alternate(nodes) => 1 + nodes.iter().map(Node::height).max().unwrap_or(0),
            Node::Repeat(repeat) => 1 + repeat.node.height(),
            Node::Capture(_, node) => 1 + node.height(),
        }
    }

    /// What is left of `allowed` copies once the counts in here have divided it; 0 says that they ask for more
    /// (RE2, `RepetitionWalker`).
    pub(super) fn copies_left(&self, allowed: u32) -> u32 {
        match self {
            Node::Empty | Node::Char(_) | Node::Class(_) | Node::Look(_) => allowed,
            Node::Concat(nodes) | Node::Alternate(nodes) => {
                nodes.iter().map(|node| node.copies_left(allowed)).min().unwrap_or(allowed)
            }
            Node::Repeat(repeat) if repeat.counted => {
                let copies = repeat.max.unwrap_or(repeat.min).max(1);
                repeat.node.copies_left(allowed / copies)
            }
            Node::Repeat(repeat) => repeat.node.copies_left(allowed),
            Node::Capture(_, node) => node.copies_left(allowed),
        }
    }
}

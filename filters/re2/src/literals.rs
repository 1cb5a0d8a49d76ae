//! What a text must contain for a pattern to match it, wherever it stands: RE2's prefilter (`re2/prefilter.cc`).
//!
//! Upper and lower case of ASCII are one here, so that `(?i)jason` asks for one literal and not for 32.

use super::node::Node;
use super::utf8::{Bytes, sequences};
use crate::Encoding;
use std::collections::BTreeSet;

/// Literals, none of them empty and all in lower case: a value that matches contains at least one of them.
pub type Literals = BTreeSet<Vec<u8>>;

/// The bound on the literals of one set; a part of a pattern that matches more texts says nothing.
const MOST: usize = 128;

/// The bound on the characters of one class, upper and lower case counted apart; RE2 has 10.
const MOST_CHARACTERS: usize = 20;

/// The sets of literals of each of which a value must contain one for `node` to match the whole of it.
pub(super) fn required(node: &Node, encoding: Encoding) -> Vec<Literals> {
    Info::of(node, encoding).into_required()
}

/// What is known of the texts that a part of a pattern matches; RE2's `Prefilter::Info`.
struct Info {
    /// The texts, if they are few and known.
    exact: Option<Literals>,
    /// Else the sets of each of which every text contains one.
    required: Vec<Literals>,
}

impl Info {
    /// Nothing is known: the texts may be any.
    const NOTHING: Self = Self { exact: None, required: Vec::new() };

    fn of(node: &Node, encoding: Encoding) -> Self {
        match node {
            Node::Empty | Node::Look(_) => Self::exactly(empty()),
            Node::Char(code_point) => Self::character(&[(*code_point, *code_point)], encoding),
            Node::Class(set) => Self::character(set.ranges(), encoding),
            Node::Capture(_, node) => Self::of(node, encoding),
            Node::Concat(nodes) => Self::all(nodes.iter().map(|node| Self::of(node, encoding))),
            Node::Alternate(nodes) => Self::any(nodes.iter().map(|node| Self::of(node, encoding)).collect()),
            Node::Repeat(repeat) => {
                let info = Self::of(&repeat.node, encoding);
                match (repeat.min, repeat.max) {
                    (0, Some(1)) => Self::any(vec![info, Self::exactly(empty())]),
                    (0, _) => Self::NOTHING,
                    (1, Some(1)) => info,
                    _ => Self { exact: None, required: info.into_required() },
                }
            }
        }
    }

    fn exactly(texts: Literals) -> Self {
        Self { exact: Some(texts), required: Vec::new() }
    }

    /// One character of `ranges`.
    fn character(ranges: &[(u32, u32)], encoding: Encoding) -> Self {
        let sequences = sequences(ranges, encoding);
        let size = |sequence: &Vec<Bytes>| -> usize {
            sequence.iter().map(|&(from, to)| usize::from(to - from) + 1).product()
        };
        // A class without characters matches nothing, which is no reason to look for nothing.
        if sequences.is_empty() || sequences.iter().map(size).sum::<usize>() > MOST_CHARACTERS {
            return Self::NOTHING;
        }
        let texts = sequences.into_iter().flat_map(|sequence| {
            sequence.into_iter().fold(vec![Vec::new()], |starts, (from, to)| {
                let longer = |start: Vec<u8>| (from..=to).map(move |byte| [start.as_slice(), &[byte]].concat());
                starts.into_iter().flat_map(longer).collect()
            })
        });
        Self::exactly(gather(texts.map(|text| text.to_ascii_lowercase())))
    }

    /// All of `parts`, one after the other.
    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut run = empty();
        let mut required = Vec::new();
        let mut exact = true;
        for part in parts {
            match part.exact {
                Some(texts) if run.len() * texts.len() <= MOST => {
                    run = gather(run.iter().flat_map(|start| texts.iter().map(|end| [&start[..], end].concat())));
                }
                texts => {
                    exact = false;
                    required.extend(telling(std::mem::replace(&mut run, texts.unwrap_or_else(empty))));
                    required.extend(part.required);
                }
            }
        }
        if exact {
            return Self::exactly(run);
        }
        required.extend(telling(run));
        Self { exact: None, required }
    }

    /// One of `choices`.
    fn any(choices: Vec<Self>) -> Self {
        if let Some(texts) = choices.iter().map(|choice| choice.exact.as_ref()).collect::<Option<Vec<_>>>() {
            let texts: Literals = gather(texts.into_iter().flatten().cloned());
            if texts.len() <= MOST {
                return Self::exactly(texts);
            }
        }
        // Of each choice its most telling set; a choice of which nothing is known may be anything.
        let sets = choices.into_iter().map(|choice| choice.into_required().into_iter().max_by_key(shortest));
        let one_of = sets.collect::<Option<Vec<_>>>().map(|sets| gather(sets.into_iter().flatten()));
        Self { exact: None, required: one_of.and_then(telling).into_iter().collect() }
    }

    fn into_required(self) -> Vec<Literals> {
        match self.exact {
            Some(texts) => telling(texts).into_iter().collect(),
            None => self.required,
        }
    }
}

/// The set of `texts`. Collecting would compile the library's sort, 8 KB, where a module is to be small.
fn gather(texts: impl IntoIterator<Item = Vec<u8>>) -> Literals {
    let mut gathered = Literals::new();
    gathered.extend(texts);
    gathered
}

/// The empty text alone.
fn empty() -> Literals {
    gather([Vec::new()])
}

/// The set, unless nearly every value contains one of it.
fn telling(texts: Literals) -> Option<Literals> {
    match shortest(&texts) {
        0 => None,
        1 => (texts.len() == 1).then_some(texts),
        _ => Some(texts),
    }
}

/// The length of the shortest literal.
fn shortest(texts: &Literals) -> usize {
    texts.iter().map(Vec::len).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::Encoding;
    use crate::Regex;
    use crate::wasm_test::test;

    fn required(pattern: &str) -> Vec<String> {
        let regex = Regex::compile(pattern, Encoding::Utf8).unwrap();
        let text = |literal: &Vec<u8>| String::from_utf8_lossy(literal).into_owned();
        regex.required().iter().map(|set| set.iter().map(text).collect::<Vec<_>>().join("|")).collect()
    }

    #[test]
    fn characters_in_a_row_are_a_literal() {
        assert_eq!(required("jason"), ["jason"]);
        assert_eq!(required("^(.*?;)?(user=jason)(;.*)?$"), ["user=jason"]);
        assert_eq!(required("/api/v[12]/users/[0-9]+/cart"), ["/api/v1/users/|/api/v2/users/", "/cart"]);
        assert_eq!(required(r"https?://a\.example/.*"), ["http://a.example/|https://a.example/"]);
    }

    #[test]
    fn of_alternatives_one_is_asked_for() {
        assert_eq!(required("user=(jason|anna)"), ["user=anna|user=jason"]);
        assert_eq!(required(".*jason.*|.*anna.*|ab+.*"), [""; 0], "a and b alone are in most values");
        assert_eq!(required("jason|.*"), [""; 0]);
        assert_eq!(required("(jason)?"), [""; 0], "an empty value matches");
    }

    #[test]
    fn what_may_be_absent_is_not_asked_for() {
        assert_eq!(required(".*"), [""; 0]);
        assert_eq!(required("(abc)*x{0}.?"), [""; 0]);
        assert_eq!(required("(abc)+.*"), ["abc"]);
        assert_eq!(required("ab{2,3}c"), ["a", "b", "c"]);
    }

    #[test]
    fn upper_and_lower_case_are_one() {
        assert_eq!(required("(?i)Anna"), ["anna"]);
        assert_eq!(required("(?i)jason"), ["jason|ja\u{17f}on"], "the long s is an s");
        assert_eq!(required("[Jj]ane"), ["jane"]);
    }

    #[test]
    fn a_part_that_matches_many_texts_says_nothing() {
        assert_eq!(required("[0-9]+[a-f]"), [""; 0]);
        assert_eq!(required("é[^/]ß"), ["é", "ß"]);
        let pairs = required("[a-h][a-h][a-h]x");
        assert_eq!(pairs.len(), 2, "8 times 8 times 8 are too many");
        assert!(pairs[0].starts_with("aa|ab|") && pairs[1].starts_with("ax|bx|"), "{pairs:?}");
    }
}

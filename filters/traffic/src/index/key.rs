//! What a request must have to meet a match.

use crate::matching::{Conditions, HeaderCondition, TextCondition};
use std::cmp::Reverse;

/// A text of a request that is like something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    pub(super) of: Part<'a>,
    pub(super) like: Like<'a>,
}

/// A part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part<'a> {
    Path,
    /// The path, upper and lower case of which are one.
    PathInAnyCase,
    Header(&'a str),
    Parameter(&'a str),
    Claim(&'a [String]),
}

/// What a text must be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Like<'a> {
    Exact(&'a [u8]),
    Prefix(&'a [u8]),
    /// It contains this, which is in lower case, in whichever case.
    Containing(&'a [u8]),
    Anything,
}

/// The sets of keys of each of which a request must have one to meet `conditions`.
pub(super) fn choices(conditions: &Conditions) -> Vec<Vec<Key<'_>>> {
    let mut choices = Vec::new();
    if let Some(path) = &conditions.path {
        let any_case = if path.any_case { Part::PathInAnyCase } else { Part::Path };
        let of = if matches!(path.text, TextCondition::Regex(_)) { Part::Path } else { any_case };
        add(&mut choices, of, &path.text);
        // Every request has a path.
        choices.retain(|keys| keys.iter().all(|key| key.like != Like::Anything));
    }
    for condition in &conditions.headers {
        // A header that must not be there, or not be like this, is no key: requests meet the match without it.
        if let HeaderCondition { name, text, without: false } = condition {
            add(&mut choices, Part::Header(name), text);
        }
    }
    for condition in &conditions.query {
        add(&mut choices, Part::Parameter(&condition.name), &condition.text);
    }
    for condition in conditions.claims.iter().filter(|condition| !condition.without) {
        add(&mut choices, Part::Claim(&condition.path), &condition.text);
    }
    choices
}

fn add<'a>(choices: &mut Vec<Vec<Key<'a>>>, of: Part<'a>, text: &'a TextCondition) {
    let mut one = |like| choices.push(vec![Key { of, like }]);
    match text {
        TextCondition::Exact(text) => one(Like::Exact(text)),
        TextCondition::Prefix(text) if !text.is_empty() => one(Like::Prefix(text)),
        TextCondition::Prefix(_) | TextCondition::Present => one(Like::Anything),
        TextCondition::Regex(regex) => {
            one(Like::Anything);
            for literals in regex.required() {
                choices.push(literals.iter().map(|text| Key { of, like: Like::Containing(text) }).collect());
            }
        }
    }
}

impl Like<'_> {
    /// What it costs, more or less, to file a match under this: how often requests have such a text in vain, and how dear it
    /// is to find out. The second number breaks ties: a long text is rarer than a short one.
    pub(super) fn cost(self) -> (usize, Reverse<usize>) {
        match self {
            Like::Exact(_) => (1, Reverse(usize::MAX)),
            Like::Prefix(text) => (2, Reverse(text.len())),
            Like::Containing(text) => (4, Reverse(text.len())),
            Like::Anything => (16, Reverse(0)),
        }
    }
}

//! What a request must have to meet a match.

use crate::matching::{Conditions, Part, TextCondition};
use serin_re2::Literals;
use std::cmp::Reverse;

/// A part of a request, and the text it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'a> {
    pub(super) of: Part<'a>,
    pub(super) like: Like<'a>,
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

/// Keys of which a request must have one.
pub(super) type OneOf<'a> = Vec<Key<'a>>;

/// The sets of keys of each of which a request must have one to meet `conditions`.
pub(super) fn choices(conditions: &Conditions) -> Vec<OneOf<'_>> {
    let mut choices = of_all(conditions.texts());
    if let Some(when) = &conditions.when {
        let mut entries: Vec<_> = when.texts().map(of_all).collect();
        match entries.as_mut_slice() {
            [only] => choices.append(only),
            _ => choices.extend(of_any(entries)),
        }
    }
    choices
}

/// The choices for texts all of which must be like that.
fn of_all<'a>(texts: impl Iterator<Item = (Part<'a>, &'a TextCondition)>) -> Vec<OneOf<'a>> {
    let mut choices = Vec::new();
    for (of, text) in texts {
        match text {
            TextCondition::Exact(text) => choices.push(vec![Key { of, like: Like::Exact(text) }]),
            TextCondition::Prefix(text) if !text.is_empty() => choices.push(vec![Key { of, like: Like::Prefix(text) }]),
            TextCondition::Regex(regex) => {
                choices.extend(regex.required().iter().map(|literals| containing(of, literals)))
            }
            TextCondition::Prefix(_) | TextCondition::Present => {}
        }
        if !of.is_always_there() {
            choices.push(vec![Key { of, like: Like::Anything }]);
        }
    }
    choices
}

fn containing<'a>(of: Part<'a>, literals: &'a Literals) -> OneOf<'a> {
    literals.iter().map(|text| Key { of, like: Like::Containing(text) }).collect()
}

/// The choice for alternatives, which is there if each has one: of each that which looks cheapest.
fn of_any(alternatives: Vec<Vec<OneOf<'_>>>) -> Option<OneOf<'_>> {
    let cheapest = alternatives.into_iter().map(|choices| choices.into_iter().min_by_key(|keys| cost(keys, |_| 1)));
    cheapest.collect::<Option<Vec<_>>>().map(|keys| keys.concat())
}

/// Rough cost of indexing a match under `keys`: how often a request hits them without matching, and how expensive the lookup
/// is. The second number breaks ties: a long text is rarer than a short one.
pub(super) fn cost(keys: &[Key<'_>], sharers: impl Fn(&Key<'_>) -> usize) -> (usize, Reverse<usize>) {
    let (mut sum, mut shortest) = (0, usize::MAX);
    for key in keys {
        let (each, length) = match key.like {
            Like::Exact(_) => (1, usize::MAX),
            Like::Prefix(text) => (2, text.len()),
            Like::Containing(text) => (4, text.len()),
            Like::Anything => (16, 0),
        };
        let to_read = if key.of.is_expensive() { 8 } else { 1 };
        sum += each * to_read * sharers(key);
        shortest = shortest.min(length);
    }
    (sum, Reverse(shortest))
}

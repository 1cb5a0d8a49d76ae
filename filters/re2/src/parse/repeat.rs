//! Repetitions.

use super::Parser;
use crate::node::{Node, Repeat};

/// How many copies repetitions with counts may ask for, also nested ones together (RE2, `maximum_repeat_count`).
const MOST: u32 = 1000;

/// What `{2,5}` says, but for a `?` after it.
struct Count {
    min: u32,
    max: Option<u32>,
    /// Its length in bytes.
    length: usize,
}

impl<'p> Parser<'p> {
    /// Parses `*`, `+`, `?` or a count, each with or without a `?` after it; a `{` that begins no count is a literal.
    ///
    /// `repeated` is the rest from the repetition on that is right before it.
    pub(super) fn repetition(&mut self, character: char, repeated: Option<&'p str>) -> Result<(), String> {
        let start = self.rest;
        let Count { min, max, length } = match character {
            '*' => Count { min: 0, max: None, length: 1 },
            '+' => Count { min: 1, max: None, length: 1 },
            '?' => Count { min: 0, max: Some(1), length: 1 },
            _ => match count(start) {
                Some(count) => count,
                None => {
                    self.rest = self.after(1);
                    self.literal(character.into());
                    return Ok(());
                }
            },
        };
        self.rest = self.after(length);
        let lazy = self.rest.starts_with('?');
        self.rest = self.after(usize::from(lazy));
        if let Some(repeated) = repeated {
            return Err(format!("bad repetition {}", self.since(repeated)));
        }
        let written = self.since(start);
        let counted = character == '{';
        if counted && (min > MOST || max.is_some_and(|max| max > MOST)) {
            return Err(format!("repeat count over {MOST}: {written}"));
        }
        if max.is_some_and(|max| max < min) {
            return Err(format!("repeat count from high to low: {written}"));
        }
        let Some(node) = self.group.nodes.pop() else {
            return Err(format!("nothing to repeat before {written}"));
        };
        let of_empty = node.can_be_empty();
        let repeat =
            Node::Repeat(Box::new(Repeat { node, min, max, greedy: lazy == self.flags.ungreedy, counted, of_empty }));
        if counted && max.unwrap_or(min).max(min) >= 2 && repeat.copies_left(MOST) == 0 {
            return Err(format!("repeat counts that multiply to over {MOST}: {written}"));
        }
        self.push(repeat);
        self.repeated = Some(start);
        Ok(())
    }
}

/// Reads `{2}`, `{2,}` or `{2,5}` at the beginning of `text`; `{,5}` is none, nor is one with a leading zero.
fn count(text: &str) -> Option<Count> {
    let inner = text.strip_prefix('{')?;
    let (min, rest) = number(inner)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => number(rest).map(|(max, rest)| (Some(max), rest))?,
    };
    let rest = rest.strip_prefix('}')?;
    Some(Count { min, max, length: text.len() - rest.len() })
}

/// Reads a number, which is as good as any other when it is far too large.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at_checked(end)?;
    if digits.is_empty() || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some((digits.parse().unwrap_or(u32::MAX), rest))
}

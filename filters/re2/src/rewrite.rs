//! What replaces the matches of a regular expression: `RE2::GlobalReplace`.

use super::search::Search;
use super::utf8;
use crate::{Encoding, Error, Regex};
use std::sync::Arc;

/// The bound on what a rewrite may add to a text, in bytes: more than any server accepts as a path. Later matches stay as they are.
const MOST_ADDED: usize = 1 << 20;

/// Text with groups in it, `\0` to `\9`, to put in the place of the matches of an expression.
#[derive(Clone, Debug)]
pub struct Rewrite {
    parts: Vec<Part>,
    search: Arc<Search>,
    encoding: Encoding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Vec<u8>),
    Group(u8),
}

impl Rewrite {
    /// Compiles what is to replace the matches of `regex`.
    ///
    /// # Errors
    ///
    /// An [`Error`] if it names a group that there is not, or ends in a `\\` (`RE2::CheckRewriteString`).
    pub fn compile(regex: &Regex, written: &str) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut text = String::new();
        let mut characters = written.chars();
        while let Some(character) = characters.next() {
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next() {
                Some('\\') => text.push('\\'),
                Some(digit @ '0'..='9') => {
                    let group = digit.to_digit(10).unwrap_or_default();
                    if group > regex.groups() {
                        return Err(format!(
                            "there is no group \\{digit}: `{}` has {}",
                            regex.as_str(),
                            regex.groups()
                        )
                        .into());
                    }
                    parts.push(Part::Text(std::mem::take(&mut text).into_bytes()));
                    parts.push(Part::Group(u8::try_from(group).unwrap_or_default()));
                }
                Some(other) => return Err(format!("\\{other} is neither a group, \\0 to \\9, nor \\\\").into()),
                None => return Err("\\ at the end".to_owned().into()),
            }
        }
        parts.push(Part::Text(text.into_bytes()));
        parts.retain(|part| !matches!(part, Part::Text(text) if text.is_empty()));
        Ok(Self { parts, search: Arc::new(Search::new(regex.nfa())), encoding: regex.encoding() })
    }

    /// `text` with every match replaced (`RE2::GlobalReplace`).
    pub fn replace_all(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let rest = |from: usize| text.get(from..).unwrap_or_default();
        self.search.lend(text, |matches| {
            let mut at = 0;
            let mut last_end = None;
            while let Some(groups) = matches.first_from(at) {
                let Some(found) = groups.get(0) else { break };
                out.extend_from_slice(text.get(at..found.start).unwrap_or_default());
                at = found.start;
                if found.is_empty() && last_end == Some(at) {
                    // Nothing right after a match is no match; then a whole character is passed over.
                    let length = match self.encoding {
                        Encoding::Latin1 => 1,
                        Encoding::Utf8 => utf8::first_len(rest(at)),
                    };
                    out.extend(rest(at).iter().take(length));
                    at += length;
                    continue;
                }
                let parts = self.parts.iter().map(|part| match part {
                    Part::Text(text) => text.as_slice(),
                    // A group that took no part in the match is empty.
                    Part::Group(group) => groups.get(*group).and_then(|range| text.get(range)).unwrap_or_default(),
                });
                if out.len() + parts.clone().map(<[u8]>::len).sum::<usize>() > found.end + MOST_ADDED {
                    break;
                }
                parts.for_each(|part| out.extend_from_slice(part));
                at = found.end;
                last_end = Some(at);
            }
            out.extend_from_slice(rest(at));
        });
        out
    }
}

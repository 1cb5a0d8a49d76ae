#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! A pattern is parsed (`parse`), compiled to an automaton (`program`) and run: whole texts by a DFA of `regex-automata`
//! that is built as needed, replacements by `search`, which also takes over where that DFA would be built for nearly every
//! byte. A pattern of bytes is parsed as the text of the same code points, and what it says of others is cut off. Rules are
//! cited from [RE2's syntax](https://github.com/google/re2/wiki/Syntax) and its source.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![deny(unsafe_code)]

mod code_points;
mod literals;
mod node;
mod parse;
mod pool;
mod program;
mod rewrite;
mod search;
#[cfg(test)]
mod tests;
mod unicode;
mod utf8;
#[cfg(test)]
mod wasm_test;

pub use literals::Literals;
pub use rewrite::Rewrite;

use pool::{Pool, Weight};
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::NFA;
use regex_automata::{Anchored, Input, MatchKind};
use search::Search;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The bound on the length of a pattern, in bytes.
pub const LONGEST: usize = 1024;

/// How much memory the states of one DFA may take, in bytes, before they are cleared.
const STATES: usize = 1 << 18;

/// How many bytes each state of a DFA has to serve, or else it is not worth building them (RE2, `DFA::InlinedSearchLoop`).
const BYTES_FOR_STATE: usize = 10;

/// What a character is. It shows only where pattern or text is not ASCII.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// A byte (`RE2::Latin1`).
    #[default]
    Latin1,
    /// A code point in UTF-8 (RE2's default).
    Utf8,
}

/// Why a pattern or a rewrite cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<String> for Error {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub struct Regex(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    pattern: String,
    groups: u32,
    encoding: Encoding,
    required: Vec<Literals>,
    dfa: DFA,
    cache: Pool<Cache>,
    /// What reads texts from their end where the DFA gives up; patterns are rarely large in both directions.
    backward: OnceLock<Search>,
}

impl Weight for Cache {
    fn bytes(&self) -> usize {
        self.memory_usage()
    }
}

impl Regex {
    /// Compiles `pattern`.
    ///
    /// # Errors
    ///
    /// An [`Error`] if RE2 or Go's `regexp` refuses the pattern, or if it is too long, too deep or too large.
    pub fn compile(pattern: &str, encoding: Encoding) -> Result<Self, Error> {
        if pattern.len() > LONGEST {
            return Err(format!("{} characters are more than {LONGEST}", pattern.len()).into());
        }
        let parsed = match encoding {
            Encoding::Utf8 => parse::parse(pattern, encoding)?,
            Encoding::Latin1 => {
                if !pattern.is_ascii() {
                    // Go, with which Istio checks, reads UTF-8.
                    parse::parse(pattern, Encoding::Utf8)?;
                }
                let bytes: String = pattern.bytes().map(char::from).collect();
                parse::parse(&bytes, encoding).map_err(|reason| as_written(&reason))?
            }
        };
        let nfa = program::compile(&parsed.node, encoding)?;
        // The longest match is the whole value if any match is.
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .cache_capacity(STATES)
            .skip_cache_capacity_check(true)
            .minimum_cache_clear_count(Some(0))
            .minimum_bytes_per_state(Some(BYTES_FOR_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|error| Error(error.to_string()))?;
        Ok(Self(Arc::new(Compiled {
            pattern: pattern.to_owned(),
            groups: parsed.groups,
            encoding,
            required: literals::required(&parsed.node, encoding),
            dfa,
            cache: Pool::default(),
            backward: OnceLock::new(),
        })))
    }

    /// Whether the expression matches the whole of `text` (`RE2::FullMatch`).
    pub fn is_full_match(&self, text: &[u8]) -> bool {
        let input = Input::new(text).anchored(Anchored::Yes);
        let Compiled { dfa, cache, .. } = &*self.0;
        let longest = cache.lend(|| dfa.create_cache(), |cache| dfa.try_search_fwd(cache, &input));
        match longest {
            Ok(end) => end.is_some_and(|end| end.offset() == text.len()),
            // The DFA gave up: it would be built for nearly every byte.
            Err(_) => self.0.backward.get_or_init(|| Search::new(dfa.get_nfa())).is_full_match(text),
        }
    }

    /// Sets of literals in lower case: a text must contain one of each, in whichever case, for the expression to match.
    pub fn required(&self) -> &[Literals] {
        &self.0.required
    }

    /// The pattern.
    pub fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// How many capturing groups there are.
    fn groups(&self) -> u32 {
        self.0.groups
    }

    /// What a character is.
    fn encoding(&self) -> Encoding {
        self.0.encoding
    }

    fn nfa(&self) -> &NFA {
        self.0.dfa.get_nfa()
    }
}

/// A message that quotes a pattern byte by byte, with the pattern as it was written.
fn as_written(message: &str) -> String {
    let mut bytes = Vec::with_capacity(message.len());
    for character in message.chars() {
        match u8::try_from(character) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

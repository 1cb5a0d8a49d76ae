//! Regular expressions that mean what they mean in Envoy: RE2's, with its default options.
//!
//! The pattern is parsed here ([`parse`]; RE2's syntax is that of no Rust crate), compiled to an automaton ([`program`])
//! and run: whole values by a DFA of `regex-automata` that is built as needed, replacements by [`search`], which also takes
//! over where that DFA would be built for nearly every byte. Both take time linear in the text. Refused is what RE2
//! refuses, and what Go's `regexp` refuses, which Istio asks first.
//!
//! A character is a byte or a code point in UTF-8, as Envoy has it by its version ([`RegexEncoding`]): a pattern of bytes is
//! parsed as the text of the same code points, and what it says of others is cut off.
//!
//! Rules are cited from [RE2's syntax](https://github.com/google/re2/wiki/Syntax) and its source.

mod code_points;
mod literals;
mod node;
mod parse;
mod program;
mod rewrite;
mod search;
mod spare;
#[cfg(test)]
mod tests;
mod unicode;
mod utf8;

pub(crate) use literals::Literals;
pub(crate) use rewrite::Rewrite;

use crate::written::RegexEncoding;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::NFA;
use regex_automata::{Anchored, Input, MatchKind};
use search::Search;
use spare::{Spare, Weight};
use std::sync::{Arc, OnceLock};

/// The bound on the length of a pattern, in bytes: Istio's (`validateStringMatchRegexp`).
pub(crate) const LONGEST: usize = 1024;

/// How much memory the states of one DFA may take, in bytes, before they are cleared.
const STATES: usize = 1 << 18;

/// How many bytes each state of a DFA has to serve, or else it is not worth building them (RE2, `DFA::InlinedSearchLoop`).
const BYTES_FOR_STATE: usize = 10;

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regex(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    pattern: String,
    groups: u32,
    encoding: RegexEncoding,
    required: Vec<Literals>,
    dfa: DFA,
    cache: Spare<Cache>,
    /// What reads texts from their end where the DFA gives up; patterns are rarely large in both directions.
    backward: OnceLock<Search>,
}

impl Weight for Cache {
    fn bytes(&self) -> usize {
        self.memory_usage()
    }
}

impl Regex {
    /// Compiles `pattern`, or says why it cannot be.
    pub(crate) fn compile(pattern: &str, encoding: RegexEncoding) -> Result<Self, String> {
        if pattern.len() > LONGEST {
            return Err(format!("{} characters are more than {LONGEST}", pattern.len()));
        }
        let parsed = match encoding {
            RegexEncoding::Utf8 => parse::parse(pattern, encoding)?,
            RegexEncoding::Latin1 => {
                if !pattern.is_ascii() {
                    // Go, with which Istio checks, reads UTF-8.
                    parse::parse(pattern, RegexEncoding::Utf8)?;
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
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Compiled {
            pattern: pattern.to_owned(),
            groups: parsed.groups,
            encoding,
            required: literals::required(&parsed.node, encoding),
            dfa,
            cache: Spare::default(),
            backward: OnceLock::new(),
        })))
    }

    /// Whether the expression matches the whole of `text` (`RE2::FullMatch`).
    pub(crate) fn is_full_match(&self, text: &[u8]) -> bool {
        let input = Input::new(text).anchored(Anchored::Yes);
        let Compiled { dfa, cache, .. } = &*self.0;
        let longest = cache.lend(|| dfa.create_cache(), |cache| dfa.try_search_fwd(cache, &input));
        match longest {
            Ok(end) => end.is_some_and(|end| end.offset() == text.len()),
            // The DFA gave up: it would be built for nearly every byte.
            Err(_) => self.0.backward.get_or_init(|| Search::new(dfa.get_nfa())).is_full_match(text),
        }
    }

    /// Sets of literals in lower case: a value must contain one of each, in whichever case, for the expression to match.
    pub(crate) fn required(&self) -> &[Literals] {
        &self.0.required
    }

    /// The pattern.
    pub(crate) fn as_str(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the pattern is `.*`, which Istio takes to match every path (`IsCatchAllRoute`).
    pub(crate) fn is_any(&self) -> bool {
        self.as_str() == ".*"
    }

    /// How many capturing groups there are.
    fn groups(&self) -> u32 {
        self.0.groups
    }

    /// What a character is.
    fn encoding(&self) -> RegexEncoding {
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

//! All matches of a text are those that a simulation finds one by one, and cost time linear in the text.

use super::compile;
use super::random::{likely, pattern, text};
use crate::search::Search;
use crate::wasm_test::test;
use crate::{Encoding, Regex};
use proptest::prelude::*;
use regex_automata::Input;
use regex_automata::nfa::thompson::NFA;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use std::ops::Range;

/// Where the groups of a match are.
type Found = [Option<Range<usize>>; 10];

/// The first match that begins at `from` or later, as a simulation of the automaton finds it.
fn simulated(nfa: &NFA, text: &[u8], from: usize) -> Option<Found> {
    let vm = PikeVM::new_from_nfa(nfa.clone()).unwrap();
    let mut slots = [None; 20];
    let known = nfa.group_info().slot_len().min(slots.len());
    vm.search_slots(&mut vm.create_cache(), &Input::new(text).range(from..), &mut slots[..known])?;
    let slot = |slot: usize| slots[slot].map(|slot| slot.get());
    Some(std::array::from_fn(|group| Some(slot(2 * group)?..slot(2 * group + 1)?)))
}

fn assert_same(pattern: &str, encoding: Encoding, memory: usize, text: &[u8]) {
    let regex = Regex::compile(pattern, encoding).unwrap();
    let search = Search::within(memory, regex.nfa());
    // The second time, it remembers.
    for _ in 0..2 {
        search.lend(text, |matches| {
            let mut from = 0;
            loop {
                let found: Option<Found> =
                    matches.first_from(from).map(|groups| std::array::from_fn(|group| groups.get(group as u8)));
                let context = || format!("{pattern} ({encoding:?}) in \"{}\" from {from}", text.escape_ascii());
                assert_eq!(found, simulated(regex.nfa(), text, from), "{}", context());
                let Some(whole) = found.and_then(|groups| groups[0].clone()) else { break };
                from = whole.end + usize::from(whole.is_empty());
                if from > text.len() {
                    break;
                }
            }
        });
    }
}

/// Patterns of which a deterministic automaton has a state for nearly every text, read from the one end or the other.
fn large() -> impl Strategy<Value = String> {
    (text("ab", 0..3), 6..14_u32, text("ab", 0..3)).prop_flat_map(|(before, count, after)| {
        prop::sample::select(vec![
            format!("{before}[ab]{{{count}}}{after}"),
            format!("({before}[ab]{{{count}}}a[ab]*|b)"),
            format!("(a|b)*?a(.{{{count}}})b{after}"),
            format!("(?:{before}|a[ab]{{{count}}}b|(ab)+?)+"),
            format!(r"\b?{after}[ab]{{{count}}}|$"),
        ])
    })
}

proptest! {
    #[test]
    fn matches_are_those_of_a_simulation(pattern in pattern(), texts in prop::collection::vec(likely(), 8)) {
        for text in &texts {
            assert_same(&pattern, Encoding::Utf8, 1 << 18, text.as_bytes());
        }
    }

    #[test]
    fn matches_in_any_bytes_are_those_of_a_simulation(pattern in pattern(), text in any::<Vec<u8>>()) {
        for encoding in [Encoding::Utf8, Encoding::Latin1] {
            assert_same(&pattern, encoding, 1 << 18, &text);
        }
    }

    #[test]
    fn matches_stay_the_same_where_what_is_known_is_forgotten(pattern in large(), text in text("aab/ \n", 100..500)) {
        assert_same(&pattern, Encoding::Latin1, 0, text.as_bytes());
    }
}

#[test]
fn a_long_text_matches_or_not_where_the_automaton_gives_up() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let letter = |_| {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state >> 40 & 1 == 0 { b'a' } else { b'b' }
    };
    let text: Vec<u8> = (0..60 << 10).map(letter).collect();
    for (pattern, last) in
        [("[ab]*a[ab]{16}", "a"), ("(?:[ab]{17}|[ab]*b[ab]{14}a[ab]*)z?", ""), ("[ab]*a[ab]{15}z", "z")]
    {
        let regex = compile(pattern).unwrap();
        for before in [b'a', b'b'] {
            let mut text = text.clone();
            let place = text.len() - 16;
            text[place] = before;
            text.extend_from_slice(last.as_bytes());
            let expected = match pattern {
                "[ab]*a[ab]{16}" | "[ab]*a[ab]{15}z" => text[text.len() - 17] == b'a',
                _ => true,
            };
            assert_eq!(regex.is_full_match(&text), expected, "{pattern}");
        }
    }
}

#[test]
fn matches_in_a_long_text_are_those_of_a_simulation() {
    let text: Vec<u8> = b"/ab/a.php/x".iter().copied().cycle().take(5_000).collect();
    for pattern in [r"([a-z]+)(/[a-z]+)*\.php|/", "(a.*z)|(a)", "b/a", "(?:ab|x)$", "", "^/", "[^/]{3}", "(.*)(x)"] {
        assert_same(pattern, Encoding::Latin1, 1 << 18, &text);
        assert_same(pattern, Encoding::Utf8, 0, &text);
    }
}

//! Properties of random patterns and texts.

use super::compile;
use crate::search::Search;
use crate::wasm_test::test;
use crate::{Encoding, Regex, Rewrite};
use proptest::prelude::*;
use std::ops::Range;

/// Patterns that mean the same to the `regex` crate without Unicode classes, for text in ASCII.
pub(super) fn pattern() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        text("abcAk /1_-", 1..2),
        prop::sample::select(vec![
            ".",
            "^",
            "$",
            r"\b",
            r"\B",
            r"\d",
            r"\D",
            r"\w",
            r"\W",
            r"\S",
            "[a-c]",
            "[^ab]",
            "[[:alpha:]]",
            "[k1-]",
            r"\.",
            r"\x41",
            r"\n",
            "()",
            "(?i:k)",
            "(?s:.)",
            "(?m:^)",
            "(?m:$)",
        ])
        .prop_map(str::to_owned),
    ];
    atom.prop_recursive(4, 24, 3, |inner| {
        let repetition =
            prop::sample::select(vec!["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{0}", "{1,}"]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| parts.join("|")),
            inner.clone().prop_map(|part| format!("({part})")),
            (inner, repetition).prop_map(|(part, repetition)| format!("(?:{part}){repetition}")),
        ]
    })
}

/// So many of these characters.
pub(super) fn text(characters: &str, count: Range<usize>) -> impl Strategy<Value = String> + use<> {
    let character = prop::sample::select(characters.chars().collect::<Vec<_>>());
    prop::collection::vec(character, count).prop_map(String::from_iter)
}

/// Text that has a chance to be matched.
pub(super) fn likely() -> impl Strategy<Value = String> {
    text(
        "abckAK /1_.
-",
        0..9,
    )
}

/// The same pattern, for the `regex` crate.
fn other(pattern: &str, anchored: bool) -> regex::bytes::Regex {
    let whole = if anchored { format!(r"\A(?:{pattern})\z") } else { pattern.to_owned() };
    regex::bytes::RegexBuilder::new(&whole).unicode(false).build().unwrap()
}

proptest! {
    #[test]
    fn what_is_common_means_the_same(pattern in pattern(), texts in prop::collection::vec(likely(), 8)) {
        let regex = compile(&pattern).unwrap();
        let expected = other(&pattern, true);
        for text in &texts {
            prop_assert_eq!(regex.is_full_match(text.as_bytes()), expected.is_match(text.as_bytes()), "{} {:?}", pattern, text);
        }
    }

    #[test]
    fn whole_texts_match_the_same_from_their_end(pattern in pattern(), texts in prop::collection::vec(likely(), 8)) {
        let regex = compile(&pattern).unwrap();
        let backward = Search::new(regex.nfa());
        for text in texts.iter().map(String::as_bytes) {
            prop_assert_eq!(backward.is_full_match(text), regex.is_full_match(text), "{} {:?}", pattern, text);
        }
    }

    #[test]
    fn where_all_is_ascii_bytes_are_characters(pattern in pattern(), texts in prop::collection::vec(likely(), 8)) {
        let as_text = compile(&pattern).unwrap();
        let as_bytes = Regex::compile(&pattern, Encoding::Latin1).unwrap();
        for text in texts.iter().map(String::as_bytes) {
            prop_assert_eq!(as_bytes.is_full_match(text), as_text.is_full_match(text), "{} {:?}", pattern, text);
        }
    }

    #[test]
    fn what_matches_always_contains_what_is_required(
        pattern in pattern(), texts in prop::collection::vec(text("abckAK\u{212a}/1-", 0..9), 16),
    ) {
        for encoding in [Encoding::Utf8, Encoding::Latin1] {
            let regex = Regex::compile(&pattern, encoding).unwrap();
            for text in texts.iter().filter(|text| regex.is_full_match(text.as_bytes())) {
                let lower = text.to_ascii_lowercase().into_bytes();
                let contains = |literal: &Vec<u8>| lower.windows(literal.len()).any(|part| part == literal);
                for literals in regex.required() {
                    prop_assert!(literals.iter().any(contains), "{} {:?} {:?}", pattern, text, literals);
                }
            }
        }
    }

    #[test]
    fn the_first_match_is_the_same(pattern in pattern(), text in likely()) {
        let regex = compile(&pattern).unwrap();
        let once = Rewrite::compile(&regex, "<\\0>").unwrap().replace_all(text.as_bytes());
        let expected = other(&pattern, false).find(text.as_bytes()).map(|found| found.range());
        let begins = once.iter().position(|byte| *byte == b'<');
        prop_assert_eq!(begins, expected.as_ref().map(|range| range.start), "{} {:?}", pattern, text);
        if let Some(range) = expected {
            let written = [b"<", text[range.clone()].as_bytes(), b">"].concat();
            prop_assert!(once[range.start..].starts_with(&written), "{} {:?}", pattern, text);
        }
    }

    #[test]
    fn no_pattern_panics(pattern in text("[](){}|*+?^$.\\:-,<>=!PQEpdisxUm0129a&é\n😀", 0..25), text in any::<Vec<u8>>()) {
        if let Ok(regex) = compile(&pattern) {
            let _ = regex.is_full_match(&text);
            let identity = Rewrite::compile(&regex, r"\0").unwrap();
            prop_assert_eq!(identity.replace_all(&text), text);
        }
    }

    #[test]
    fn no_text_panics(pattern in pattern(), text in any::<Vec<u8>>()) {
        let regex = compile(&pattern).unwrap();
        prop_assert_eq!(regex.is_full_match(&text), regex.is_full_match(&text));
        prop_assert_eq!(Rewrite::compile(&regex, r"\0").unwrap().replace_all(&text), text);
    }

    #[test]
    fn no_rewrite_panics(rewrite in text("\\\\0123abé", 0..9), text in text("abc", 0..9)) {
        let regex = compile("(a)|(b+)").unwrap();
        if let Ok(rewrite) = Rewrite::compile(&regex, &rewrite) {
            let _ = rewrite.replace_all(text.as_bytes());
        }
    }
}

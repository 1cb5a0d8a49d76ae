use super::*;
use crate::wasm_test::test;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};
use std::collections::BTreeSet;

/// The version of Unicode that RE2 has; `regex-syntax` has a later one.
const VERSION: &str = r"\p{age:15.1}";

fn of_regex_syntax(pattern: &str) -> CodePoints {
    match regex_syntax::parse(pattern).unwrap().into_kind() {
        HirKind::Class(Class::Unicode(class)) => {
            CodePoints::of(&class.iter().map(|range| (range.start().into(), range.end().into())).collect::<Vec<_>>())
        }
        HirKind::Literal(single) => {
            let single =
                std::str::from_utf8(&single.0).unwrap().chars().map(|character| (character.into(), character.into()));
            CodePoints::of(&single.collect::<Vec<_>>())
        }
        other => panic!("{pattern}: {other:?}"),
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    GENERAL_CATEGORIES.lines().chain(SCRIPTS.lines()).filter_map(|line| line.split(' ').next())
}

#[test]
fn the_tables_are_those_of_unicode() {
    assert_eq!(names().count(), 29 + 163);
    for name in names().chain(["L", "M", "N", "P", "S", "Z"]) {
        let expected = match name {
            // Surrogates are no characters to Rust.
            "Cs" => CodePoints::of(&[(0xd800, 0xdfff)]),
            // A sign of Ahom went from the one to the other later.
            "Mn" => of_regex_syntax(&format!(r"[[\p{{Mn}}\x{{1171e}}]&&{VERSION}]")),
            "Mc" => of_regex_syntax(&format!(r"[[\p{{Mc}}--\x{{1171e}}]&&{VERSION}]")),
            _ => of_regex_syntax(&format!(r"[\p{{{name}}}&&{VERSION}]")),
        };
        assert!(class(name) == Some(expected), "{name}");
    }
}

#[test]
fn folding_is_that_of_unicode() {
    let known = of_regex_syntax(VERSION);
    let both = |line| {
        let (ones, distance) = folded(line);
        ones.flat_map(move |one| [one, one + distance])
    };
    let listed: BTreeSet<u32> = CASE_FOLDING.lines().flat_map(both).collect();
    for character in ('\0'..=char::MAX).filter(|character| known.contains((*character).into())) {
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
        class.try_case_fold_simple().unwrap();
        let mut expected: Vec<_> = class.iter().flat_map(|range| range.start()..=range.end()).map(u32::from).collect();
        expected.retain(|form| known.contains(*form));
        assert_eq!(expected.len() > 1, listed.contains(&character.into()), "{character:?}");
        if expected.len() > 1 {
            let mut set = CodePoints::of(&[(character.into(), character.into())]);
            fold_case(&mut set);
            let expected: Vec<_> = expected.into_iter().map(|form| (form, form)).collect();
            assert_eq!(set, CodePoints::of(&expected), "{character:?}");
        }
    }
}

#[test]
fn ascii_folds_as_anything_does() {
    for from in 0..0x80 {
        for to in [from, 0x7f] {
            let mut quick = CodePoints::of(&[(from, to)]);
            // With a code point beyond ASCII in it, which has no other case, it takes the long way.
            let mut long = CodePoints::of(&[(from, to), (LAST, LAST)]);
            fold_case(&mut quick);
            fold_case(&mut long);
            quick.add(&CodePoints::of(&[(LAST, LAST)]));
            assert_eq!(quick, long);
        }
    }
}

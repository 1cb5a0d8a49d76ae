//! Alternatives, repetitions, groups, flags, and places.

use super::{check, compile};
use crate::LONGEST;
use crate::wasm_test::test;

#[test]
fn the_whole_text_is_matched() {
    check(&[
        // [T] FullMatch
        ("a|ab", &[b"a", b"ab"], &[b"abc", b"xa", b"b"]),
        ("h.*o", &[b"hello", b"ho"], &[b"othello", b"hello!"]),
        ("a*?", &[b"", b"aaa"], &[b"b"]),
        ("|a", &[b"", b"a"], &[b"b"]),
        ("a||b", &[b"a", b"", b"b"], &[b"ab"]),
        ("()", &[b""], &[b"a"]),
        ("(|a)(b|)", &[b"", b"a", b"b", b"ab"], &[b"ba"]),
        ("a(b|c)d", &[b"abd", b"acd"], &[b"ad", b"abcd"]),
        ("(?:ab|a)(?:c|bcd)(?:d*)", &[b"abcd", b"ac", b"abc"], &[b"ab"]),
        ("/v[0-9]+/.*", &[b"/v12/cart", b"/v1/"], &[b"/v/x", b"/v1"]),
    ]);
}

#[test]
fn repetitions_are_those_of_re2() {
    check(&[
        // [S] repetitions
        ("ab*", &[b"a", b"abb"], &[b"abab"]),
        ("(ab)*", &[b"", b"abab"], &[b"aba"]),
        ("a+", &[b"a", b"aaa"], &[b""]),
        ("a?", &[b"", b"a"], &[b"aa"]),
        ("a+?b??", &[b"a", b"aab"], &[b"b"]),
        ("a{2}", &[b"aa"], &[b"a", b"aaa"]),
        ("a{2,}", &[b"aa", b"aaaa"], &[b"a"]),
        ("a{2,3}", &[b"aa", b"aaa"], &[b"a", b"aaaa"]),
        ("a{0}", &[b""], &[b"a"]),
        ("a{0,1}?", &[b"", b"a"], &[b"aa"]),
        ("a{0,}", &[b"", b"aa"], &[]),
        ("a{1,}", &[b"a", b"aa"], &[b""]),
        ("a{2}?", &[b"aa"], &[b"a", b""]),
        ("(?:a{2}){3}", &[b"aaaaaa"], &[b"aaaaa"]),
        ("é{2}", &["éé".as_bytes()], &["é".as_bytes()]),
        ("[ab]{2}c", &[b"abc", b"bbc"], &[b"ac"]),
        // [P] repetitions of what may be nothing, and of places
        ("(?:a*)*", &[b"", b"aa"], &[b"b"]),
        ("(?:a*)+", &[b"", b"aa"], &[b"b"]),
        ("(a|b*|)*c", &[b"c", b"abbac"], &[b"ab"]),
        ("()*", &[b""], &[b"a"]),
        ("^*a", &[b"a"], &[b"^a"]),
        (r"\b*a$+", &[b"a"], &[b"a$"]),
        // [P] a{1000}, and counts that multiply to that
        ("(a{10}){100}", &[&[b'a'; 1000]], &[&[b'a'; 999]]),
        ("a{1000}", &[&[b'a'; 1000]], &[&[b'a'; 1001]]),
        ("(?:(?:a*){1000})*", &[b"", b"aa"], &[b"b"]),
        // [P] a repetition is of the last character, and stacked ones are fine with something between them
        ("ab{2}", &[b"abb"], &[b"abab"]),
        (r"a*(?i)*", &[b"", b"aa"], &[b"A"]),
        (r"a*\Q\E*", &[b"", b"aa"], &[b"*"]),
        ("a(?i)+", &[b"a", b"aa"], &[b"A", b""]),
    ]);
}

#[test]
fn groups_and_flags_are_those_of_re2() {
    check(&[
        // [S] grouping
        ("(?:ab)+", &[b"abab"], &[b"a"]),
        ("(?P<n>ab)", &[b"ab"], &[b"Pnab"]),
        ("(?<n>ab)", &[b"ab"], &[]),
        ("(?P<n_1>a)(?P<1>b)", &[b"ab"], &[]),
        // names may come twice: neither RE2 nor Go looks
        ("(?P<n>a)(?P<n>b)", &[b"ab"], &[]),
        // [S] flags, up to the end of their group
        ("(?i)abc", &[b"ABC", b"aBc"], &[b"ab"]),
        ("(?i:a)b", &[b"Ab", b"ab"], &[b"AB"]),
        ("a(?i)b|c", &[b"aB", b"C"], &[b"AB"]),
        ("(a(?i)b)c", &[b"aBc"], &[b"aBC"]),
        ("(?i)a(?-i)b", &[b"Ab"], &[b"AB"]),
        ("(?i)a(?-i:b)c", &[b"AbC"], &[b"ABC"]),
        ("(?i-s)A.", &[b"ab"], &[b"a\n"]),
        ("(?is-m)A.", &[b"a\n"], &[b"a"]),
        ("(?)a", &[b"a"], &[b"?a"]),
        ("(?i-i)a", &[b"a"], &[b"A"]),
        // [S] U swaps x* and x*?, which is nothing to a whole match; [R] in the regex crate it is the same
        ("(?U)a+b", &[b"aab"], &[b"b"]),
        ("(?U:a*?)", &[b"", b"aa"], &[]),
        // [P] (?i) with letters of three and four forms: k and the Kelvin sign, s and the long s, theta
        ("(?i)k", &[b"k", b"K", "\u{212a}".as_bytes()], &[b"c"]),
        ("(?i)\u{212a}", &[b"k", b"K"], &[]),
        ("(?i)s", &[b"S", "ſ".as_bytes()], &[]),
        ("(?i)θ", &["Θ".as_bytes(), "ϑ".as_bytes(), "ϴ".as_bytes()], &[]),
        ("(?i)ß", &["ẞ".as_bytes()], &[b"ss", b"SS"]),
        ("(?i)İ", &["İ".as_bytes()], &[b"i", b"I", "ı".as_bytes()]),
    ]);
}

#[test]
fn places_are_those_of_re2() {
    check(&[
        // [S] empty strings: without (?m), ^ and $ are the text's ends, before a last line feed no end is
        ("^a$", &[b"a"], &[b"a\n", b"\na"]),
        (r"\Aa\z", &[b"a"], &[b"a\n"]),
        ("a^b", &[], &[b"ab", b"a^b"]),
        ("(?s)a$.*", &[b"a"], &[b"a\n", b"ab"]),
        ("(?m)a$\\n^b", &[b"a\nb"], &[b"ab"]),
        ("(?m)^a$\\s", &[b"a\n"], &[b"a\r", b"a "]),
        ("(?m)(^a\n)*^", &[b"", b"a\na\n"], &[b"a"]),
        (r"(?m)a\n\A", &[], &[b"a\n"]),
        (r"(?m)\z\n", &[], &[b"\n"]),
        ("(?m:^)a(?-m:$)", &[b"a"], &[b"a\n"]),
        // [S] \b: at ASCII word boundary; \B: not; [R]
        (r"\bab\b", &[b"ab"], &[b"a"]),
        (r"a\b-\bb", &[b"a-b"], &[]),
        (r"a\Bb", &[b"ab"], &[b"a-b"]),
        (r"a\bb", &[], &[b"ab"]),
        (r"a\bé", &["aé".as_bytes()], &[]),
        (r"é\Bé", &["éé".as_bytes()], &[]),
        (r"\Bé\B", &["é".as_bytes()], &[]),
        (r"\B", &[b""], &[b"a"]),
        (r"\b", &[], &[b"", b"a"]),
    ]);
}

#[test]
fn what_fits_the_bounds_compiles() {
    let nested = |open: &str, close: &str, deep: usize| format!("{}a{}", open.repeat(deep), close.repeat(deep));
    for pattern in [
        nested("(", ")", 249),
        nested("(", ")*", 124),
        nested("(?:a|", ")", 170),
        format!("a{}", r"*\Q\E".repeat(204)),
        "a|".repeat(LONGEST / 2),
    ] {
        let regex = compile(&pattern).unwrap();
        assert!(regex.is_full_match(b"a"));
        assert_eq!(regex.clone().as_str(), pattern);
    }
    for (pattern, reason) in [
        (nested("(", ")", 250), "nested more than 250 deep"),
        (nested("(", ")*", 340), "nested more than 250 deep"),
        (nested("(", ")", 511), "nested more than 250 deep"),
        ("a".repeat(LONGEST + 1), "1025 characters are more than 1024"),
        (r"\pL{1000}".to_owned(), "needs more than 1048576 bytes when compiled"),
    ] {
        assert_eq!(compile(&pattern).map(|_| ()), Err(reason.to_owned()));
    }
}

#[test]
fn matching_takes_linear_time() {
    // [T] the pattern that takes a backtracking matcher 2ⁿ steps.
    let regex = compile(&format!("{}{}", "a?".repeat(200), "a".repeat(200))).unwrap();
    assert!(regex.is_full_match(&[b'a'; 200]));
    assert!(!regex.is_full_match(&[b'a'; 199]));
    // More states than there is memory for: they are forgotten, not wrong.
    let regex = compile("(a|b)*a(a|b){14}").unwrap();
    let text: Vec<u8> = (0..20_000_u32).map(|n| if n.wrapping_mul(n) % 7 < 3 { b'a' } else { b'b' }).collect();
    for end in [15, 16, 4_000, 19_999, 20_000] {
        assert_eq!(regex.is_full_match(&text[..end]), text[end - 15] == b'a');
    }
}

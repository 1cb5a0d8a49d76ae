//! What is refused, and why.

use super::compile;
use crate::wasm_test::test;

fn check(rows: &[(&str, &str)]) {
    for (pattern, reason) in rows {
        assert_eq!(compile(pattern).map(|_| pattern), Err((*reason).to_owned()), "{pattern}");
    }
}

#[test]
fn unbalanced_patterns_are_refused() {
    check(&[
        // [P] [G] invalid patterns
        ("a(", "missing closing ): ("),
        ("(", "missing closing ): ("),
        ("(a(b)", "missing closing ): (a(b)"),
        ("(abcdefghijklmnopqrstuvwxyz", "missing closing ): (abcdefghijklmnopqrstuvw…"),
        ("x(?:a|b", "missing closing ): (?:a|b"),
        (")", "nothing opened before )"),
        ("a)b", "nothing opened before )b"),
        ("x)(y", "nothing opened before )(y"),
        ("[", "missing closing ]: ["),
        ("[a", "missing closing ]: [a"),
        ("[]", "missing closing ]: []"),
        ("[^]", "missing closing ]: [^]"),
        ("[a-", "missing closing ]: [a-"),
        ("[[:alpha:]", "missing closing ]: [[:alpha:]"),
        (r"[a\]", r"missing closing ]: [a\]"),
        ("a[]b", "missing closing ]: []b"),
        (r"\p{Lu", r"missing closing }: \p{Lu"),
    ]);
}

#[test]
fn what_re2_does_not_have_is_refused() {
    check(&[
        // [S] NOT SUPPORTED
        ("(?=a)b", "look-around (?= is not in RE2"),
        ("(?!a)b", "look-around (?! is not in RE2"),
        ("(?<=a)b", "look-around (?<= is not in RE2"),
        ("(?<!a)b", "look-around (?<! is not in RE2"),
        (r"(a)\1", r"backreferences are not in RE2: \1"),
        (r"\9", r"backreferences are not in RE2: \9"),
        (r"\18", r"backreferences are not in RE2: \1"),
        ("(?P=n)", "backreferences are not in RE2: (?P=n)"),
        ("(?P>n)", "backreferences are not in RE2: (?P>n)"),
        ("(?x)a", "unknown flag: (?x"),
        ("(?#comment)", "unknown flag: (?#"),
        ("(?>a)", "unknown flag: (?>"),
        ("(?|a)", "unknown flag: (?|"),
        ("(?'n'a)", "unknown flag: (?'"),
        ("(?u)a", "unknown flag: (?u"),
        ("(?R)", "unknown flag: (?R"),
        ("(?iz:a)", "unknown flag: (?iz"),
        ("(?--i)", "unknown flag: (?--"),
        ("(?i-)", "unknown flag: (?i-)"),
        ("(?-:a)", "unknown flag: (?-:"),
        ("(?", "missing closing ): (?"),
        ("(?i", "missing closing ): (?i"),
        ("(?P<n", "bad group name: (?P<n"),
        ("(?P<>a)", "bad group name: (?P<>a)"),
        ("(?P<a-b>a)", "bad group name: (?P<a-b>a)"),
        ("(?P<é>a)", "bad group name: (?P<é>a)"),
        // [G] "\C": RE2 takes it
        (r"\C", r"\C, a single byte, is not in Go, with which Istio checks"),
    ]);
}

#[test]
fn unknown_escapes_and_classes_are_refused() {
    check(&[
        // [S] [P] [G]
        ("\\", r"\ at the end"),
        (r"a\", r"\ at the end"),
        (r"[\", r"\ at the end"),
        (r"\h", r"unknown escape \h"),
        (r"\H", r"unknown escape \H"),
        (r"\e", r"unknown escape \e"),
        (r"\G", r"unknown escape \G"),
        (r"\K", r"unknown escape \K"),
        (r"\R", r"unknown escape \R"),
        (r"\X", r"unknown escape \X"),
        (r"\N", r"unknown escape \N"),
        (r"\Z", r"unknown escape \Z"),
        (r"\E", r"unknown escape \E"),
        (r"\u0041", r"unknown escape \u"),
        (r"\cA", r"unknown escape \c"),
        (r"\k<n>", r"unknown escape \k"),
        (r"\é", r"unknown escape \é"),
        (r"\x", r"unknown escape \x"),
        (r"\x4", r"unknown escape \x"),
        (r"\xg1", r"unknown escape \xg1"),
        (r"\x{}", r"unknown escape \x{}"),
        (r"\x{41", r"unknown escape \x"),
        (r"\x{4g}", r"unknown escape \x{4g}"),
        (r"\x{110000}", r"unknown escape \x{110000}"),
        (r"\x{100000041}", r"unknown escape \x{100000041}"),
        (r"[\b]", r"unknown escape \b"),
        (r"[\A]", r"unknown escape \A"),
        (r"[\Qa\E]", r"unknown escape \Q"),
        (r"[a-\d]", r"unknown escape \d"),
        (r"\p", r"unknown class \p"),
        (r"\pX", r"unknown class \pX"),
        (r"\p{Foo}", r"unknown class \p{Foo}"),
        (r"\p{}", r"unknown class \p{}"),
        // names are exact; Go takes some of these, RE2 none
        (r"\p{greek}", r"unknown class \p{greek}"),
        (r"\p{Letter}", r"unknown class \p{Letter}"),
        (r"\p{IsGreek}", r"unknown class \p{IsGreek}"),
        (r"\p{Script=Greek}", r"unknown class \p{Script=Greek}"),
        (r"\p{Cn}", r"unknown class \p{Cn}"),
        (r"\p{LC}", r"unknown class \p{LC}"),
        (r"\p{Alphabetic}", r"unknown class \p{Alphabetic}"),
        ("[[:foo:]]", "unknown class [:foo:]"),
        ("[[:Alpha:]]", "unknown class [:Alpha:]"),
        ("[[:^:]]", "unknown class [:^:]"),
        ("[b-a]", "bad range b-a"),
        ("[a--b]", "bad range a--"),
        (r"[\x{b}-\a]", r"bad range \x{b}-\a"),
        ("[a-z-Z-A]", "bad range Z-A"),
    ]);
}

#[test]
fn bad_repetitions_are_refused() {
    check(&[
        // [P] [G] missing arguments
        ("*", "nothing to repeat before *"),
        ("+?a", "nothing to repeat before +?"),
        ("?", "nothing to repeat before ?"),
        ("{2}", "nothing to repeat before {2}"),
        ("a|*", "nothing to repeat before *"),
        ("(*)", "nothing to repeat before *"),
        ("(?:+)", "nothing to repeat before +"),
        ("(?i)*", "nothing to repeat before *"),
        (r"\Q\E*", "nothing to repeat before *"),
        // [P] [G] stacked operators; [R]
        ("a**", "bad repetition **"),
        ("a*+", "bad repetition *+"),
        ("a+*", "bad repetition +*"),
        ("a???", "bad repetition ???"),
        ("a*?*", "bad repetition *?*"),
        ("a{2}{3}", "bad repetition {2}{3}"),
        ("a{2}*", "bad repetition {2}*"),
        ("a*{2}?", "bad repetition *{2}?"),
        // [P] [G] counts; [R]
        ("a{1001}", "repeat count over 1000: {1001}"),
        ("a{1001,}", "repeat count over 1000: {1001,}"),
        ("a{1,1001}?", "repeat count over 1000: {1,1001}?"),
        ("a{2,1}", "repeat count from high to low: {2,1}"),
        // [G] "x{9876543210}": to RE2 so large a number is none, and this a literal
        ("a{9876543210}", "repeat count over 1000: {9876543210}"),
        ("(a{30}){34}", "repeat counts that multiply to over 1000: {34}"),
        ("((a{100}){100}){100}", "repeat counts that multiply to over 1000: {100}"),
        ("(b|(a{2,})*c){501}", "repeat counts that multiply to over 1000: {501}"),
    ]);
}

//! Patterns and texts of bytes, as Envoy has RE2 read them since CVE-2026-73552. Every row was also put to RE2 2025-11-05 with the
//! encoding Latin-1.

use crate::wasm_test::test;
use crate::{Encoding, Regex, Rewrite};

fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::compile(pattern, Encoding::Latin1).map_err(|error| error.to_string())
}

fn matches(pattern: &str, text: &[u8]) -> bool {
    compile(pattern).unwrap_or_else(|reason| panic!("{pattern}: {reason}")).is_full_match(text)
}

#[test]
fn a_character_is_a_byte() {
    for (pattern, text, expected) in [
        ("é", "é".as_bytes(), true),
        (".", "é".as_bytes(), false),
        ("..", "é".as_bytes(), true),
        (".", b"\xe9", true),
        ("[^a]", b"\xe9", true),
        (".é", "xé".as_bytes(), true),
        ("[é]", "é".as_bytes(), false),
        ("[é]", b"\xc3", true),
        ("[é]", b"\xa9", true),
        (r"\xe9", b"\xe9", true),
        (r"\xe9", "é".as_bytes(), false),
        (r"\x{e9}", b"\xe9", true),
        (r"\377", b"\xff", true),
        (r"[^\x{0}-\x{ff}]", b"a", false),
        (r"[[:^alpha:]]", b"\xff", true),
        (r"\w", b"\xe9", false),
        (r"\W", b"\xe9", true),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} and \"{}\"", text.escape_ascii());
    }
}

#[test]
fn unicodes_classes_are_cut_off_behind_the_last_byte() {
    for (pattern, text, expected) in [
        (r"\pL", b"\xe9", true),
        (r"\pL", b"\xa9", false),
        (r"\PN", b"\xff", true),
        (r"\p{Greek}", b"a", false),
        (r"\P{Greek}", b"a", true),
        (r"\p{Greek}", b"\xe9", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} and \"{}\"", text.escape_ascii());
    }
}

#[test]
fn only_ascii_has_two_cases() {
    for (pattern, text, expected) in [
        ("(?i)k", b"K".as_slice(), true),
        ("(?i)é", "É".as_bytes(), false),
        (r"(?i)\xe9", b"\xc9", false),
        (r"(?i)[\xc0-\xd6]", b"\xe9", false),
        (r"(?i)[^\xe9]", b"\xc9", true),
        (r"(?i)[^k]", b"K", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} and \"{}\"", text.escape_ascii());
    }
}

#[test]
fn characters_above_the_last_byte_are_no_escapes() {
    for pattern in [r"\x{100}", r"\777", r"[\x{100}-\x{200}]", r"\400"] {
        let reason = compile(pattern).map(|_| pattern).unwrap_err();
        assert!(reason.starts_with(r"unknown escape \"), "{pattern}: {reason}");
    }
}

#[test]
fn a_reason_quotes_the_pattern_as_it_was_written() {
    assert_eq!(compile("(é").map(|_| ()), Err("missing closing ): (é".to_owned()));
}

#[test]
fn a_replacement_passes_over_bytes_one_by_one() {
    let empty = compile("x*").unwrap();
    let dash = Rewrite::compile(&empty, "-").unwrap();
    assert_eq!(dash.replace_all("é".as_bytes()), b"-\xc3-\xa9-");
}

#[test]
fn what_go_refuses_in_utf8_is_refused() {
    for (pattern, reason) in [("[ü-é]", "bad range ü-é"), ("[😂-😀]", "bad range 😂-😀")] {
        assert_eq!(compile(pattern).map(|_| pattern), Err(reason.to_owned()));
    }
    // And what RE2 refuses in bytes, though Go takes it.
    assert!(compile(r"[\x{e0}-é]").is_err_and(|reason| reason.starts_with(r"bad range \x{e0}-")));
}

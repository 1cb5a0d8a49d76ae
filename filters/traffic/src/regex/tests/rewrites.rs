//! Replacing.

use super::{ENCODINGS, latin1};
use crate::regex::{Regex, Rewrite};
use crate::wasm_test::test;
use crate::written::RegexEncoding::{self, Latin1, Utf8};

fn replaced(encoding: RegexEncoding, pattern: &str, rewrite: &str, text: &[u8]) -> String {
    let regex = Regex::compile(pattern, encoding).unwrap();
    regex.replace_all(text, &Rewrite::compile(&regex, rewrite).unwrap()).escape_ascii().to_string()
}

#[test]
fn every_match_is_replaced_as_re2_does() {
    for (pattern, rewrite, text, expected) in [
        // re2_test.cc, TEST(RE2, Replace)
        (
            "(qu|[b-df-hj-np-tv-z]*)([a-z]+)",
            r"\2\1ay",
            "the quick brown fox jumps over the lazy dogs.",
            "ethay ickquay ownbray oxfay umpsjay overay ethay azylay ogsday.",
        ),
        (r"\w+", r"\0-NOSPAM", "abcd.efghi@google.com", "abcd-NOSPAM.efghi-NOSPAM@google-NOSPAM.com-NOSPAM"),
        ("^", "(START)", "foo", "(START)foo"),
        ("^", "(START)", "", "(START)"),
        ("$", "(END)", "", "(END)"),
        ("b", "bb", "ababababab", "abbabbabbabbabb"),
        ("b", "bb", "bbbbbb", "bbbbbbbbbbbb"),
        ("b+", "bb", "bbbbbb", "bb"),
        ("b*", "bb", "bbbbbb", "bb"),
        ("b*", "bb", "aaaaa", "bbabbabbabbabbabb"),
        ("a.*a", r"(\0)", "aba\naba", r"(aba)\n(aba)"),
        ("", "-", "ab", "-a-b-"),
        // leftmost, then first
        ("a|ab", "x", "ab", "xb"),
        ("a+?", "x", "aaa", "xxx"),
        ("(?U)a+", "x", "aaa", "xxx"),
        // groups that took no part are empty, those that took part several times are the last
        ("(a)|(b)", r"<\1,\2>", "ab", "<a,><,b>"),
        ("(a|b)+", r"<\1>", "ab", "<b>"),
        ("(a*)*", r"<\1>", "b", "<>b<>"),
        ("(a*)+", r"<\1>", "aab", "<aa>b<>"),
        ("(a|b*)+", r"<\1>", "aab", "<b>"),
        ("(?:(a)|b*)+", r"<\1>", "aab", "<a>"),
        ("(a|b)*", r"<\1>", "", "<>"),
        ("(a){0}b", r"<\1>", "b", "<>"),
        (r"(?P<from>a)", r"\\\1", "a", r"\\a"),
        // Istio, uriRegexRewrite
        ("^/service/([^/]+)(/.*)$", r"\2/instance/\1", "/service/foo/v1/api", "/v1/api/instance/foo"),
        ("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"),
        ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb", "/aaa/yyy/bbb"),
        ("/api/v[0-9]+", "", "/api/v12/cart", "/cart"),
        ("x", "y", "abc", "abc"),
        ("(1)(2)(3)(4)(5)(6)(7)(8)(9)(a)", r"\9\8\0", "123456789a", "98123456789a"),
    ] {
        for encoding in ENCODINGS {
            assert_eq!(replaced(encoding, pattern, rewrite, text.as_bytes()), expected, "{pattern} in {text:?}");
        }
    }
}

#[test]
fn in_utf8_what_is_no_character_stays() {
    assert_eq!(replaced(Utf8, ".", "x", b"a\xff\xc3\xa9\x80"), r"x\xffx\x80");
    assert_eq!(replaced(Utf8, "é", r"\0\0", b"\xc3\xa9\xc3"), r"\xc3\xa9\xc3\xa9\xc3");
}

#[test]
fn in_latin1_every_byte_is_replaced() {
    assert_eq!(replaced(Latin1, ".", "x", b"a\xff\xc3\xa9\x80"), "xxxxx");
    assert_eq!(replaced(Latin1, "é", r"\0\0", b"\xc3\xa9\xc3"), r"\xc3\xa9\xc3\xa9\xc3");
    assert_eq!(replaced(Latin1, r"\xe9", "é", b"caf\xe9"), r"caf\xc3\xa9");
}

#[test]
fn empty_matches_pass_over_whole_characters() {
    for pattern in ["", r"\B"] {
        assert_eq!(replaced(Utf8, pattern, "-", "é".as_bytes()), r"-\xc3\xa9-");
        assert_eq!(replaced(Latin1, pattern, "-", "é".as_bytes()), r"-\xc3-\xa9-");
    }
    assert_eq!(replaced(Utf8, "", "-", b"\xff\xe2\x82"), r"-\xff-\xe2-\x82-");
}

#[test]
fn a_rewrite_that_cannot_be_is_refused() {
    let regex = latin1("(a)(b)").unwrap();
    for (rewrite, reason) in [
        (r"\3", r"there is no group \3: `(a)(b)` has 2"),
        (r"\", r"\ at the end"),
        (r"\n", r"\n is neither a group, \0 to \9, nor \\"),
        (r"\é", r"\é is neither a group, \0 to \9, nor \\"),
    ] {
        assert_eq!(Rewrite::compile(&regex, rewrite).map(|_| rewrite), Err(reason.to_owned()));
    }
    assert!(Rewrite::compile(&regex, r"$1 \0\1\2\\").is_ok());
}

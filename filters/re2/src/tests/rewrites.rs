//! Replacing.

use super::compile;
use crate::Rewrite;
use crate::wasm_test::test;

fn replaced(pattern: &str, rewrite: &str, text: &[u8]) -> String {
    let regex = compile(pattern).unwrap();
    Rewrite::compile(&regex, rewrite).unwrap().replace_all(text).escape_ascii().to_string()
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
        // empty matches pass over whole characters
        ("", "-", "é", r"-\xc3\xa9-"),
        (r"\B", "-", "é", r"-\xc3\xa9-"),
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
        assert_eq!(replaced(pattern, rewrite, text.as_bytes()), expected, "{pattern} in {text:?}");
    }
}

#[test]
fn what_is_not_utf8_stays() {
    assert_eq!(replaced(".", "x", b"a\xff\xc3\xa9\x80"), r"x\xffx\x80");
    assert_eq!(replaced("", "-", b"\xff\xe2\x82"), r"-\xff-\xe2-\x82-");
    assert_eq!(replaced("é", r"\0\0", b"\xc3\xa9\xc3"), r"\xc3\xa9\xc3\xa9\xc3");
}

#[test]
fn a_rewrite_that_cannot_be_is_refused() {
    let regex = compile("(a)(b)").unwrap();
    for (rewrite, reason) in [
        (r"\3", r"there is no group \3: `(a)(b)` has 2"),
        (r"\", r"\ at the end"),
        (r"\n", r"\n is neither a group, \0 to \9, nor \\"),
        (r"\é", r"\é is neither a group, \0 to \9, nor \\"),
    ] {
        assert_eq!(Rewrite::compile(&regex, rewrite).unwrap_err().to_string(), reason, "{rewrite}");
    }
    assert!(Rewrite::compile(&regex, r"$1 \0\1\2\\").is_ok());
}

#[test]
fn a_rewrite_adds_a_bounded_number_of_bytes() {
    let text = [b'a'; 60 << 10];
    let regex = compile("a").unwrap();
    let long = "b".repeat(1 << 10);
    let rewritten = Rewrite::compile(&regex, &long).unwrap().replace_all(&text);
    assert!(rewritten.len() > 1 << 20 && rewritten.len() <= text.len() + (1 << 20), "{}", rewritten.len());
    let (replaced, rest) = rewritten.split_at(1 << 20);
    assert!(replaced.iter().all(|byte| *byte == b'b'), "the first matches are replaced");
    assert!(rest.ends_with(b"aaa"), "those behind the bound stay");

    let groups = compile("(a+)").unwrap();
    let rewritten = Rewrite::compile(&groups, &r"\1".repeat(512)).unwrap().replace_all(&text);
    assert_eq!(rewritten, text);
}

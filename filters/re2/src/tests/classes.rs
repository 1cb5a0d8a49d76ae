//! Classes: in brackets, of Perl, of Unicode, of POSIX.

use super::check;
use crate::wasm_test::test;

#[test]
fn brackets_are_those_of_re2() {
    check(&[
        // [S] character classes
        ("[abc]", &[b"a", b"c"], &[b"", b"d", b"ab"]),
        ("[^abc]", &[b"d", b"\n", "é".as_bytes()], &[b"a", b"", b"\xff"]),
        ("[a-c]", &[b"b"], &[b"-", b"d"]),
        ("[é-ü]", &["ö".as_bytes()], &[b"e", "ý".as_bytes()]),
        ("[😀-😂]", &["😁".as_bytes()], &["😃".as_bytes()]),
        // [P] "[]a]", "[^]a]", "[a-]", "[-a]", "[a-b-c]", "[\\d-z]": what closes or joins nothing is literal
        ("[]a]", &[b"]", b"a"], &[b"[]a]"]),
        ("[^]a]", &[b"b"], &[b"]", b"a"]),
        ("[a-]", &[b"a", b"-"], &[b"b"]),
        ("[-a]", &[b"a", b"-"], &[b"b"]),
        ("[a-b-c]", &[b"a", b"b", b"-", b"c"], &[b"d"]),
        (r"[\d-z]", &[b"5", b"-", b"z"], &[b"y"]),
        ("[+--]", &[b"+", b",", b"-"], &[b"."]),
        ("[--/]", &[b"-", b".", b"/"], &[b","]),
        ("[---]", &[b"-"], &[b","]),
        ("[^-]", &[b"a"], &[b"-"]),
        ("[^^]", &[b"a"], &[b"^"]),
        ("[a^]", &[b"^"], &[b"b"]),
        // [P] there are no nested brackets and no operators on sets; [R]
        ("[[]", &[b"["], &[b"]"]),
        ("[[a]]", &[b"[]", b"a]"], &[b"[", b"a"]),
        ("[a&&b]", &[b"a", b"&", b"b"], &[b""]),
        ("[a~~b]", &[b"~"], &[b""]),
        ("[&&a]", &[b"&", b"a"], &[]),
        ("[a[b]c]", &[b"ac]", b"[c]"], &[b"a", b"c"]),
        ("[.*+?(){}|$]", &[b".", b"*", b"(", b"}", b"|", b"$"], &[b"a"]),
        // escapes in brackets
        (r"[\]\-\^\\]", &[b"]", b"-", b"^", br"\"], &[b"a"]),
        (r"[\n\x41\x{42}\103]", &[b"\n", b"A", b"B", b"C"], &[b"n"]),
        (r"[\a-\r]", &[b"\x07", b"\t", b"\r"], &[b"a"]),
        (r"[a\-z]", &[b"a", b"-", b"z"], &[b"b"]),
        (r"[\x{0}-\x{10FFFF}]", &[b"\0", b"\n", "\u{10ffff}".as_bytes()], &[b"\xff"]),
        (r"[^\x00-\x{10FFFF}]", &[], &[b"", b"a", b"\xff"]),
        (r"[^\x00-\x{10FFFF}]*", &[b""], &[b"a"]),
        (r"[\x{D7FF}-\x{E000}]", &[b"\xed\xa0\x80", "\u{e000}".as_bytes()], &["\u{e001}".as_bytes()]),
    ]);
}

#[test]
fn classes_of_perl_are_ascii() {
    check(&[
        // [S] Perl character classes (all ASCII-only); [R]
        (r"\d", &[b"0", b"9"], &["٣".as_bytes(), b"a"]),
        (r"\D", &[b"a", b"\n", "٣".as_bytes()], &[b"0"]),
        (r"\w", &[b"a", b"Z", b"0", b"_"], &["é".as_bytes(), b"-"]),
        (r"\W", &["é".as_bytes(), b"-"], &[b"a"]),
        // \s is no vertical tab, unlike [[:space:]]; [R]
        (r"\s", &[b" ", b"\t", b"\n", b"\x0c", b"\r"], &[b"\x0b", "\u{a0}".as_bytes(), "\u{2028}".as_bytes()]),
        (r"\S", &[b"\x0b", "\u{a0}".as_bytes()], &[b" "]),
        (r"[\d\s]", &[b"1", b" "], &[b"a"]),
        (r"[^\d]", &[b"a"], &[b"1"]),
        (r"[^\D]", &[b"1"], &[b"a"]),
        (r"[\s\S]", &[b"\n", b"a"], &[b"\xff"]),
        // [P] "(?i)\W", "[^\W]": looking away from case comes first; [R]
        (r"(?i)\w", &["ſ".as_bytes(), "\u{212a}".as_bytes()], &["é".as_bytes()]),
        (r"(?i)\W", &["é".as_bytes()], &["ſ".as_bytes(), "\u{212a}".as_bytes(), b"k"]),
        (r"(?i)[^\W]", &["ſ".as_bytes()], &["é".as_bytes()]),
    ]);
}

#[test]
fn classes_of_posix_are_ascii() {
    check(&[
        // [S] ASCII character classes; [P] "[[:lower:]]", "[[:^lower:]]", "(?i)[[:lower:]]"
        ("[[:alnum:]]", &[b"a", b"Z", b"0"], &[b"_", "é".as_bytes()]),
        ("[[:alpha:]]", &[b"a", b"Z"], &[b"0"]),
        ("[[:ascii:]]", &[b"\0", b"\x7f"], &["\u{80}".as_bytes(), b"\x80"]),
        ("[[:blank:]]", &[b" ", b"\t"], &[b"\n"]),
        ("[[:cntrl:]]", &[b"\0", b"\x1f", b"\x7f"], &[b" "]),
        ("[[:digit:]]", &[b"7"], &["٣".as_bytes()]),
        ("[[:graph:]]", &[b"!", b"~"], &[b" "]),
        ("[[:lower:]]", &[b"a"], &[b"A"]),
        ("[[:print:]]", &[b" ", b"~"], &[b"\x7f"]),
        ("[[:punct:]]", &[b"!", b"/", b"@", b"`", b"~"], &[b"a", b"0"]),
        ("[[:space:]]", &[b"\x0b", b" "], &["\u{a0}".as_bytes()]),
        ("[[:upper:]]", &[b"A"], &[b"a"]),
        ("[[:word:]]", &[b"_", b"9"], &[b"-", "é".as_bytes()]),
        ("[[:xdigit:]]", &[b"f", b"F", b"9"], &[b"g"]),
        ("[[:^alpha:]]", &[b"0", "é".as_bytes(), b"\n"], &[b"a"]),
        ("[^[:^alpha:]]", &[b"a"], &[b"0"]),
        ("[[:alpha:]0-9_]", &[b"a", b"5", b"_"], &[b"-"]),
        ("(?i)[[:upper:]]", &[b"a", "ſ".as_bytes()], &[b"0"]),
        ("(?i)[[:^upper:]]", &[b"0"], &[b"a", b"A", "ſ".as_bytes()]),
        // without brackets around it, or without an end, it is none
        ("[:alpha:]", &[b":", b"a", b"l"], &[b"b", b"z"]),
        ("[[.a.]]", &[b"a]", b".]"], &[b"a"]),
        ("[[=a=]]", &[b"=]"], &[b"a"]),
    ]);
}

#[test]
fn classes_of_unicode_are_by_exact_name() {
    check(&[
        // [S] Unicode character class names; [P] "\pN", "\p{Lu}", "\p{^Lu}", "\P{^Lu}", "[^\pL]"
        (r"\pN", &[b"1", "٣".as_bytes(), "½".as_bytes()], &[b"a"]),
        (r"\p{N}", &["Ⅷ".as_bytes()], &[b"a"]),
        (r"\PN", &[b"a"], &[b"1"]),
        (r"\pNx", &[b"1x"], &[b"1"]),
        (r"\p{Lu}", &[b"A", "É".as_bytes()], &[b"a"]),
        (r"\p{^Lu}", &[b"a"], &[b"A"]),
        (r"\P{Lu}", &[b"a"], &[b"A"]),
        (r"\P{^Lu}", &[b"A"], &[b"a"]),
        (r"\pL", &["é".as_bytes(), "漢".as_bytes()], &[b"1", b"_", "\u{301}".as_bytes()]),
        (r"\p{Greek}", &["α".as_bytes(), "Ω".as_bytes()], &[b"a"]),
        (r"\p{^Greek}", &[b"a"], &["α".as_bytes()]),
        (r"\p{Han}\p{Old_Italic}\p{SignWriting}", &["漢𐌀𝠀".as_bytes()], &[]),
        (r"\p{Common}", &[b" "], &[b"a"]),
        (r"\p{Any}", &[b"\n", b"a", b"\xf4\x90\x80\x80"], &[b"\xff"]),
        (r"\P{Any}", &[], &[b"a"]),
        (r"[\p{Lu}\d]", &[b"A", b"1"], &[b"a"]),
        (r"[^\pL]", &[b"1"], &["é".as_bytes()]),
        (r"[\P{Any}a]", &[b"a"], &[b"b"]),
        // what is not assigned is not in C, surrogates are; [R]
        (r"\pC", &[b"\0", "\u{e000}".as_bytes(), b"\xed\xa0\x80"], &[b"a", "\u{378}".as_bytes()]),
        (r"\p{Cs}", &[b"\xed\xbf\xbf"], &[b"a"]),
        // [P] (?i)
        (r"(?i)\p{Lu}", &[b"a", b"A", "é".as_bytes()], &[b"1"]),
        (r"(?i)\P{Lu}", &[b"1"], &[b"a", b"A"]),
        (r"(?i)[^\p{Ll}]", &[b"1"], &[b"a", b"A"]),
    ]);
}

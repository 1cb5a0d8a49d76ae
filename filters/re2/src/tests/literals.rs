//! Characters, escapes, and the dot.

use super::check;
use crate::wasm_test::test;

#[test]
fn characters_are_themselves() {
    check(&[
        // [S] single characters; [P] "a", "ab", "a]"
        ("", &[b""], &[b"a"]),
        ("a", &[b"a"], &[b"", b"A", b"aa", b"ba"]),
        ("abc", &[b"abc"], &[b"ab", b"abcd"]),
        ("é", &["é".as_bytes()], &[b"\xe9", b"e"]),
        ("😀", &["😀".as_bytes()], &[b"\xf0\x9f\x98"]),
        ("\u{fffd}", &["\u{fffd}".as_bytes()], &[b"\xff"]),
        // [P] "]", "}", "a}", "a]": closing what is not open
        ("]", &[b"]"], &[b""]),
        ("}", &[b"}"], &[b""]),
        ("a]b}", &[b"a]b}"], &[b"ab"]),
        // [P] "{", "a{", "a{,2}", "a{1", "a{1,": no count, so a literal; [R]
        ("{", &[b"{"], &[b""]),
        ("a{", &[b"a{"], &[b"a"]),
        ("a{,2}", &[b"a{,2}"], &[b"", b"a", b"aa"]),
        ("a{1", &[b"a{1"], &[b"a"]),
        ("a{1,", &[b"a{1,"], &[b"a"]),
        ("a{1,x}", &[b"a{1,x}"], &[b"a"]),
        ("a{x}", &[b"a{x}"], &[b"a"]),
        ("a{ 2}", &[b"a{ 2}"], &[b"aa"]),
        ("a{02}", &[b"a{02}"], &[b"aa"]),
        ("a{1,02}", &[b"a{1,02}"], &[b"a", b"aa"]),
        ("a{,2}{2}", &[b"a{,2}}"], &[b"a{,2}a{,2}"]),
        ("{{}}", &[b"{{}}"], &[b"{}"]),
        // [S] what other languages have for white space and comments is not there: (?x) is refused, so these are literal
        ("a b # c", &[b"a b # c"], &[b"ab"]),
        ("a\nb", &[b"a\nb"], &[b"ab"]),
        ("-", &[b"-"], &[b""]),
        ("/v1/~a&b,c;d=e:f@g%20!", &[b"/v1/~a&b,c;d=e:f@g%20!"], &[]),
        ("\0", &[b"\0"], &[b"", b"0"]),
    ]);
}

#[test]
fn escapes_are_those_of_re2() {
    check(&[
        // [S] escape sequences
        (r"\a\f\t\n\r\v", &[b"\x07\x0c\t\n\r\x0b"], &[b"aftnrv"]),
        (r"\.\*\+\?\(\)\[\]\{\}\|\^\$\\", &[br".*+?()[]{}|^$\"], &[b""]),
        // [P] "\_": "we once rejected \_, but too many programs insist on using it"; \< and \> are no word bounds; [R]
        (r"\_", &[b"_"], &[b"\\_"]),
        (r"\<a\>", &[b"<a>"], &[b"a"]),
        (r"\-\/\#\&\~\ \%\!\@\,\;\:\'\`\=", &[b"-/#&~ %!@,;:'`="], &[]),
        ("\\\"", &[b"\""], &[]),
        // [S] octal: up to three digits, the first of several not 0; [R]
        (r"\0", &[b"\0"], &[b"0"]),
        (r"\08", &[b"\x008"], &[b"\x08"]),
        (r"\12", &[b"\n"], &[b"12"]),
        (r"\123", &[b"S"], &[b"123"]),
        (r"\1234", &[b"S4"], &[b"S"]),
        (r"\0123", &[b"\n3"], &[b"S"]),
        (r"\377", &["\u{ff}".as_bytes()], &[b"\xff"]),
        (r"\777", &["\u{1ff}".as_bytes()], &[b"?7"]),
        // [S] hexadecimal; any number of digits in braces
        (r"\x41", &[b"A"], &[b"x41"]),
        (r"\x4142", &[b"A42"], &[b"AB"]),
        (r"\xe9", &["é".as_bytes()], &[b"\xe9"]),
        (r"\x{e9}", &["é".as_bytes()], &[b"\xe9"]),
        (r"\x{1F600}", &["😀".as_bytes()], &[]),
        (r"\x{10FFFF}", &["\u{10ffff}".as_bytes()], &[b"\xf4\x90\x80\x80"]),
        (r"\x{000000000041}", &[b"A"], &[]),
        (r"\x{0}", &[b"\0"], &[b""]),
        // [C] a surrogate is encoded like any other code point; [R]
        (r"\x{D800}", &[b"\xed\xa0\x80"], &[b"\xed\xa0\x81"]),
    ]);
}

#[test]
fn between_q_and_e_everything_is_literal() {
    check(&[
        // [S] \Q...\E; [P] "\Q+|*?{[\E", "\Q+\E+", "\Qab\E+", "\Q\\E", "\Q\\\E"; [R]
        (r"\Q+|*?{[\E", &[b"+|*?{["], &[]),
        (r"\Q+\E+", &[b"+", b"+++"], &[b""]),
        (r"\Qab\E+", &[b"ab", b"abb"], &[b"abab"]),
        (r"\Q\\E", &[br"\"], &[br"\\E"]),
        (r"\Q\\\E", &[br"\\"], &[br"\"]),
        (r"\Qa.b", &[b"a.b"], &[b"axb"]),
        (r"\Q", &[b""], &[b"Q"]),
        (r"x\Q\Ey", &[b"xy"], &[]),
        (r"\Qa\nb\E", &[br"a\nb"], &[b"a\nb"]),
        (r"(?i)\Qk.\E", &[b"k.", b"K.", "\u{212a}.".as_bytes()], &[b"kx"]),
    ]);
}

#[test]
fn a_dot_is_one_character_but_a_line_feed() {
    check(&[
        // [S] any character; [T] FullMatch of ".*" and "\n"
        (".", &[b"a", b"\r", b"\0", "é".as_bytes(), "😀".as_bytes(), "\u{2028}".as_bytes()], &[b"", b"\n", b"ab"]),
        (".*", &[b"", b"abc", "é".as_bytes()], &[b"a\nb", b"\n"]),
        ("(?s).", &[b"\n", b"a"], &[b"", b"\n\n"]),
        ("(?s).*", &[b"a\nb\n", b""], &[b"\xff"]),
        ("(?s:.).", &[b"\na"], &[b"a\n"]),
        ("(?-s).", &[b"a"], &[b"\n"]),
        // [C] what is not UTF-8 is matched by no dot
        (".", &[], &[b"\xe9", b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xe2\x82", b"\xf5\x80\x80\x80"]),
        ("..", &[], &[b"\xc0\x80", b"\xff\xff"]),
        // [C] Add_80_10ffff: but what has the form of a character is one; [R]
        (".", &[b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\xbf\xbf\xbf"], &[]),
        ("[^/]+", &[b"\xe0\x80\x80", b"\xed\xa0\x80"], &[b"\xe0\x80", b"a/b"]),
        (r"\W", &[b"\xf4\x90\x80\x80", "é".as_bytes()], &[b"\xe9"]),
        (r"[\x{81}-\x{10FFFF}]", &[b"\xed\xa0\x80"], &[b"\xe0\x80\x80", b"\xf4\x90\x80\x80", b"\xc2\x80"]),
        (r"\pN|\PN", &[b"\xf4\x90\x80\x80", b"\xe0\x80\x80"], &[b"\xff"]),
        (r"\pN|()\PN", &[b"1", b"a"], &[b"\xf4\x90\x80\x80"]),
    ]);
}

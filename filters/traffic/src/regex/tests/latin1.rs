//! Where each byte is a character; the rows were put to RE2 2025-11-05 with `EncodingLatin1`.

use super::{Row, check_if};
use crate::wasm_test::test;
use crate::written::RegexEncoding;

fn check(rows: &[Row<'_>]) {
    check_if(rows, RegexEncoding::Latin1, |_| true);
}

#[test]
fn a_pattern_is_its_bytes() {
    check(&[
        ("é", &["é".as_bytes()], &[b"\xe9", b"\xc3", "É".as_bytes()]),
        (r"\xe9", &[b"\xe9"], &["é".as_bytes()]),
        (r"\x{e9}", &[b"\xe9"], &["é".as_bytes()]),
        (r"\377", &[b"\xff"], &["\u{ff}".as_bytes()]),
        (r"\xc3\xa9", &["é".as_bytes()], &[b"\xe9"]),
        (r"\Qé.", &["é.".as_bytes()], &[b"\xc3\xa9a"]),
        // a repetition is of the last byte
        ("é{2}", &[b"\xc3\xa9\xa9"], &["éé".as_bytes()]),
        ("é?", &["é".as_bytes(), b"\xc3"], &[b""]),
        ("(é)?", &["é".as_bytes(), b""], &[b"\xc3"]),
        ("é|ü", &["é".as_bytes(), "ü".as_bytes()], &[b"\xc3"]),
    ]);
}

#[test]
fn a_dot_is_one_byte_whatever_it_is() {
    check(&[
        (".", &[b"a", b"\xe9", b"\xff", b"\x80", b"\0"], &[b"", b"\n", "é".as_bytes()]),
        ("..", &["é".as_bytes(), b"\xff\xff", b"\xc0\x80"], &["😀".as_bytes()]),
        (".*", &["é".as_bytes(), b"\xff\xc3", b""], &[b"\xff\n"]),
        ("(?s).", &[b"\n", b"\xff"], &["é".as_bytes()]),
        ("caf.", &[b"caf\xe9"], &["café".as_bytes()]),
    ]);
}

#[test]
fn a_class_is_a_set_of_bytes() {
    check(&[
        ("[é]", &[b"\xc3", b"\xa9"], &["é".as_bytes(), b"\xe9"]),
        // c3, a9 to c3, bc
        ("[é-ü]", &[b"\xc3", b"\xa9", b"\xbc", b"\xb0"], &["ö".as_bytes(), b"\xa8", b"\xc4"]),
        ("[^a]", &[b"\xff", b"\xe9", b"\n"], &[b"a", "é".as_bytes()]),
        ("[^é]", &[b"\xe9", b"a"], &[b"\xc3", b"\xa9"]),
        (r"[\x80-\xff]+", &["é".as_bytes(), b"\xff"], &[b"a"]),
        (r"[^\x00-\xff]", &[], &[b"", b"a", b"\xff"]),
        (r"[^\x00-\xff]*", &[b""], &[b"\xff"]),
        (r"\W", &[b"\xe9", b"\xff"], &["é".as_bytes(), b"a"]),
        (r"\S", &[b"\xa0", b"\x85"], &[b" "]),
        (r"\D\D", &["é".as_bytes()], &[b"\xe9"]),
        ("[[:^alpha:]]", &[b"\xe9", b"\xff"], &[b"a"]),
        (r"\bé", &[], &["é".as_bytes()]),
        (r"é\Bé", &["éé".as_bytes()], &[]),
        (r"\xc3\B\xa9", &["é".as_bytes()], &[]),
    ]);
}

#[test]
fn of_a_class_of_unicode_the_first_256_characters_are_left() {
    check(&[
        (r"\pL", &[b"a", b"\xe9", b"\xaa", b"\xff"], &["é".as_bytes(), b"\xd7", b"\xa9"]),
        (r"\pL+", &[b"caf\xe9"], &["café".as_bytes()]),
        (r"\PL", &[b"\xa9", b"\xd7", b"1"], &[b"\xe9"]),
        (r"\p{Lu}", &[b"A", b"\xc9"], &[b"\xe9"]),
        (r"\pN", &[b"1", b"\xb2", b"\xbd"], &[b"a"]),
        (r"\p{Greek}", &[], &[b"a", b"\xb5", "α".as_bytes()]),
        (r"\p{Greek}*", &[b""], &["α".as_bytes()]),
        (r"\P{Greek}+", &["α".as_bytes(), b"a"], &[b""]),
        (r"\p{Any}", &[b"\xff", b"\n"], &["é".as_bytes()]),
        (r"\P{Any}", &[], &[b"a", b"\xff"]),
    ]);
}

#[test]
fn only_letters_of_ascii_have_two_cases() {
    check(&[
        ("(?i)k", &[b"k", b"K"], &["\u{212a}".as_bytes()]),
        ("(?i)s", &[b"s", b"S"], &["ſ".as_bytes()]),
        ("(?i)É", &["É".as_bytes()], &["é".as_bytes()]),
        ("(?i)é", &["é".as_bytes()], &[b"\xe3\xa9", "É".as_bytes()]),
        (r"(?i)\xe9", &[b"\xe9"], &[b"\xc9"]),
        (r"(?i)[\xe0-\xfea]", &[b"\xe9", b"A"], &[b"\xc9"]),
        (r"(?i)[^\xe9a]", &[b"\xc9"], &[b"\xe9", b"A"]),
        (r"(?i)\p{Lu}", &[b"A", b"a", b"\xc9"], &[b"\xe9"]),
        (r"(?i)\P{Lu}", &[b"1", b"\xe9"], &[b"a", b"A", b"\xc9"]),
        (r"(?i)\xb5\xdf\xff", &[b"\xb5\xdf\xff"], &[]),
    ]);
}

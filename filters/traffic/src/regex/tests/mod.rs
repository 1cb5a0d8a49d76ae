//! What patterns mean, row by row, and at random.
//!
//! Every row was also put to RE2 2025-11-05 (`google-re2`) and Go 1.27. Sources: \[S] RE2's `doc/syntax.txt`, \[P]
//! `re2/testing/parse_test.cc`, \[G] Go's `regexp/syntax/parse_test.go`, \[T] `re2/testing/re2_test.cc` and
//! `search_test.cc`, \[C] `re2/compile.cc`; \[R] was seen to differ from the `regex` crate.

mod classes;
mod latin1;
mod literals;
mod operators;
mod random;
mod refused;
mod rewrites;

use super::Regex;
use crate::written::RegexEncoding;

/// A pattern, texts that it matches, and texts that it does not.
type Row<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a [u8]]);

/// Each encoding.
const ENCODINGS: [RegexEncoding; 2] = [RegexEncoding::Latin1, RegexEncoding::Utf8];

fn utf8(pattern: &str) -> Result<Regex, String> {
    Regex::compile(pattern, RegexEncoding::Utf8)
}

fn latin1(pattern: &str) -> Result<Regex, String> {
    Regex::compile(pattern, RegexEncoding::Latin1)
}

/// Checks rows that hold in UTF-8; what of them is ASCII holds in either encoding.
fn check(rows: &[Row<'_>]) {
    check_if(rows, RegexEncoding::Utf8, |_| true);
    let ascii: Vec<Row<'_>> =
        rows.iter().filter(|(pattern, ..)| pattern.is_ascii() && latin1(pattern).is_ok()).copied().collect();
    check_if(&ascii, RegexEncoding::Latin1, <[u8]>::is_ascii);
}

/// Checks `rows` in `encoding`, with those of the texts that are `wanted`.
fn check_if(rows: &[Row<'_>], encoding: RegexEncoding, wanted: impl Fn(&[u8]) -> bool) {
    for (pattern, matching, others) in rows {
        let regex = Regex::compile(pattern, encoding).unwrap_or_else(|reason| panic!("{pattern}: {reason}"));
        for text in matching.iter().filter(|text| wanted(text)) {
            assert!(regex.is_full_match(text), "{pattern} must match \"{}\" in {encoding:?}", text.escape_ascii());
        }
        for text in others.iter().filter(|text| wanted(text)) {
            assert!(!regex.is_full_match(text), "{pattern} must not match \"{}\" in {encoding:?}", text.escape_ascii());
        }
    }
}

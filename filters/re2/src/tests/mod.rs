//! What patterns mean, row by row, and at random.
//!
//! Every row was also put to RE2 2025-11-05 (`google-re2`) and Go 1.27. Sources: \[S] RE2's `doc/syntax.txt`, \[P]
//! `re2/testing/parse_test.cc`, \[G] Go's `regexp/syntax/parse_test.go`, \[T] `re2/testing/re2_test.cc` and
//! `search_test.cc`, \[C] `re2/compile.cc`; \[R] was seen to differ from the `regex` crate.

mod classes;
mod latin1;
mod literals;
mod matches;
mod operators;
mod random;
mod refused;
mod rewrites;

use crate::{Encoding, Regex};

/// A pattern, texts that it matches, and texts that it does not.
type Row<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a [u8]]);

fn check(rows: &[Row<'_>]) {
    for (pattern, matching, others) in rows {
        let regex = compile(pattern).unwrap_or_else(|reason| panic!("{pattern}: {reason}"));
        for text in *matching {
            assert!(regex.is_full_match(text), "{pattern} must match \"{}\"", text.escape_ascii());
        }
        for text in *others {
            assert!(!regex.is_full_match(text), "{pattern} must not match \"{}\"", text.escape_ascii());
        }
    }
}

/// Compiles a pattern of text in UTF-8, as RE2 does by default.
fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::compile(pattern, Encoding::Utf8).map_err(|error| error.to_string())
}

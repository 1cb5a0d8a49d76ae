//! Bytes of clients and of configurations, as logs and metrics may show them.

use std::fmt::{self, Write};

/// Text of whatever origin in printable ASCII: each character outside of it is shown by its number (`\u{202e}`, `\n`), each
/// byte that is not UTF-8 by its own (`\xff`).
///
/// What a client sends must not reach a terminal or a log as it is: a line feed forges a line, an escape sequence repaints
/// the screen, and U+202E turns the text around (CWE-117, CWE-150; Unicode TR 36).
///
/// A backslash stays as it is, so that text that was made printable before is not changed.
///
/// ```
/// use serin_traffic::Printable;
///
/// assert_eq!(Printable(b"GET /a\x1b[2J\r\n").to_string(), r"GET /a\u{1b}[2J\r\n");
/// assert_eq!(Printable("\u{202e}é".as_bytes()).to_string(), r"\u{202e}\u{e9}");
/// assert_eq!(Printable(b"\xff\\d").to_string(), r"\xff\d");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(pub &'a [u8]);

impl Printable<'_> {
    /// The text, cut before the first character with which it would be longer than `most` bytes.
    pub fn cut_to(self, most: usize) -> String {
        let mut cut = Cut { text: String::new(), most };
        // It ends where the text is full.
        let _ = write!(cut, "{self}");
        cut.text
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    ' '..='~' => f.write_str(c.encode_utf8(&mut [0; 4]))?,
                    _ => f.write_str(&c.escape_default().to_string())?,
                }
            }
            for byte in chunk.invalid() {
                f.write_str(&format!("\\x{byte:02x}"))?;
            }
        }
        Ok(())
    }
}

struct Cut {
    text: String,
    most: usize,
}

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.len() + text.len() > self.most {
            return Err(fmt::Error);
        }
        self.text.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn printable(text: impl AsRef<[u8]>) -> String {
        Printable(text.as_ref()).to_string()
    }

    #[test]
    fn printable_ascii_stays_as_it_is() {
        let all: String = (' '..='~').collect();
        assert_eq!(printable(&all), all);
    }

    #[test]
    fn everything_else_is_shown_by_its_number() {
        for (text, shown) in [
            ("a\nb", r"a\nb"),
            ("\t\r\0", r"\t\r\u{0}"),
            ("\u{7f}\u{80}\u{9b}31m", r"\u{7f}\u{80}\u{9b}31m"),
            ("\u{2028}\u{2029}\u{85}", r"\u{2028}\u{2029}\u{85}"),
            ("\u{202a}\u{202e}\u{2066}\u{2069}\u{200f}\u{61c}", r"\u{202a}\u{202e}\u{2066}\u{2069}\u{200f}\u{61c}"),
            ("\u{feff}\u{200b}\u{a0}", r"\u{feff}\u{200b}\u{a0}"),
            ("\u{e0041}\u{10ffff}日", r"\u{e0041}\u{10ffff}\u{65e5}"),
        ] {
            assert_eq!(printable(text), shown);
        }
        assert_eq!(printable(b"a\x9b\xe2\x80b\xed\xa0\x80\xc0\xaf"), r"a\x9b\xe2\x80b\xed\xa0\x80\xc0\xaf");
    }

    #[test]
    fn no_character_is_cut_in_two() {
        assert_eq!(Printable("ab\u{202e}".as_bytes()).cut_to(9), "ab");
        assert_eq!(Printable("ab\u{202e}".as_bytes()).cut_to(10), r"ab\u{202e}");
        assert_eq!(Printable(b"abc").cut_to(0), "");
    }

    proptest! {
        #[test]
        fn whatever_comes_only_printable_ascii_is_shown(bytes: Vec<u8>, most in 0..64_usize) {
            let shown = printable(&bytes);
            prop_assert!(shown.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{}", shown);
            prop_assert_eq!(printable(&shown), shown.clone());
            let cut = Printable(&bytes).cut_to(most);
            prop_assert!(cut.len() <= most && shown.starts_with(&cut));
        }
    }
}

//! Classes: in brackets, of Perl, of Unicode, of POSIX.

use super::{Parser, excerpt};
use crate::code_points::CodePoints;
use crate::unicode;

impl<'p> Parser<'p> {
    /// Parses `[…]`.
    pub(super) fn bracket(&mut self) -> Result<CodePoints, String> {
        let start = self.rest;
        self.rest = self.after(1);
        let negated = self.rest.starts_with('^');
        self.rest = self.after(usize::from(negated));
        let mut set = CodePoints::default();
        let mut single = Vec::new();
        let mut first = true;
        // A ] right at the beginning is a literal.
        while first || !self.rest.starts_with(']') {
            first = false;
            if self.rest.is_empty() {
                return Err(format!("missing closing ]: {}", excerpt(start)));
            }
            if let Some(class) = self.posix()? {
                set.add(&class);
            } else if let Some(class) = self.escaped_class()? {
                set.add(&class);
            } else {
                single.push(self.range(start)?);
            }
        }
        self.rest = self.after(1);
        let mut single = CodePoints::of(&single);
        if self.flags.any_case {
            self.fold_case(&mut single);
        }
        set.add(&single);
        if negated {
            set.negate();
        }
        Ok(set)
    }

    /// Parses a character or a range of them; a hyphen that is no range's is a literal.
    fn range(&mut self, bracket: &'p str) -> Result<(u32, u32), String> {
        let start = self.rest;
        let from = self.character(bracket)?;
        if !self.rest.starts_with('-') || self.rest.starts_with("-]") || self.rest == "-" {
            return Ok((from, from));
        }
        self.rest = self.after(1);
        let to = self.character(bracket)?;
        match from <= to {
            true => Ok((from, to)),
            false => Err(format!("bad range {}", self.since(start))),
        }
    }

    fn character(&mut self, bracket: &'p str) -> Result<u32, String> {
        match self.rest.chars().next() {
            None => Err(format!("missing closing ]: {}", excerpt(bracket))),
            Some('\\') => self.escaped_character(),
            Some(character) => {
                self.rest = self.after(character.len_utf8());
                Ok(character.into())
            }
        }
    }

    /// Parses `[:name:]` or `[:^name:]`, in brackets; without its end it is no class.
    fn posix(&mut self) -> Result<Option<CodePoints>, String> {
        let Some((name, rest)) = self.rest.strip_prefix("[:").and_then(|inner| inner.split_once(":]")) else {
            return Ok(None);
        };
        let (negated, plain) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let Some(ranges) = posix_ranges(plain) else {
            return Err(format!("unknown class [:{}:]", excerpt(name)));
        };
        self.rest = rest;
        Ok(Some(self.cased(CodePoints::of(ranges), negated)))
    }

    /// Parses `\d`, `\s`, `\w`, `\p` or the opposite of one, if one is next.
    pub(super) fn escaped_class(&mut self) -> Result<Option<CodePoints>, String> {
        let Some(letter) = self.rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) else { return Ok(None) };
        let ranges: &[_] = match letter {
            'd' | 'D' => &[(0x30, 0x39)],
            's' | 'S' => &[(0x09, 0x0a), (0x0c, 0x0d), (0x20, 0x20)],
            'w' | 'W' => WORD,
            'p' | 'P' => return self.unicode(letter == 'P').map(Some),
            _ => return Ok(None),
        };
        self.rest = self.after(2);
        Ok(Some(self.cased(CodePoints::of(ranges), letter.is_ascii_uppercase())))
    }

    /// Parses `\pL`, `\p{Greek}`, `\p{^Greek}`, or with `P`.
    fn unicode(&mut self, negated: bool) -> Result<CodePoints, String> {
        let start = self.rest;
        let inner = self.after(2);
        let (name, rest) = match inner.strip_prefix('{') {
            Some(inner) => inner.split_once('}').ok_or_else(|| format!("missing closing }}: {}", excerpt(start)))?,
            None => inner.split_at(inner.chars().next().map_or(0, char::len_utf8)),
        };
        self.rest = rest;
        let (caret, plain) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        match unicode::class(plain) {
            Some(class) => Ok(self.cased(class, negated != caret)),
            None => Err(format!("unknown class {}", excerpt(self.since(start)))),
        }
    }

    /// `set` with the other case if case is looked away from, and only then, if asked, what is not in it.
    fn cased(&self, mut set: CodePoints, negated: bool) -> CodePoints {
        if self.flags.any_case {
            self.fold_case(&mut set);
        }
        if negated {
            set.negate();
        }
        set
    }
}

const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5a), (0x5f, 0x5f), (0x61, 0x7a)];

/// The characters of the POSIX class `name`, all of ASCII.
fn posix_ranges(name: &str) -> Option<&'static [(u32, u32)]> {
    Some(match name {
        "alnum" => &[(0x30, 0x39), (0x41, 0x5a), (0x61, 0x7a)],
        "alpha" => &[(0x41, 0x5a), (0x61, 0x7a)],
        "ascii" => &[(0x00, 0x7f)],
        "blank" => &[(0x09, 0x09), (0x20, 0x20)],
        "cntrl" => &[(0x00, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(0x30, 0x39)],
        "graph" => &[(0x21, 0x7e)],
        "lower" => &[(0x61, 0x7a)],
        "print" => &[(0x20, 0x7e)],
        "punct" => &[(0x21, 0x2f), (0x3a, 0x40), (0x5b, 0x60), (0x7b, 0x7e)],
        "space" => &[(0x09, 0x0d), (0x20, 0x20)],
        "upper" => &[(0x41, 0x5a)],
        "word" => WORD,
        "xdigit" => &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)],
        _ => return None,
    })
}

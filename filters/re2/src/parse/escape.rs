//! What a backslash begins.

use super::{Parser, excerpt};
use crate::node::Node;
use regex_automata::util::look::Look;

impl<'p> Parser<'p> {
    /// Parses what begins with a backslash, outside of brackets.
    pub(super) fn backslash(&mut self) -> Result<(), String> {
        match self.after(1).chars().next() {
            Some('A') => return self.take(2, Node::Look(Look::Start)),
            Some('z') => return self.take(2, Node::Look(Look::End)),
            Some('b') => return self.take(2, Node::Look(Look::WordAscii)),
            Some('B') => return self.take(2, Node::Look(Look::WordAsciiNegate)),
            Some('C') => return Err(r"\C, a single byte, is not in Go, with which Istio checks".to_owned()),
            Some('Q') => {
                self.quoted();
                return Ok(());
            }
            _ => {}
        }
        if let Some(class) = self.escaped_class()? {
            self.push(Node::Class(class));
            return Ok(());
        }
        let code_point = self.escaped_character()?;
        self.literal(code_point);
        Ok(())
    }

    /// Parses `\Q`, with the literals after it, up to a `\E` or the end.
    fn quoted(&mut self) {
        let quoted = self.after(2);
        let (literals, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
        for character in literals.chars() {
            self.literal(character.into());
        }
        self.rest = rest;
    }

    /// Parses a character that begins with a backslash.
    pub(super) fn escaped_character(&mut self) -> Result<u32, String> {
        let start = self.rest;
        self.rest = self.after(1);
        let Some(character) = self.rest.chars().next() else { return Err(r"\ at the end".to_owned()) };
        self.rest = self.after(character.len_utf8());
        let code_point = match character {
            'a' => Some(0x07),
            't' => Some(0x09),
            'n' => Some(0x0a),
            'v' => Some(0x0b),
            'f' => Some(0x0c),
            'r' => Some(0x0d),
            'x' => self.hexadecimal(),
            '1'..='9' if !self.rest.starts_with(|next: char| next.is_digit(8)) => {
                return Err(format!("backreferences are not in RE2: {}", self.since(start)));
            }
            '0'..='7' => Some(self.octal(character)).filter(|value| *value <= self.last_character()),
            other => (other.is_ascii() && !other.is_ascii_alphanumeric()).then_some(other.into()),
        };
        code_point.ok_or_else(|| {
            let length = start.len() - self.rest.len();
            format!("unknown escape {}", excerpt(start.get(..length).unwrap_or(start)))
        })
    }

    /// Reads up to two more octal digits after the first.
    fn octal(&mut self, first: char) -> u32 {
        let mut code_point = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|next| next.to_digit(8)) else { break };
            code_point = code_point * 8 + digit;
            self.rest = self.after(1);
        }
        code_point
    }

    /// Reads what follows `\x`: two digits, or any number of them in braces.
    fn hexadecimal(&mut self) -> Option<u32> {
        let (digits, rest) = match self.rest.strip_prefix('{') {
            Some(inner) => inner.split_once('}')?,
            None => self.rest.split_at_checked(2)?,
        };
        let significant = digits.trim_start_matches('0');
        let proper = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = match (proper, significant) {
            (false, _) => None,
            (true, "") => Some(0),
            (true, digits) => u32::from_str_radix(digits, 16).ok().filter(|value| *value <= self.last_character()),
        };
        self.rest = rest;
        value
    }
}

//! Groups and flags.

use super::{Parser, excerpt};
use crate::node::Node;

/// What `(?i)` and its like set.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// `i`: upper and lower case are one.
    pub(super) any_case: bool,
    /// `m`: `^` and `$` are at every line's ends, not only at the text's.
    pub(super) lines: bool,
    /// `s`: `.` is a line feed, too.
    pub(super) dot_takes_line_feed: bool,
    /// `U`: `x*` is what `x*?` is otherwise, and the other way round.
    pub(super) ungreedy: bool,
}

/// A group whose end has not been seen.
#[derive(Debug)]
pub(super) struct Group<'p> {
    /// From its parenthesis on.
    pub(super) written: &'p str,
    /// Its number, unless it is `(?:…)`.
    capture: Option<u32>,
    /// The flags from before it, which hold again after it.
    flags: Flags,
    /// The alternatives that are complete.
    alternatives: Vec<Node>,
    /// What there is of the next one.
    pub(super) nodes: Vec<Node>,
}

impl Group<'_> {
    /// What is around the pattern.
    pub(super) fn outermost() -> Self {
        Self { written: "", capture: None, flags: Flags::default(), alternatives: Vec::new(), nodes: Vec::new() }
    }

    /// Parsed a `|`.
    pub(super) fn next_alternative(&mut self) {
        self.alternatives.push(Node::concat(std::mem::take(&mut self.nodes)));
    }

    /// What the group says.
    pub(super) fn finish(mut self) -> Node {
        self.next_alternative();
        let node = Node::alternate(self.alternatives);
        match self.capture {
            Some(number) => Node::Capture(number, Box::new(node)),
            None => node,
        }
    }
}

impl<'p> Parser<'p> {
    /// Parses `(`, `(?flags)`, `(?flags:`, `(?:`, `(?P<name>` or `(?<name>`.
    pub(super) fn open(&mut self) -> Result<(), String> {
        let start = self.rest;
        if !start.starts_with("(?") {
            self.rest = self.after(1);
            self.begin(start, true, self.flags);
            return Ok(());
        }
        for around in ["(?=", "(?!", "(?<=", "(?<!"] {
            if start.starts_with(around) {
                return Err(format!("look-around {around} is not in RE2"));
            }
        }
        if start.starts_with("(?P=") || start.starts_with("(?P>") {
            return Err(format!("backreferences are not in RE2: {}", excerpt(start)));
        }
        match start.strip_prefix("(?P<").or_else(|| start.strip_prefix("(?<")) {
            Some(rest) => self.named(start, rest),
            None => self.flagged(start),
        }
    }

    fn begin(&mut self, written: &'p str, capturing: bool, flags: Flags) {
        let capture = capturing.then(|| {
            self.groups += 1;
            self.groups
        });
        let group = Group { written, capture, flags: self.flags, alternatives: Vec::new(), nodes: Vec::new() };
        self.outer.push(std::mem::replace(&mut self.group, group));
        self.flags = flags;
    }

    /// Parses a name, up to its `>`.
    fn named(&mut self, start: &'p str, rest: &'p str) -> Result<(), String> {
        let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some((_, rest)) = rest.split_once('>').filter(|(name, _)| !name.is_empty() && is_word(name)) else {
            return Err(format!("bad group name: {}", excerpt(start)));
        };
        self.rest = rest;
        self.begin(start, true, self.flags);
        Ok(())
    }

    /// Parses flags after `(?`, up to a `:`, which begins a group, or a `)`, which does not.
    fn flagged(&mut self, start: &'p str) -> Result<(), String> {
        let mut flags = self.flags;
        let mut value = true;
        let mut any = true;
        self.rest = self.after(2);
        while let Some(character) = self.rest.chars().next() {
            self.rest = self.after(character.len_utf8());
            match character {
                'i' => flags.any_case = value,
                'm' => flags.lines = value,
                's' => flags.dot_takes_line_feed = value,
                'U' => flags.ungreedy = value,
                '-' if value => {
                    value = false;
                    any = false;
                    continue;
                }
                ':' if any => {
                    self.begin(start, false, flags);
                    return Ok(());
                }
                ')' if any => {
                    self.flags = flags;
                    return Ok(());
                }
                _ => return Err(format!("unknown flag: {}", self.since(start))),
            }
            any = true;
        }
        Err(format!("missing closing ): {}", excerpt(start)))
    }

    /// Parses `)`.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let Some(outer) = self.outer.pop() else {
            return Err(format!("nothing opened before {}", excerpt(self.rest)));
        };
        self.rest = self.after(1);
        self.flags = self.group.flags;
        let group = std::mem::replace(&mut self.group, outer);
        self.push(group.finish());
        Ok(())
    }
}

//! RE2's syntax (`re2/parse.cc`), less what Go's `regexp/syntax` refuses: `\C`, names of groups that are not ASCII,
//! and counts of more than nine digits, which RE2 takes for literals.

mod class;
mod escape;
mod group;
mod repeat;

use super::code_points::{CodePoints, LAST};
use super::node::Node;
use super::unicode;
use crate::Encoding;
use group::{Flags, Group};
use regex_automata::util::look::Look;

/// The bound on how deep groups and repetitions nest: compiling takes stack for each.
const DEEPEST: usize = 250;

/// A pattern, parsed.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) node: Node,
    /// How many capturing groups there are.
    pub(super) groups: u32,
}

/// Parses `pattern`, or says what of it is wrong.
pub(super) fn parse(pattern: &str, encoding: Encoding) -> Result<Parsed, String> {
    let mut parser = Parser {
        rest: pattern,
        encoding,
        flags: Flags::default(),
        group: Group::outermost(),
        outer: Vec::new(),
        groups: 0,
        repeated: None,
    };
    while let Some(character) = parser.rest.chars().next() {
        parser.step(character)?;
    }
    if !parser.outer.is_empty() {
        return Err(format!("missing closing ): {}", excerpt(parser.group.written)));
    }
    let node = parser.group.finish();
    match node.height() {
        ..=DEEPEST => Ok(Parsed { node, groups: parser.groups }),
        _ => Err(format!("nested more than {DEEPEST} deep")),
    }
}

struct Parser<'p> {
    /// What is still to be parsed.
    rest: &'p str,
    encoding: Encoding,
    flags: Flags,
    /// The group that is being parsed.
    group: Group<'p>,
    /// The groups around it, the outermost first.
    outer: Vec<Group<'p>>,
    /// How many capturing groups have begun.
    groups: u32,
    /// From the repetition on that was parsed last, if nothing has been since.
    repeated: Option<&'p str>,
}

impl<'p> Parser<'p> {
    /// Parses what begins with `character`.
    fn step(&mut self, character: char) -> Result<(), String> {
        let repeated = self.repeated.take();
        match character {
            '(' => self.open(),
            ')' => self.close(),
            '|' => {
                self.rest = self.after(1);
                self.group.next_alternative();
                Ok(())
            }
            '*' | '+' | '?' | '{' => self.repetition(character, repeated),
            '[' => {
                let class = self.bracket()?;
                self.push(Node::Class(class));
                Ok(())
            }
            '\\' => self.backslash(),
            '.' if self.flags.dot_takes_line_feed => self.take(1, Node::Class(CodePoints::of(&[(0, LAST)]))),
            '.' => self.take(1, Node::Class(CodePoints::of(&[(0, 0x09), (0x0b, LAST)]))),
            '^' if self.flags.lines => self.take(1, Node::Look(Look::StartLF)),
            '^' => self.take(1, Node::Look(Look::Start)),
            '$' if self.flags.lines => self.take(1, Node::Look(Look::EndLF)),
            '$' => self.take(1, Node::Look(Look::End)),
            _ => {
                self.rest = self.after(character.len_utf8());
                self.literal(character.into());
                Ok(())
            }
        }
    }

    fn push(&mut self, node: Node) {
        self.group.nodes.push(node);
    }

    /// Pushes `node`, which `length` bytes say.
    fn take(&mut self, length: usize, node: Node) -> Result<(), String> {
        self.rest = self.after(length);
        self.push(node);
        Ok(())
    }

    fn literal(&mut self, code_point: u32) {
        let mut set = CodePoints::of(&[(code_point, code_point)]);
        if self.flags.any_case {
            self.fold_case(&mut set);
        }
        let alone = set.ranges() == [(code_point, code_point)];
        self.push(if alone { Node::Char(code_point) } else { Node::Class(set) });
    }

    /// Adds to `set` the other case: of bytes only that of ASCII.
    fn fold_case(&self, set: &mut CodePoints) {
        match self.encoding {
            Encoding::Latin1 => unicode::fold_ascii(set),
            Encoding::Utf8 => unicode::fold_case(set),
        }
    }

    /// The last character that an escape may name.
    fn last_character(&self) -> u32 {
        match self.encoding {
            Encoding::Latin1 => 0xff,
            Encoding::Utf8 => LAST,
        }
    }

    /// What follows `length` bytes.
    fn after(&self, length: usize) -> &'p str {
        self.rest.get(length..).unwrap_or_default()
    }

    /// What has been parsed since `start` was the rest.
    fn since(&self, start: &'p str) -> &'p str {
        start.get(..start.len() - self.rest.len()).unwrap_or_default()
    }
}

/// The beginning of `text`, for a message.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 24;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

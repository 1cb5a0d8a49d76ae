//! Tabs at the beginning of lines: the parser passes over some that go-yaml refuses.

use super::SyntaxError;
use granit_parser::{Event, Span};
use std::collections::BTreeMap;

/// The lines of a text that begin with a tab, until it is known that it may stand there: within brackets and scalars.
pub(super) struct Tabs<'t> {
    text: &'t str,
    /// The columns of the tabs, by line; both are counted from 1.
    lines: BTreeMap<usize, usize>,
    /// The lists and mappings that have not ended, the innermost last: the line of the bracket, if one begins it.
    open: Vec<Option<usize>>,
}

impl<'t> Tabs<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let tab = |(number, line): (usize, &str)| {
            let column = line.find(|char| char != ' ').filter(|at| line[*at..].starts_with('\t'))?;
            Some((number + 1, column + 1))
        };
        Self { text, lines: text.lines().enumerate().filter_map(tab).collect(), open: Vec::new() }
    }

    /// Takes what the parser has met.
    pub(super) fn take(&mut self, event: &Event<'_>, span: &Span) {
        if self.lines.is_empty() {
            return;
        }
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let first = span.start.byte_offset().and_then(|at| self.text.as_bytes().get(at));
                let is_bracket = matches!(first, Some(b'[' | b'{'));
                self.open.push(is_bracket.then(|| span.start.line()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Some(first)) = self.open.pop() {
                    self.allow(first, span.end.line());
                }
            }
            Event::Scalar(..) => {
                let last = span.end.line() - usize::from(span.end.col() == 0);
                self.allow(span.start.line(), last);
            }
            _ => {}
        }
    }

    /// Allows tabs behind the `first` line, up to the `last` one.
    fn allow(&mut self, first: usize, last: usize) {
        while let Some(line) = self.lines.range(first + 1..).next().map(|(line, _)| *line).filter(|line| *line <= last)
        {
            self.lines.remove(&line);
        }
    }

    /// The first tab that may not stand where it stands.
    pub(super) fn mistake(self) -> Option<SyntaxError> {
        let (line, column) = self.lines.into_iter().next()?;
        Some(SyntaxError { line, column, reason: "a tab indents nothing in YAML: write spaces".to_owned() })
    }
}

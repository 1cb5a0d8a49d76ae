//! YAML as kubectl reads it: what passes here must not mean something else in the cluster.
//!
//! kubectl reads YAML with `sigs.k8s.io/yaml`, and that with `go.yaml.in/yaml/v2`: plain `yes`, `off` and `y` are
//! booleans, `0777` is octal, `1_000` is a number and `90.0` a whole one. The parser, `granit-parser`, takes the layouts
//! that libyaml takes, which go-yaml is a port of.

mod builder;
mod scalar;
mod tabs;

use builder::Builder;
use granit_parser::{Marker, Parser, ScanError};
use serde_json::Value;
use tabs::Tabs;

/// A document of a text.
pub(crate) struct Parsed {
    /// The line on which it begins.
    pub(crate) line: usize,
    /// What it holds.
    pub(crate) value: Value,
}

/// The documents of `text`, but for those that hold nothing.
///
/// # Errors
///
/// What is wrong, with `file`, line and column in front, and the line itself with a caret behind.
pub(crate) fn documents(file: &str, text: &str) -> Result<Vec<Parsed>, String> {
    let (mut builder, mut tabs) = (Builder::default(), Tabs::of(text));
    for event in Parser::new_from_str(text) {
        event
            .map_err(SyntaxError::from)
            .and_then(|(event, span)| {
                tabs.take(&event, &span);
                builder.take(event, span.start)
            })
            .map_err(|error| error.shown(file, text))?;
    }
    match tabs.mistake() {
        Some(error) => Err(error.shown(file, text)),
        None => Ok(builder.documents()),
    }
}

/// Where a text cannot be read, and why.
struct SyntaxError {
    line: usize,
    column: usize,
    reason: String,
}

impl SyntaxError {
    fn at(place: Marker, reason: impl Into<String>) -> Self {
        Self { line: place.line(), column: place.col() + 1, reason: reason.into() }
    }

    fn shown(&self, file: &str, text: &str) -> String {
        let Self { line, column, reason } = self;
        let source = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let blank = " ".repeat(line.to_string().len());
        let before = " ".repeat(column - 1);
        format!("{file}:{line}:{column}: {reason}\n{blank} |\n{line} | {source}\n{blank} | {before}^")
    }
}

impl From<ScanError> for SyntaxError {
    fn from(error: ScanError) -> Self {
        Self::at(*error.marker(), error.info())
    }
}

#[cfg(test)]
mod tests;

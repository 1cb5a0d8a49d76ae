//! Values, built from a parser's events.

use super::{Parsed, SyntaxError, scalar};
use granit_parser::{Event, Marker, ScalarStyle};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// How many values a text may have once its aliases are written out.
const MOST_VALUES: usize = 1_000_000;

/// What is known of a text so far.
#[derive(Default)]
pub(super) struct Builder {
    documents: Vec<Parsed>,
    /// The lists and mappings that have not ended, the innermost last.
    open: Vec<Open>,
    anchors: BTreeMap<usize, Value>,
    /// How many values there are, those of aliases and those kept for them included.
    values: usize,
}

/// A list or a mapping that has not ended.
struct Open {
    /// Where it begins.
    place: Marker,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    Mapping {
        fields: Map<String, Value>,
        /// The key whose value comes next.
        key: Option<Key>,
        /// What `<<` brings for keys that are not written.
        merged: Map<String, Value>,
    },
}

enum Key {
    Named(String),
    /// `<<`
    Merge,
}

impl Builder {
    pub(super) fn documents(self) -> Vec<Parsed> {
        self.documents
    }

    /// Takes what the parser has met at `place`.
    pub(super) fn take(&mut self, event: Event<'_>, place: Marker) -> Result<(), SyntaxError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                let tag = tag.as_deref().map(|tag| tag.suffix());
                if is_plain && tag.is_none() && text == "<<" && self.begin_merge() {
                    return Ok(());
                }
                let value = match (tag, is_plain) {
                    (Some("int" | "float" | "bool" | "null"), _) | (None, true) => scalar::resolve(&text),
                    _ => Ok(Value::String(text.into_owned())),
                };
                self.count(1, place)?;
                self.add(value.map_err(|reason| SyntaxError::at(place, reason))?, anchor, place)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(Open { place, anchor, content: Content::List(Vec::new()) });
                self.count(1, place)
            }
            Event::MappingStart(_, anchor, _) => {
                let content = Content::Mapping { fields: Map::new(), key: None, merged: Map::new() };
                self.open.push(Open { place, anchor, content });
                self.count(1, place)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { place, anchor, content }) => self.add(content.into_value(), anchor, place),
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(value) => {
                    self.count(size(&value), place)?;
                    self.add(value, 0, place)
                }
                None => Err(SyntaxError::at(place, "an alias stands within what it is an alias of")),
            },
            _ => Ok(()),
        }
    }

    /// Whether the next value is merged into the innermost mapping, because `<<` stands in a key's place.
    fn begin_merge(&mut self) -> bool {
        match self.open.last_mut().map(|open| &mut open.content) {
            Some(Content::Mapping { key: key @ None, .. }) => {
                *key = Some(Key::Merge);
                true
            }
            _ => false,
        }
    }

    fn count(&mut self, values: usize, place: Marker) -> Result<(), SyntaxError> {
        self.values += values;
        if self.values > MOST_VALUES {
            return Err(SyntaxError::at(place, format!("more than {MOST_VALUES} values, with aliases written out")));
        }
        Ok(())
    }

    /// Adds a value, which begins at `place`, to the innermost list or mapping, or as a document.
    fn add(&mut self, value: Value, anchor: usize, place: Marker) -> Result<(), SyntaxError> {
        if anchor != 0 {
            self.count(size(&value), place)?;
            self.anchors.insert(anchor, value.clone());
        }
        match self.open.last_mut() {
            Some(open) => open.content.add(value).map_err(|reason| SyntaxError::at(place, reason)),
            None => {
                if !value.is_null() {
                    self.documents.push(Parsed { line: place.line(), value });
                }
                Ok(())
            }
        }
    }
}

impl Content {
    fn into_value(self) -> Value {
        match self {
            Self::List(items) => Value::Array(items),
            Self::Mapping { mut fields, merged, .. } => {
                for (name, value) in merged {
                    fields.entry(name).or_insert(value);
                }
                Value::Object(fields)
            }
        }
    }

    fn add(&mut self, value: Value) -> Result<(), String> {
        let (fields, key, merged) = match self {
            Self::List(items) => {
                items.push(value);
                return Ok(());
            }
            Self::Mapping { fields, key, merged } => (fields, key, merged),
        };
        match key.take() {
            None => {
                let name = match value {
                    Value::String(text) => text,
                    Value::Bool(_) | Value::Number(_) => value.to_string(),
                    _ => return Err("a key must be a text, a number or a boolean".to_owned()),
                };
                if fields.contains_key(&name) {
                    return Err(format!("`{name}` is defined twice"));
                }
                *key = Some(Key::Named(name));
            }
            Some(Key::Named(name)) => {
                fields.insert(name, value);
            }
            Some(Key::Merge) => {
                let mappings = if let Value::Array(items) = value { items } else { vec![value] };
                for mapping in mappings {
                    let Value::Object(theirs) = mapping else {
                        return Err("`<<` merges mappings, or a list of them".to_owned());
                    };
                    // The first of several mappings wins.
                    for (name, value) in theirs {
                        merged.entry(name).or_insert(value);
                    }
                }
            }
        }
        Ok(())
    }
}

/// How many values there are in a value, itself included.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields.values().map(size).sum(),
        _ => 0,
    }
}

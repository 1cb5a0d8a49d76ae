//! JSON objects that have no field that nobody reads.

use crate::row::Fields;
use serde_json::{Map, Value, json};

/// An object of which each field is to be taken.
pub(crate) struct Object {
    /// Which row has it.
    pub(crate) at: String,
    pub(crate) fields: Map<String, Value>,
}

impl Object {
    pub(crate) fn of(at: &str, value: Value) -> Self {
        match value {
            Value::Object(fields) => Self { at: at.to_owned(), fields },
            other => panic!("{at}: {other} is not an object"),
        }
    }

    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field)
    }

    pub(crate) fn object(&mut self, field: &str) -> Option<Object> {
        self.take(field).map(|value| Object::of(&self.at, value))
    }

    pub(crate) fn text(&mut self, field: &str) -> Option<String> {
        self.take(field).map(|value| match value {
            Value::String(text) => text,
            other => panic!("{}: {field}: {other} is not a text", self.at),
        })
    }

    pub(crate) fn number(&mut self, field: &str) -> Option<u64> {
        self.take(field).map(|value| value.as_u64().unwrap_or_else(|| panic!("{}: {field} is no number", self.at)))
    }

    /// `[[name, value], …]`
    pub(crate) fn pairs(&mut self, field: &str) -> Fields {
        let pairs = self.take(field).unwrap_or_else(|| json!([]));
        let pairs = pairs.as_array().unwrap_or_else(|| panic!("{}: {field} is no list", self.at));
        let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => (name.clone(), bytes(&self.at, value)),
            _ => panic!("{}: {field}: {pair} is no pair of name and value", self.at),
        };
        pairs.iter().map(pair).collect()
    }

    /// `{name: value}`, `{name: [value, …]}` or `{name: null}`
    pub(crate) fn values(&mut self, field: &str) -> Vec<(String, Vec<Vec<u8>>)> {
        let Some(values) = self.object(field) else {
            return Vec::new();
        };
        let list = |value: &Value| match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values.iter().map(|value| bytes(&self.at, value)).collect(),
            value => vec![bytes(&self.at, value)],
        };
        values.fields.iter().map(|(name, value)| (name.clone(), list(value))).collect()
    }

    #[track_caller]
    pub(crate) fn finish(self) {
        assert!(self.fields.is_empty(), "{}: unknown fields {:?}", self.at, self.fields.keys());
    }
}

/// A text, or `{"bytes": "63e9"}`.
pub(crate) fn bytes(at: &str, value: &Value) -> Vec<u8> {
    match (value, &value["bytes"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(hex)) if hex.len() % 2 == 0 => (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_else(|error| panic!("{hex}: {error}")))
            .collect(),
        _ => panic!("{at}: {value} is neither text nor bytes"),
    }
}

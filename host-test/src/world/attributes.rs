//! Attributes that a test sets: values by their paths.

use crate::pairs;
use std::collections::BTreeMap;

/// The value of an attribute. Numbers reach the guest as eight bytes, little endian.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text or other bytes.
    Bytes(Vec<u8>),
    /// A signed number, as ports and codes are.
    Int(i64),
    /// An unsigned number, as sizes are.
    Uint(u64),
    /// A fraction.
    Double(f64),
    /// True or false, one byte.
    Bool(bool),
}

impl Value {
    /// The bytes that a guest gets.
    pub(crate) fn serialized(&self) -> Vec<u8> {
        match self {
            Value::Bytes(bytes) => bytes.clone(),
            Value::Int(number) => number.to_le_bytes().to_vec(),
            Value::Uint(number) => number.to_le_bytes().to_vec(),
            Value::Double(number) => number.to_le_bytes().to_vec(),
            Value::Bool(truth) => vec![u8::from(*truth)],
        }
    }
}

macro_rules! value_from {
    ($($source:ty => $make:expr),* $(,)?) => {$(
        impl From<$source> for Value {
            fn from(source: $source) -> Value {
                let make: fn($source) -> Value = $make;
                make(source)
            }
        }
    )*};
}

value_from! {
    &str => |text| Value::Bytes(text.as_bytes().to_vec()),
    String => |text| Value::Bytes(text.into_bytes()),
    Vec<u8> => Value::Bytes,
    &[u8] => |bytes| Value::Bytes(bytes.to_vec()),
    i64 => Value::Int,
    u64 => Value::Uint,
    f64 => Value::Double,
    bool => Value::Bool,
}

/// Attributes by path; an inner path is a map of what lies below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    leaves: BTreeMap<Vec<String>, Value>,
}

impl Tree {
    pub(crate) fn set(&mut self, path: Vec<String>, value: Value) {
        self.leaves.insert(path, value);
    }

    /// The value at `path`, or the map below it as pairs.
    pub(crate) fn get(&self, path: &[String]) -> Option<Vec<u8>> {
        if let Some(value) = self.leaves.get(path) {
            return Some(value.serialized());
        }
        let below = || self.leaves.keys().filter(|known| known.len() > path.len() && known.starts_with(path));
        let mut names: Vec<&String> = below().map(|known| &known[path.len()]).collect();
        names.dedup();
        if names.is_empty() {
            return None;
        }
        let child = |name: &String| self.get(&[path, std::slice::from_ref(name)].concat()).unwrap_or_default();
        Some(pairs::encode(&names.into_iter().map(|name| (name, child(name))).collect::<Vec<_>>()))
    }
}

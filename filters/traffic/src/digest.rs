//! The digest of a configuration, by which filters know that they were given the same one.

use crate::order::sort_by;
use serde_json::Value;
use std::fmt;
use xxhash_rust::xxh64::Xxh64;

/// A digest of what a configuration says, not of how it is written: order of fields and white space do not count.
///
/// ```
/// use serin_traffic::Digest;
///
/// let one = Digest::of(&serde_json::json!({"port": 80, "gateway": "mesh"}));
/// let other = Digest::of(&serde_json::json!({"gateway": "mesh", "port": 80}));
/// assert_eq!(one, other);
/// assert_eq!(one.to_string().len(), 16);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of the document that `value` holds.
    pub fn of(value: &Value) -> Self {
        let mut hash = Xxh64::new(0);
        feed(&mut hash, value);
        Self(hash.digest())
    }

    /// The same, but for the field `left_out` of the document itself.
    pub(crate) fn without(value: &Value, left_out: &str) -> Self {
        let Value::Object(fields) = value else { return Self::of(value) };
        let mut hash = Xxh64::new(0);
        feed_fields(&mut hash, fields.iter().filter(|(name, _)| *name != left_out).collect());
        Self(hash.digest())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Self)).flatten()
    }
}

/// Feeds the value to the hash, an object's fields in the order of their names.
fn feed(hash: &mut Xxh64, value: &Value) {
    match value {
        Value::Object(fields) => feed_fields(hash, fields.iter().collect()),
        Value::Array(items) => {
            hash.update(b"[");
            items.iter().for_each(|item| feed(hash, item));
            hash.update(b"]");
        }
        Value::String(text) => feed_text(hash, text),
        plain => {
            hash.update(plain.to_string().as_bytes());
            hash.update(b",");
        }
    }
}

/// A text behind its length, so that none can be taken for the beginning of another.
fn feed_text(hash: &mut Xxh64, text: &str) {
    hash.update(b"\"");
    hash.update(&(text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

fn feed_fields(hash: &mut Xxh64, mut fields: Vec<(&String, &Value)>) {
    // They come in this order, unless a feature of the library is on that keeps the order in which they were written.
    if !fields.is_sorted_by_key(|(name, _)| *name) {
        sort_by(&mut fields, |one, other| one.0.cmp(other.0));
    }
    hash.update(b"{");
    for (name, value) in fields {
        feed_text(hash, name);
        feed(hash, value);
    }
    hash.update(b"}");
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

//! Reading a value as one of the written types, with mistakes told in the words of those who write manifests.

mod wording;

use wording::Wording;

use crate::refusal::Refusal;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::Value;

/// Reads `value` as a `T`; a mistake is refused with its path below `path`.
///
/// ```
/// use serde_json::json;
/// use serin_traffic::written::{Percent, read};
///
/// let refusal = read::<Percent>("mirrorPercentage", json!(50)).unwrap_err();
/// assert_eq!(refusal.to_string(), "mirrorPercentage: 50 is a number; {value: 50} is wanted");
/// ```
///
/// # Errors
///
/// A [`Refusal`] for the first value that is not of the type that its field has, and for the first field that `T` has not.
pub fn read<T: DeserializeOwned>(path: &str, value: Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(Written(value)).map_err(|error| {
        let mut place = path.to_owned();
        let below = error.path().to_string();
        if below != "." {
            add(&mut place, &below);
        }
        let wording = error.into_inner();
        if let Some(field) = wording.missing {
            add(&mut place, field);
        }
        Refusal::new(place, wording.text)
    })
}

/// Adds `below` to `place`, with a dot where one is needed.
fn add(place: &mut String, below: &str) {
    if !place.is_empty() && !below.starts_with('[') {
        place.push('.');
    }
    place.push_str(below);
}

/// A value that is about to be read.
struct Written(Value);

impl IntoDeserializer<'_, Wording> for Written {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Written {
    type Error = Wording;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wording> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, number) => visitor.visit_f64(number.unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Written))),
            Value::Object(fields) => {
                visitor.visit_map(MapDeserializer::new(fields.into_iter().map(|(name, value)| (name, Written(value)))))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wording> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Wording> {
        visitor.visit_newtype_struct(self)
    }

    /// Serde reads a list as a struct, too, field by field: nobody writes one so, and who writes a list there errs.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wording> {
        match self.0 {
            Value::Array(_) => Err(Wording::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wording> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            other => Err(Wording::not_one_of(&other.to_string(), variants)),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

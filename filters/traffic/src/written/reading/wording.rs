//! What is wrong with a value, in the words of those who write manifests: no type of Rust is named.

use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// A mistake in a value.
#[derive(Debug)]
pub(super) struct Wording {
    /// The field that the value has not, if that is the mistake.
    pub(super) missing: Option<&'static str>,
    pub(super) text: String,
}

impl Wording {
    fn new(text: impl Into<String>) -> Self {
        Self { missing: None, text: text.into() }
    }

    pub(super) fn not_one_of(seen: &str, known: &[&str]) -> Self {
        Self::new(format!("{seen} is not one of {}", known.join(", ")))
    }
}

impl fmt::Display for Wording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Wording {}

impl de::Error for Wording {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(seen: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::new(match (seen, whole_numbers(&expected)) {
            (Unexpected::Float(number), Some(_)) => format!("{number} is not a whole number"),
            _ => format!("{}; {} is wanted{}", described(seen), wanted(&expected, seen), hint(&expected, seen)),
        })
    }

    fn invalid_value(seen: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let seen = shown(seen);
        Self::new(match whole_numbers(&expected) {
            Some((least, most)) => format!("{seen} is not a whole number from {least} to {most}"),
            None => format!("{seen} is not {expected}"),
        })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        Self::new(format!("has {length} items; {} is wanted", wanted(&expected, Unexpected::Seq)))
    }

    fn unknown_variant(seen: &str, known: &'static [&'static str]) -> Self {
        Self::not_one_of(seen, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self { missing: Some(field), ..Self::new("must not be missing") }
    }
}

/// What stands there, and of which kind it is.
fn described(seen: Unexpected<'_>) -> String {
    let kind = match seen {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "a text",
        Unexpected::Seq => return "is a list".to_owned(),
        Unexpected::Map => return "is a mapping".to_owned(),
        _ => return "is empty (null)".to_owned(),
    };
    format!("{} is {kind}", shown(seen))
}

fn shown(seen: Unexpected<'_>) -> String {
    match seen {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// What should stand where a type says that it expects `expected`. A type that says an example, such as `{value: 50}`
/// (`#[serde(expecting = …)]`), is taken at its word.
fn wanted<'a>(expected: &'a str, seen: Unexpected<'_>) -> &'a str {
    let without_quotes = matches!(seen, Unexpected::Str(_));
    match expected {
        "a string" => "a text",
        "a boolean" if without_quotes => "true or false without quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "f32" | "f64" if without_quotes => "a number without quotes",
        "f32" | "f64" => "a number",
        _ if whole_numbers(expected).is_some() => {
            if without_quotes {
                "a number without quotes"
            } else {
                "a whole number"
            }
        }
        _ if expected.starts_with("struct ") => "a mapping",
        other => other,
    }
}

/// How what stands there becomes what is wanted.
fn hint(expected: &str, seen: Unexpected<'_>) -> &'static str {
    match (expected, seen) {
        ("a string", Unexpected::Bool(_)) => {
            ": write it in quotes (unquoted, yes, no, on, off, y and n are booleans too, as kubectl reads YAML 1.1)"
        }
        ("a string", Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_)) => ": write it in quotes",
        _ => "",
    }
}

/// The least and the greatest of the whole numbers that a type of Rust holds.
fn whole_numbers(name: &str) -> Option<(i128, i128)> {
    Some(match name {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" | "usize" => (0, u64::MAX.into()),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" => (i64::MIN.into(), i64::MAX.into()),
        _ => return None,
    })
}

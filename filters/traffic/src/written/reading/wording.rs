//! What is wrong with a value, in the words of those who write manifests: no type of Rust is named.

use super::Shape;
use serde_json::{Number, Value};

/// What stands there, and what should.
pub(super) fn mismatch(seen: &Value, wanted: &str) -> String {
    let described = match seen {
        Value::Null => "is empty (null)".to_owned(),
        Value::Bool(value) => format!("{value} is a boolean"),
        Value::Number(number) => format!("{} is a number", shown(number)),
        Value::String(text) => format!("{text:?} is a text"),
        Value::Array(_) => "is a list".to_owned(),
        Value::Object(_) => "is a mapping".to_owned(),
    };
    let (wanted, hint) = match (wanted, seen) {
        ("a whole number" | "a number", Value::String(_)) => ("a number", " without quotes"),
        ("true or false", Value::String(_)) => (wanted, " without quotes"),
        _ => (wanted, ""),
    };
    format!("{described}; {wanted}{hint} is wanted{}", remedy(seen, wanted))
}

/// How what stands there becomes what is wanted.
fn remedy(seen: &Value, wanted: &str) -> &'static str {
    match (wanted, seen) {
        ("a text", Value::Bool(_)) => {
            ": write it in quotes (unquoted, yes, no, on, off, y and n are booleans too, as kubectl reads YAML 1.1)"
        }
        ("a text", Value::Number(_)) => ": write it in quotes",
        _ => "",
    }
}

/// What stands where there should be a whole number from `least` to `most`.
pub(super) fn not_whole(seen: &Value, least: i64, most: u64) -> String {
    match seen {
        Value::Number(number) if number.is_f64() => format!("{} is not a whole number", shown(number)),
        Value::Number(number) => format!("{number} is not a whole number from {least} to {most}"),
        other => mismatch(other, "a whole number"),
    }
}

/// The number as people write it: JSON has 1e30 for a one with thirty noughts.
fn shown(number: &Number) -> String {
    match number.as_f64() {
        Some(fraction) if number.is_f64() => fraction.to_string(),
        _ => number.to_string(),
    }
}

/// What stands where there should be one of the texts that are `known`.
pub(super) fn not_one_of(seen: &Value, known: &[&str]) -> String {
    let known = known.join(", ");
    match seen {
        Value::String(text) => format!("{text} is not one of {known}"),
        other => format!("{other} is not one of {known}"),
    }
}

/// What stands where there should be a field of the shape.
pub(super) fn unknown_field(seen: &str, shape: &Shape) -> String {
    let mut known = Vec::new();
    for field in shape.fields {
        known.push(format!("`{}`", camel_case(field)));
        if shape.underscores.contains(field) {
            known.push(format!("`{field}`"));
        }
    }
    let expected = match known.as_slice() {
        [] => "there are no fields".to_owned(),
        [one] => format!("expected {one}"),
        [one, other] => format!("expected {one} or {other}"),
        _ => format!("expected one of {}", known.join(", ")),
    };
    format!("unknown field `{seen}`, {expected}")
}

/// How a field is written that is `name` in Rust.
pub(super) fn camel_case(name: &str) -> String {
    camel_case_characters(name).collect()
}

/// Whether a field that is `name` in Rust is written so.
pub(super) fn is_camel_case_of(written: &str, name: &str) -> bool {
    camel_case_characters(name).eq(written.chars())
}

fn camel_case_characters(name: &str) -> impl Iterator<Item = char> + '_ {
    let mut behind = false;
    name.chars().filter_map(move |character| {
        let starts = std::mem::replace(&mut behind, character == '_');
        (character != '_').then(|| if starts { character.to_ascii_uppercase() } else { character })
    })
}

//! Documents: what a text of YAML holds.

use super::files::Text;
use super::mistake::{Mistake, Origin};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::Spanned;

/// One manifest, of any kind.
pub(crate) struct Document {
    pub(crate) origin: Origin,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) value: Value,
}

impl Document {
    /// Reads of the manifest's `field` what `T` knows; everything else passes.
    pub(crate) fn part<T: DeserializeOwned + Default>(&self, field: &str) -> Result<T, Mistake> {
        match self.value.get(field) {
            None | Some(Value::Null) => Ok(T::default()),
            Some(value) => serde_path_to_error::deserialize(value).map_err(|error| {
                let path = error.path().to_string();
                let path = if path == "." { field.to_owned() } else { format!("{field}.{path}") };
                self.origin.mistake(format!("{path}: {}", error.into_inner()))
            }),
        }
    }
}

/// The documents of `text`, in order; those of a `List` stand in its place.
pub(crate) fn documents(text: &Text, namespace: &str) -> Result<Vec<Document>, Mistake> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let parsed: Vec<Spanned<Value>> = serde_saphyr::from_multiple_with_options(&text.text, options)
        .map_err(|error| Mistake::everywhere(syntax_error(&text.name, &error)))?;
    let mut documents = Vec::new();
    for parsed in parsed {
        let origin = Origin { file: text.name.clone(), line: parsed.referenced.line(), what: String::new() };
        collect(origin, parsed.value, namespace, &mut documents)?;
    }
    Ok(documents)
}

/// What the parser says, with the file in front; its snippet shows line, column and a caret.
pub(crate) fn syntax_error(file: &str, error: &serde_saphyr::Error) -> String {
    match error.location() {
        Some(location) => format!("{file}:{}:{}: {}", location.line(), location.column(), error.render()),
        None => format!("{file}: {}", error.render()),
    }
}

fn collect(origin: Origin, mut value: Value, namespace: &str, into: &mut Vec<Document>) -> Result<(), Mistake> {
    let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    if !value.is_object() {
        return Err(origin.mistake("is not a manifest: it must have apiVersion, kind and metadata"));
    }
    let Some(kind) = text(&value, "/kind") else {
        return Err(origin.mistake("kind: must not be missing"));
    };
    if kind == "List" {
        let items = value.get_mut("items").map(Value::take);
        for item in items.as_ref().and_then(Value::as_array).into_iter().flatten() {
            collect(origin.clone(), item.clone(), namespace, into)?;
        }
        return Ok(());
    }
    let Some(name) = text(&value, "/metadata/name").filter(|name| !name.is_empty()) else {
        return Err(Origin { what: kind, ..origin }.mistake("metadata.name: must not be missing"));
    };
    let namespace = text(&value, "/metadata/namespace").unwrap_or_else(|| namespace.to_owned());
    let origin = Origin { what: format!("{kind} {namespace}/{name}"), ..origin };
    let api_version = text(&value, "/apiVersion").unwrap_or_default();
    into.push(Document { origin, api_version, kind, name, namespace, value });
    Ok(())
}

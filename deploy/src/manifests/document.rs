//! Documents: what a text of YAML holds.

use super::files::Text;
use super::mistake::{Mistake, Origin};
use crate::yaml;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serin_traffic::written::read;

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
            Some(value) => read(field, value.clone()).map_err(|refusal| self.origin.mistake(refusal)),
        }
    }
}

/// The documents of `text`, in order, each of them or what is wrong with it; those of a `List` stand in its place.
pub(crate) fn documents(text: &Text, namespace: &str) -> Vec<Result<Document, Mistake>> {
    let parsed = match yaml::documents(&text.name, &text.text) {
        Ok(parsed) => parsed,
        Err(mistake) => return vec![Err(Mistake::everywhere(mistake))],
    };
    let mut documents = Vec::new();
    for parsed in parsed {
        let origin = Origin { file: text.name.clone(), line: parsed.line as u64, what: String::new() };
        collect(origin, parsed.value, namespace, &mut documents);
    }
    documents
}

fn collect(origin: Origin, mut value: Value, namespace: &str, into: &mut Vec<Result<Document, Mistake>>) {
    if value.get("kind").is_some_and(|kind| kind == "List") {
        for item in value.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            collect(origin.clone(), item.take(), namespace, into);
        }
    } else {
        into.push(document(origin, value, namespace));
    }
}

fn document(origin: Origin, value: Value, namespace: &str) -> Result<Document, Mistake> {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    if !value.is_object() {
        return Err(origin.mistake("is not a manifest: it must have apiVersion, kind and metadata"));
    }
    let Some(kind) = text("/kind") else {
        return Err(origin.mistake("kind: must not be missing"));
    };
    let Some(name) = text("/metadata/name").filter(|name| !name.is_empty()) else {
        return Err(Origin { what: kind, ..origin }.mistake("metadata.name: must not be missing"));
    };
    let namespace = text("/metadata/namespace").unwrap_or_else(|| namespace.to_owned());
    let origin = Origin { what: format!("{kind} {namespace}/{name}"), ..origin };
    let api_version = text("/apiVersion").unwrap_or_default();
    Ok(Document { origin, api_version, kind, name, namespace, value })
}

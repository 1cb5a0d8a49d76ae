//! Documents: what a text of YAML holds.

use super::files::Text;
use super::mistake::{Mistake, Origin};
use crate::yaml;
use serde_json::Value;
use serin_traffic::record;
use serin_traffic::written::{Read, read};
use std::collections::BTreeMap;

/// One manifest, of any kind.
pub(crate) struct Document {
    pub(crate) origin: Origin,
    pub(crate) api_version: String,
    pub(crate) kind: String,
    /// The name, or what Kubernetes makes it from; empty if there is neither.
    pub(crate) name: String,
    /// Whether Kubernetes makes up the name.
    pub(crate) generated: bool,
    pub(crate) namespace: String,
    pub(crate) value: Value,
}

impl Document {
    /// Reads of the manifest's `field` what `T` knows; everything else passes.
    pub(crate) fn part<T: Read + Default>(&self, field: &str) -> Result<T, Mistake> {
        match self.value.get(field) {
            None | Some(Value::Null) => Ok(T::default()),
            Some(value) => read(field, value.clone()).map_err(|refusal| self.origin.mistake(refusal)),
        }
    }
}

/// Of the metadata, what Kubernetes has as texts: an unquoted number or `yes` is none.
#[derive(Default)]
struct Texts {
    name: Option<String>,
    generate_name: Option<String>,
    namespace: Option<String>,
    labels: Option<BTreeMap<String, Option<String>>>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

record! { Texts { name, generate_name, namespace, labels, annotations }, open: true }

impl Document {
    /// Refuses metadata that no cluster would take.
    pub(crate) fn check_metadata(&self) -> Result<(), Mistake> {
        self.part::<Texts>("metadata").map(|_| ())
    }
}

/// What a text holds.
#[derive(Default)]
pub(crate) struct Documents {
    /// The manifests, in order; those of a list stand in its place.
    pub(crate) manifests: Vec<Document>,
    /// What cannot be read although it says that it is a manifest.
    pub(crate) mistakes: Vec<Mistake>,
    /// What was passed over: values for a chart, templates, a compose file, whatever lies in a folder.
    pub(crate) notes: Vec<String>,
}

/// The documents of `text`.
pub(crate) fn documents(text: &Text, namespace: &str) -> Documents {
    let mut found = Documents::default();
    match yaml::documents(&text.name, &text.text) {
        Ok(parsed) => found.add_all(text, parsed, namespace),
        // One document that is wrong does not take the others with it.
        Err(_) => {
            for (line, part) in parts(&text.text) {
                // The empty lines in front keep the numbers of lines right.
                match yaml::documents(&text.name, &format!("{}{part}", "\n".repeat(line))) {
                    Ok(parsed) => found.add_all(text, parsed, namespace),
                    Err(_) if part.contains("{{") => {
                        let reason = "is a template: render it first (helm template, kustomize build), then read that";
                        found.notes.push(format!("{}:{}: {reason}", text.name, line + 1));
                    }
                    Err(mistake) if has_kind(part) => found.mistakes.push(Mistake::everywhere(mistake)),
                    Err(_) => found.notes.push(format!("{}:{}: is neither YAML nor JSON", text.name, line + 1)),
                }
            }
        }
    }
    found
}

/// The documents of a text, each with the number of lines before it.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let is_mark = |line: &str| {
        line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_mark(line) && at > start {
            parts.push((start_line, &text[start..at]));
            (start, start_line) = (at, number);
        }
        at += line.len();
    }
    parts.push((start_line, &text[start..]));
    parts
}

/// Whether a text that cannot be read would be a manifest: one of its lines says a kind.
fn has_kind(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches([' ', '-', '{', '"', '\'']);
        line.strip_prefix("kind").is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
    })
}

impl Documents {
    fn add_all(&mut self, text: &Text, parsed: Vec<yaml::Parsed>, namespace: &str) {
        for parsed in parsed {
            let origin = Origin { file: text.name.clone(), line: parsed.line as u64, what: String::new() };
            self.add(origin, parsed.value, namespace);
        }
    }

    fn add(&mut self, origin: Origin, mut value: Value, namespace: &str) {
        if value.is_null() {
            return;
        }
        let text = |value: &Value, pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let Some(kind) = text(&value, "/kind").filter(|kind| !kind.is_empty()) else {
            self.notes.push(format!("{origin}: is no manifest: it has no kind"));
            return;
        };
        let api_version = text(&value, "/apiVersion").unwrap_or_default();
        if let Some(of) = kind.strip_suffix("List") {
            let items = match value.get_mut("items").map(Value::take) {
                Some(Value::Array(items)) => items,
                // An empty list of a program in Go.
                Some(Value::Null) => return,
                Some(_) | None if of.is_empty() => return,
                Some(other) => {
                    value["items"] = other;
                    return self.manifests.push(document(origin, value, api_version, kind, namespace));
                }
                None => return self.manifests.push(document(origin, value, api_version, kind, namespace)),
            };
            for mut item in items {
                // A typed list need not say again of what it is one.
                if let (Some(item), false) = (item.as_object_mut(), of.is_empty()) {
                    item.entry("kind").or_insert_with(|| of.into());
                    item.entry("apiVersion").or_insert_with(|| api_version.as_str().into());
                }
                self.add(origin.clone(), item, namespace);
            }
            return;
        }
        self.manifests.push(document(origin, value, api_version, kind, namespace));
    }
}

fn document(origin: Origin, value: Value, api_version: String, kind: String, own_namespace: &str) -> Document {
    let text = |pointer: &str| {
        value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let namespace = text("/metadata/namespace").unwrap_or_else(|| own_namespace.to_owned());
    let generated = text("/metadata/name").is_none();
    let name = text("/metadata/name").or_else(|| text("/metadata/generateName")).unwrap_or_default();
    let what = if name.is_empty() { kind.clone() } else { format!("{kind} {namespace}/{name}") };
    Document { origin: Origin { what, ..origin }, api_version, kind, name, generated, namespace, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parted_where_documents_begin() {
        let text = "a: 1\n---\nb: |\n  ---\n--- # next\nc: 1\n";
        assert_eq!(parts(text), [(0, "a: 1\n"), (1, "---\nb: |\n  ---\n"), (4, "--- # next\nc: 1\n")]);
        assert_eq!(parts("---\na: 1"), [(0, "---\na: 1")]);
    }

    #[test]
    fn a_text_with_a_line_that_says_a_kind_would_be_a_manifest() {
        assert!(
            has_kind("apiVersion: v1\nkind: Service") && has_kind("{\"kind\": \"Service\"") && has_kind("- 'kind' : a")
        );
        assert!(!has_kind("kinds: 1") && !has_kind("kindness") && !has_kind("a: kind"));
    }
}

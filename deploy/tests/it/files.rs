//! Files of the repository.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// The repository's root.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The documents of a YAML file of the repository.
#[track_caller]
pub(crate) fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_saphyr::from_multiple(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The only document of a YAML file of the repository.
#[track_caller]
pub(crate) fn value(file: &str) -> Value {
    let documents = documents(file);
    let [document] = documents.as_slice() else { panic!("{file} has {} documents", documents.len()) };
    document.clone()
}

//! Kubernetes' Secret, as far as a Gateway or a DestinationRule names one: certificates.

use super::document::Document;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A Secret. It does not show what it holds.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What it holds, in base64.
    encoded: BTreeMap<String, String>,
    /// What it holds, as text.
    plain: BTreeMap<String, String>,
}

/// A part of a Secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Held<'a> {
    /// In base64.
    Base64(&'a str),
    /// As it is.
    Text(&'a str),
}

impl Secret {
    pub(crate) fn read(document: &Document) -> Self {
        let texts = |field: &str| {
            let parts = document.value.get(field).and_then(Value::as_object).into_iter().flatten();
            parts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        };
        let Document { name, namespace, .. } = document;
        Self { name: name.clone(), namespace: namespace.clone(), encoded: texts("data"), plain: texts("stringData") }
    }

    /// The part of that name; as in Kubernetes, `stringData` comes before `data`.
    pub fn get(&self, part: &str) -> Option<Held<'_>> {
        let text = self.plain.get(part).map(|text| Held::Text(text));
        text.or_else(|| self.encoded.get(part).map(|text| Held::Base64(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

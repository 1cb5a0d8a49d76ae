//! Which of several resources comes first: the oldest.

use crate::instant;
use crate::written::Metadata;

/// The age of a resource; sorted stably by it, the oldest comes first.
///
/// Of two that were created in one second, name and then namespace decide (Istio, `sortConfigByCreationTime` in
/// `pilot/pkg/model/config.go`). A manifest without `creationTimestamp` is not yet in a cluster: applied, it would be the
/// youngest. Such manifests come last, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Age<'a> {
    /// In nanoseconds since 1970.
    created: u64,
    name: &'a str,
    namespace: &'a str,
}

impl<'a> Age<'a> {
    /// The age of the resource of `namespace` with that metadata.
    pub fn of(metadata: &'a Metadata, namespace: &'a str) -> Self {
        match metadata.creation_timestamp.as_str().and_then(|text| instant::parse(text).ok()) {
            Some(created) => Self { created, name: &metadata.name, namespace },
            None => Self { created: u64::MAX, name: "", namespace: "" },
        }
    }
}

/// Why the time of creation cannot be read, if it is there and cannot.
pub(crate) fn mistake_in(metadata: &Metadata) -> Option<String> {
    match &metadata.creation_timestamp {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => instant::parse(text).err(),
        other => Some(format!("{other} is no instant of RFC 3339, such as 2026-11-20T15:00:00Z")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use serde_json::json;

    fn sorted(resources: &[(&str, &str, Option<&str>)]) -> Vec<String> {
        let metadata = |name: &str, created: Option<&str>| Metadata {
            name: name.to_owned(),
            creation_timestamp: json!(created),
            ..Metadata::default()
        };
        let resources: Vec<(Metadata, &str)> =
            resources.iter().map(|(namespace, name, created)| (metadata(name, *created), *namespace)).collect();
        let mut sorted: Vec<&(Metadata, &str)> = resources.iter().collect();
        sorted.sort_by_key(|(metadata, namespace)| Age::of(metadata, namespace));
        sorted.iter().map(|(metadata, namespace)| format!("{namespace}/{}", metadata.name)).collect()
    }

    const EARLY: Option<&str> = Some("2023-06-01T10:00:00Z");
    const LATE: Option<&str> = Some("2023-06-07T10:00:00Z");

    #[test]
    fn the_oldest_comes_first() {
        assert_eq!(sorted(&[("n", "a", LATE), ("n", "b", EARLY)]), ["n/b", "n/a"]);
        assert_eq!(sorted(&[("n", "a", Some("2023-06-01T12:00:01+02:00")), ("n", "b", EARLY)]), ["n/b", "n/a"]);
    }

    #[test]
    fn of_one_age_name_and_then_namespace_decide() {
        assert_eq!(sorted(&[("n", "b", EARLY), ("z", "a", EARLY), ("m", "a", EARLY)]), ["m/a", "z/a", "n/b"]);
    }

    #[test]
    fn without_a_time_of_creation_a_manifest_is_the_youngest_and_keeps_its_place_among_those() {
        assert_eq!(sorted(&[("n", "z", None), ("n", "a", None), ("n", "b", LATE)]), ["n/b", "n/z", "n/a"]);
        assert_eq!(sorted(&[("n", "z", Some("yesterday")), ("n", "b", LATE)]), ["n/b", "n/z"]);
    }

    #[test]
    fn what_is_no_instant_is_a_mistake_and_null_is_none() {
        let mistake = |value| mistake_in(&Metadata { creation_timestamp: value, ..Metadata::default() });
        assert_eq!(mistake(json!(null)), None);
        assert_eq!(mistake(json!("2023-06-01T10:00:00Z")), None);
        assert!(mistake(json!("null")).is_some() && mistake(json!(7)).is_some());
    }
}

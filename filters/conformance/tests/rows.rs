//! The rows themselves: each field is read, and each source can be looked up.

use serde_json::json;
use serin_conformance::{all, read};
use std::path::Path;

#[test]
fn a_field_that_no_level_reads_is_refused() {
    let refused = |part: &str, field: &str| {
        let mut row = json!({
            "name": "one", "source": "here", "http": [], "request": {"url": "/"}, "expect": {"status": 404, "envoy": {}},
        });
        row.pointer_mut(part).expect("it has that part")[field] = "odd".into();
        std::panic::catch_unwind(|| read("none", row)).is_err()
    };
    assert!(refused("", "soruce") && refused("/request", "header"));
    assert!(refused("/expect", "stauts") && refused("/expect/envoy", "trys"));
    assert!(!refused("", "source"));
}

/// Public sources: Istio's API, documentation, and source by file; Envoy's, and what a released Envoy was seen to
/// do; RE2; a standard. What is Serin's own is said in its docs.
const PUBLIC: &[&str] = &[
    "Istio, ",
    "Istio API, ",
    "Istio 0.",
    "route.go",
    "httproute.go",
    "virtualservice.go",
    "gateway.go",
    "listener_builder.go",
    "retry.go",
    "Envoy, ",
    "Envoy 1.",
    "Envoy up to 1.",
    "Envoy since CVE-",
    "RE2",
    "RFC ",
    "protobuf, ",
    "Gateway API, ",
    "https://github.com/",
];

#[test]
fn every_row_has_a_source_that_its_reader_can_have() {
    for row in all() {
        let source = &row.source;
        if let Some(own) = source.strip_prefix("Serin, ") {
            let (file, text) = own.split_once(": ").unwrap_or_else(|| panic!("{}: {source} says no text", row.name));
            let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file))
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(page.contains(text), "{}: {file} does not say {text}", row.name);
        } else {
            let public = PUBLIC.iter().any(|who| source.starts_with(who));
            assert!(public && !source.contains(".md"), "{}: {source} is nothing that a reader has", row.name);
        }
    }
}

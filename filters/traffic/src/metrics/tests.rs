//! Names that nothing can break.

use super::*;
use crate::wasm_test::test;
#[cfg(not(target_arch = "wasm32"))]
use proptest::prelude::*;

/// The values that an Envoy with the patterns sees, and what it leaves of the name.
fn extracted(name: &str) -> (Vec<(Label, String)>, String) {
    let mut values = Vec::new();
    let mut rest = name.to_owned();
    for label in Label::ALL {
        let pattern = regex::Regex::new(&label.pattern()).unwrap();
        if let Some(found) = pattern.captures(name) {
            values.push((label, found[2].to_owned()));
            rest = rest.replacen(&found[1], "", 1);
        }
    }
    (values, rest)
}

fn shadows(cluster: &str) -> String {
    Metric::Shadows.stat_name(&[(Label::ShadowCluster, cluster), (Label::VirtualService, "default/reviews")])
}

#[test]
fn the_name_of_a_cluster_survives() {
    let cluster = "outbound|9080|v2|reviews.default.svc.cluster.local";
    let (values, rest) = extracted(&shadows(cluster));
    assert_eq!(values[2], (Label::ShadowCluster, cluster.to_owned()));
    assert_eq!(values[1], (Label::Route, "-".to_owned()), "nobody said it");
    assert_eq!(rest, "serin_shadows_total");
}

#[test]
fn what_looks_like_a_label_stays_a_value() {
    for hostile in ["a;.;reason=.=b", "shadow_cluster=.=x", ";", ".;", ";.", "=.=", "a\nb\0c", "", "\u{7f}"] {
        let name = Metric::ShadowResults.stat_name(&[(Label::Route, hostile), (Label::Result, "match")]);
        let (values, rest) = extracted(&name);
        let labels: Vec<Label> = values.iter().map(|(label, _)| *label).collect();
        assert_eq!(labels, Metric::ShadowResults.labels(), "{name:?}");
        assert_eq!((values[3].1.as_str(), rest.as_str()), ("match", "serin_shadow_results_total"));
    }
}

#[test]
fn a_name_is_printable_ascii_whatever_the_values_are() {
    let name = shadows("a\u{1b}[2J\u{202e}\u{2028}\nb\u{9b}é");
    assert!(name.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name:?}");
    assert_eq!(extracted(&name).0[2].1, r"a\u{1b}[2J\u{202e}\u{2028}\nb\u{9b}\u{e9}");
}

#[test]
fn long_values_are_cut_between_characters() {
    let (values, _) = extracted(&shadows(&"é".repeat(VALUE_BYTES)));
    assert_eq!(values[2].1, r"\u{e9}".repeat(VALUE_BYTES / 6));
    let (values, _) = extracted(&shadows(&format!("a{}", "é".repeat(VALUE_BYTES))));
    assert_eq!(values[2].1.len(), VALUE_BYTES - 5);
}

#[test]
fn no_label_is_the_end_of_another_or_of_one_of_istios() {
    const ISTIO: [&str; 12] = [
        "source_cluster",
        "destination_cluster",
        "destination_service",
        "destination_service_name",
        "source_workload",
        "request_protocol",
        "response_code",
        "response_flags",
        "connection_security_policy",
        "source_canonical_revision",
        "reporter",
        "cluster_name",
    ];
    for label in Label::ALL.map(Label::name) {
        let others = Label::ALL.map(Label::name).into_iter().filter(|other| *other != label);
        assert!(others.chain(ISTIO).all(|other| !other.ends_with(label) && !label.ends_with(other)), "{label}");
    }
}

#[test]
fn names_are_what_prometheus_takes() {
    for name in Metric::ALL.map(Metric::name).into_iter().chain(Label::ALL.map(Label::name)) {
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert!(!name.ends_with('_') && !name.starts_with('_'), "{name}");
    }
    for metric in Metric::ALL {
        assert_eq!(metric.kind() == Kind::Counter, metric.name().ends_with("_total"), "{metric:?}");
        assert!(metric.labels().is_sorted(), "{metric:?}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest! {
    #[test]
    fn any_values_give_each_label_once_and_the_metrics_name(
        metric in proptest::sample::select(&Metric::ALL[..]),
        given in proptest::collection::vec("(?s)(.*|[;.=a]*(reason|route|subset)[;.=]*)", Label::ALL.len()),
    ) {
        let values: Vec<(Label, &str)> = Label::ALL.into_iter().zip(given.iter().map(String::as_str)).collect();
        let (found, rest) = extracted(&metric.stat_name(&values));
        prop_assert_eq!(rest, metric.name());
        let labels: Vec<Label> = found.iter().map(|(label, _)| *label).collect();
        prop_assert_eq!(labels, metric.labels());
        for (label, value) in found {
            let (_, given) = values.iter().find(|(of, _)| *of == label).unwrap();
            prop_assert!(value.len() <= VALUE_BYTES);
            prop_assert!(value.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let shown = Printable(given.as_bytes()).to_string();
            prop_assert!(given.is_empty() || shown.chars().zip(value.chars()).all(|(a, b)| a == b || b == '_'));
        }
    }
}

//! docs/metrics.md says what is.

use crate::files::repository;
use serin::render::extra_stat_tags;
use serin_traffic::metrics::{Kind, Label, Metric};
use std::process::Command;

fn page() -> String {
    std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap()
}

/// The tags that the page tells a mesh to have.
pub(super) fn istios_tags() -> Vec<String> {
    let page = page();
    let list = page.split("extraStatTags: [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    list.split(',').map(|tag| tag.trim().to_owned()).collect()
}

#[test]
fn the_table_of_metrics_is_that_of_the_filters() {
    let rows = Metric::ALL.map(|metric| {
        let kind = match metric.kind() {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels = metric.labels().iter().map(|label| format!("`{}`", label.name())).collect::<Vec<_>>().join(", ");
        format!("| `{}` | {kind} | {labels} | {} |", metric.name(), metric.help())
    });
    let page = page();
    let written: Vec<&str> = page.lines().filter(|line| line.starts_with("| `serin_")).collect();
    assert_eq!(written, rows);
}

#[test]
fn what_is_rendered_for_istio_says_which_tags_the_proxies_need() {
    let rules = repository().join("examples/bookinfo/reviews-canary.yaml");
    let rendered = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(["render", "istio", "--selector", "app=web"])
        .arg(rules)
        .output()
        .unwrap();
    let rendered = String::from_utf8(rendered.stdout).unwrap();
    let (comment, manifests) = rendered.split_once("---\n").unwrap();
    assert!(comment.lines().all(|line| line.starts_with("# ")), "{comment}");
    assert!(comment.contains(&format!("sidecar.istio.io/extraStatTags: {}\n", extra_stat_tags())), "{comment}");
    assert!(manifests.starts_with("apiVersion: "));
}

#[test]
fn the_page_names_every_label_and_the_tags_that_a_mesh_needs() {
    let page = page();
    for label in Label::ALL {
        assert!(page.contains(&format!("\n| `{}` | ", label.name())), "{label:?}");
    }
    assert_eq!(istios_tags().join(","), extra_stat_tags());
    assert!(page.contains(&format!("sidecar.istio.io/extraStatTags: {}\n", extra_stat_tags())));
    let tags = Label::ALL.map(|label| format!("  - {{tag_name: {}, regex: '{}'}}\n", label.name(), label.pattern()));
    assert!(page.contains(&format!("stats_config:\n  stats_tags:\n{}```", tags.concat())));
}

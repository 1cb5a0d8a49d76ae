//! The dashboard and the alerts ask only for what is counted.

use super::query::{alerts, asked, dashboard};
use serde::Deserialize;
use serde_json::Value;
use serin_traffic::metrics::Metric;
use std::collections::{BTreeMap, BTreeSet};

/// Prometheus' file of rules, as far as alerts need it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    name: String,
    rules: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Alert {
    alert: String,
    expr: String,
    #[serde(rename = "for")]
    lasts: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
}

fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().unwrap().clone()
}

/// The queries of a panel as Grafana would send them.
fn queries(panel: &Value) -> Vec<String> {
    let variables = |query: &str| query.replace("$__rate_interval", "5m").replace("$weight", "10");
    panel["targets"].as_array().unwrap().iter().map(|target| variables(target["expr"].as_str().unwrap())).collect()
}

#[test]
fn every_panel_asks_for_what_is_counted_and_every_metric_is_shown() {
    let mut shown = BTreeSet::new();
    for panel in panels() {
        for query in queries(&panel) {
            let asked = asked(&query).unwrap();
            assert!(asked.others.is_empty(), "{query}");
            shown.extend(asked.metrics);
        }
    }
    assert_eq!(shown, BTreeSet::from(Metric::ALL));
}

#[test]
fn every_panel_heeds_the_variables_and_names_what_it_shows() {
    let dashboard = dashboard();
    let variables: Vec<&str> =
        dashboard["templating"]["list"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(variables, ["datasource", "virtual_service", "route", "weight"]);
    for panel in panels() {
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let selects = query.contains(r#"{virtual_service=~"$virtual_service", route=~"$route""#);
            assert!(selects || query == "vector($weight)", "{query}");
            for label in target["legendFormat"].as_str().unwrap().split("{{").skip(1) {
                let label = label.split("}}").next().unwrap();
                assert!(query.contains("by (") && query.contains(label), "{label} is not in {query}");
            }
        }
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap().iter().filter(|it| it["type"] == "query") {
        let query = variable["query"]["query"].as_str().unwrap();
        let inner = query.strip_prefix("label_values(").and_then(|it| it.strip_suffix(')')).unwrap();
        let (selector, label) = inner.rsplit_once(", ").unwrap();
        assert_eq!(variable["name"], label);
        asked(&format!("sum by ({label}) ({selector})")).unwrap();
    }
}

#[test]
fn panels_have_each_a_place_and_a_number_of_their_own() {
    let mut taken = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for panel in panels() {
        assert!(numbers.insert(panel["id"].as_u64().unwrap()));
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{}", panel["title"]);
        for cell in (x..x + w).flat_map(|column| (y..y + h).map(move |row| (column, row))) {
            assert!(taken.insert(cell), "{} lies on another", panel["title"]);
        }
    }
}

#[test]
fn every_alert_asks_for_what_is_counted_and_says_what_to_do() {
    let text = std::fs::read_to_string(crate::files::repository().join(super::query::ALERTS)).unwrap();
    let rules: Rules = serde_saphyr::from_str(&text).unwrap();
    let mut names = BTreeSet::new();
    for Group { name, rules } in rules.groups {
        assert_eq!(name, "serin");
        for alert in rules {
            let asked = asked(&alert.expr).unwrap();
            assert!(!asked.metrics.is_empty() || !asked.others.is_empty(), "{}", alert.alert);
            let severity = alert.labels["severity"].as_str();
            assert!(["info", "warning", "critical"].contains(&severity), "{severity}");
            let texts: Vec<&str> = alert.annotations.keys().map(String::as_str).collect();
            assert_eq!(texts, ["description", "summary"], "{}", alert.alert);
            assert!(alert.lasts.is_none_or(|lasts| lasts.ends_with('m')));
            assert!(names.insert(alert.alert));
        }
    }
    assert_eq!(names.len(), alerts().len());
}

#[test]
fn an_alert_names_only_labels_that_its_series_keep() {
    for alert in alerts() {
        let query = alert["expr"].as_str().unwrap();
        for text in ["summary", "description"].map(|it| alert["annotations"][it].as_str().unwrap()) {
            for label in text.split("{{ $labels.").skip(1).map(|rest| rest.split(" }}").next().unwrap()) {
                let grouping = query.split("by (").nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
                assert!(grouping.split(", ").any(|kept| kept == label), "{label} is not among {grouping}");
            }
        }
    }
}

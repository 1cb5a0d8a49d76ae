//! Queries: of which metrics and labels they are.

use crate::files::{documents, repository};
use rusty_promql_parser::ast::Expr;
use rusty_promql_parser::parser::selector::VectorSelector;
use serde_json::Value;
use serin_traffic::metrics::{Kind, Label, Metric};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

pub(super) const DASHBOARD: &str = "deploy/dashboards/serin.json";
pub(super) const ALERTS: &str = "deploy/alerts/serin.yaml";

/// What is asked of the filters' metrics, and what of Envoy's own: names as patterns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) metrics: BTreeSet<Metric>,
    pub(super) others: BTreeSet<String>,
}

#[track_caller]
pub(super) fn dashboard() -> Value {
    serde_json::from_str(&fs::read_to_string(repository().join(DASHBOARD)).unwrap()).unwrap()
}

#[track_caller]
pub(super) fn alerts() -> Vec<Value> {
    let groups = documents(ALERTS)[0]["groups"].as_array().unwrap().clone();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}

/// The names of Envoy's own metrics that the alerts ask for, as patterns.
pub(super) fn envoys_own() -> BTreeSet<String> {
    let asked = |alert: Value| asked(alert["expr"].as_str().unwrap()).unwrap().others;
    let own: BTreeSet<String> = alerts().into_iter().flat_map(asked).collect();
    assert!(!own.is_empty());
    own
}

/// What the query is about; or why it cannot be answered.
pub(super) fn asked(query: &str) -> Result<Asked, String> {
    let (rest, expression) = rusty_promql_parser::expr(query).map_err(|error| format!("{query}: {error}"))?;
    if !rest.trim().is_empty() {
        return Err(format!("{query}: {rest:?} is left over"));
    }
    let mut asked = Asked::default();
    labels(&expression, &mut asked).map_err(|why| format!("{query}: {why}"))?;
    Ok(asked)
}

/// The labels that the expression's series may have; `None` if they are not known.
fn labels(expression: &Expr, asked: &mut Asked) -> Result<Option<BTreeSet<String>>, String> {
    match expression {
        Expr::Number(_) | Expr::String(_) => Ok(Some(BTreeSet::new())),
        Expr::VectorSelector(selector) => selected(selector, asked),
        Expr::MatrixSelector(matrix) if matrix.selector.name.is_none() => {
            Err("what is asked of ranges loses its name, and several series may be the same without".to_owned())
        }
        Expr::MatrixSelector(matrix) => selected(&matrix.selector, asked),
        Expr::Paren(inner) => labels(inner, asked),
        Expr::Unary(unary) => labels(&unary.expr, asked),
        Expr::Subquery(subquery) => labels(&subquery.expr, asked),
        Expr::Call(call) => {
            let mut of_call = Some(BTreeSet::new());
            for argument in &call.args {
                of_call = join(of_call, labels(argument, asked)?);
            }
            if call.name == "histogram_quantile" {
                let of_call = of_call.as_mut().ok_or("a histogram's labels are known")?;
                if !of_call.remove("le") {
                    return Err("histogram_quantile is of buckets, by le".to_owned());
                }
            }
            Ok(of_call)
        }
        Expr::Aggregation(aggregation) => {
            let inner = labels(&aggregation.expr, asked)?;
            let Some(grouping) = &aggregation.grouping else { return Ok(Some(BTreeSet::new())) };
            let named: BTreeSet<String> = grouping.labels.iter().cloned().collect();
            match (inner, grouping.to_string().starts_with("by")) {
                (None, _) => Ok(None),
                (Some(inner), true) if named.is_subset(&inner) => Ok(Some(named)),
                (Some(inner), false) if named.is_subset(&inner) => Ok(Some(&inner - &named)),
                (Some(inner), _) => Err(format!("{named:?} are not all among {inner:?}")),
            }
        }
        Expr::Binary(binary) => {
            let (left, right) = (labels(&binary.lhs, asked)?, labels(&binary.rhs, asked)?);
            let named: BTreeSet<String> =
                binary.modifier.iter().flat_map(|it| &it.matching).flat_map(|it| it.labels.iter().cloned()).collect();
            match join(left, right) {
                Some(both) if !named.is_subset(&both) => Err(format!("{named:?} are not all among {both:?}")),
                both => Ok(both),
            }
        }
    }
}

fn join(a: Option<BTreeSet<String>>, b: Option<BTreeSet<String>>) -> Option<BTreeSet<String>> {
    Some(&a? | &b?)
}

fn selected(selector: &VectorSelector, asked: &mut Asked) -> Result<Option<BTreeSet<String>>, String> {
    let matchers = || selector.matchers.iter().map(|matcher| matcher.name.clone());
    let Some(name) = &selector.name else {
        let by_name = selector.matchers.iter().find(|matcher| matcher.name == "__name__").ok_or("it has no name")?;
        asked.others.insert(by_name.value.clone());
        return Ok(None);
    };
    let (metric, is_bucket) = metric_of(name).ok_or_else(|| format!("no filter has the metric {name}"))?;
    let mut known: BTreeSet<String> = metric.labels().iter().map(|label| label.name().to_owned()).collect();
    if is_bucket {
        known.insert("le".to_owned());
    }
    if let Some(unknown) = matchers().find(|label| !known.contains(label)) {
        return Err(format!("{name} has no label {unknown}"));
    }
    asked.metrics.insert(metric);
    Ok(Some(known))
}

/// The metric with a series of that name, and whether these are the buckets of a histogram.
fn metric_of(name: &str) -> Option<(Metric, bool)> {
    Metric::ALL.into_iter().find_map(|metric| match (name.strip_prefix(metric.name())?, metric.kind()) {
        ("", Kind::Counter | Kind::Gauge) | ("_sum" | "_count", Kind::Histogram) => Some((metric, false)),
        ("_bucket", Kind::Histogram) => Some((metric, true)),
        _ => None,
    })
}

/// The series of Prometheus' text format.
pub(super) fn series(text: &str) -> BTreeMap<(String, BTreeMap<String, String>), f64> {
    let mut all = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (selector, value) = line.rsplit_once(' ').unwrap();
        // What names a series there selects it in a query.
        let Ok(("", Expr::VectorSelector(selector))) = rusty_promql_parser::expr(selector) else {
            panic!("{line}");
        };
        let labels = selector.matchers.into_iter().map(|matcher| (matcher.name, matcher.value)).collect();
        let before = all.insert((selector.name.unwrap(), labels), value.parse().unwrap());
        assert_eq!(before, None, "{line} is there twice");
    }
    all
}

#[test]
fn a_query_that_cannot_be_answered_is_found_out() {
    for (query, why) in [
        ("sum(rate(serin_request_total[5m]))", "no filter has the metric"),
        ("serin_requests_total{transition=\"tried\"}", "has no label transition"),
        ("sum by (pod) (serin_requests_total)", "not all among"),
        ("histogram_quantile(0.9, sum by (route) (rate(serin_shadow_latency_ms_bucket[5m])))", "by le"),
        ("serin_shadow_latency_ms", "no filter has the metric"),
        ("rate({__name__=~\"serin_.*\"}[5m])", "loses its name"),
        ("sum(rate(serin_requests_total[5m])", "serin_requests_total"),
    ] {
        let said = asked(query).unwrap_err();
        assert!(said.contains(why), "{said}");
    }
    let asked = asked("sum by (subset) (rate(serin_requests_total{route=\"a\"}[5m]))").unwrap();
    assert_eq!(asked.metrics, BTreeSet::from([Metric::Requests]));
}

#[test]
fn a_label_is_what_its_name_says() {
    let names: BTreeSet<&str> = Label::ALL.map(Label::name).into();
    assert_eq!(names.len(), Label::ALL.len());
    assert!(!names.contains("le"));
}

//! Which destination a request gets.

use crate::scene::{decide, get, policy, rules, test};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many of 1,000 tickets at even distances each subset gets.
#[track_caller]
fn thousand(route: Value) -> BTreeMap<String, u32> {
    let policy = policy(rules(json!([{"route": route}])));
    let request = get("reviews", "/");
    let mut hits = BTreeMap::new();
    for n in 0..1_000u64 {
        let chosen = decide(&policy, &request, n * (u64::MAX / 1_000) + 1_000_000).destination.expect("there is one");
        let choice = chosen.choice.expect("it was chosen here");
        *hits.entry(choice.destination.subset.clone().unwrap_or_default()).or_default() += 1;
    }
    hits
}

fn weighted(subset: &str, weight: i64) -> Value {
    json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight})
}

#[test]
fn ninety_to_ten() {
    let hits = thousand(json!([weighted("v1", 90), weighted("v2", 10)]));
    assert_eq!(hits, BTreeMap::from([("v1".into(), 900), ("v2".into(), 100)]));
}

#[test]
fn the_sum_of_weights_is_free() {
    let hits = thousand(json!([weighted("v1", 1), weighted("v2", 4)]));
    assert_eq!(hits, BTreeMap::from([("v1".into(), 200), ("v2".into(), 800)]));
}

#[test]
fn an_only_destination_gets_everything_whatever_its_weight() {
    assert_eq!(thousand(json!([weighted("v1", 0)])), BTreeMap::from([("v1".into(), 1_000)]));
}

#[test]
fn a_destination_without_weight_among_several_gets_nothing() {
    let hits = thousand(json!([weighted("v1", 1), {"destination": {"host": "reviews", "subset": "v2"}}]));
    assert_eq!(hits, BTreeMap::from([("v1".into(), 1_000)]));
}

#[test]
fn a_subset_that_nobody_declares_keeps_its_share() {
    let hits = thousand(json!([weighted("v1", 50), weighted("nowhere", 50)]));
    assert_eq!(hits.get("nowhere"), Some(&500));
}

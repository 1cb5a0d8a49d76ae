//! Which copies are sent.

use crate::scene::{decide, get, policy, refusal, rules, test};
use serde_json::{Value, json};

/// The clusters that get a copy when each mirror draws that ticket.
#[track_caller]
fn shadows(mut rule: Value, ticket: u64) -> Vec<String> {
    rule["route"] = json!([{"destination": {"host": "reviews"}}]);
    let policy = policy(rules(json!([rule])));
    let request = get("reviews", "/");
    let copies = decide(&policy, &request, ticket).copies.into_iter();
    copies.map(|copy| copy.cluster.split('|').nth(2).unwrap_or_default().to_owned()).collect()
}

fn subset(name: &str) -> Value {
    json!({"host": "reviews", "subset": name})
}

const LAST: u64 = u64::MAX;
const MIDDLE: u64 = u64::MAX / 2 + 1;

#[test]
fn a_mirror_without_percentage_gets_every_request() {
    assert_eq!(shadows(json!({"mirror": subset("v2")}), LAST), ["v2"]);
}

#[test]
fn a_percentage_is_half_open() {
    let half = || json!({"mirror": subset("v2"), "mirrorPercentage": {"value": 50.0}});
    assert_eq!(shadows(half(), MIDDLE - 10), ["v2"]);
    assert!(shadows(half(), MIDDLE).is_empty());
}

#[test]
fn a_percentage_of_nothing_is_off() {
    assert!(shadows(json!({"mirror": subset("v2"), "mirrorPercentage": {}}), 0).is_empty());
    assert!(shadows(json!({"mirror": subset("v2"), "mirrorPercent": 0}), 0).is_empty());
}

#[test]
fn the_newer_percentage_beats_the_older_one() {
    let both = json!({"mirror": subset("v2"), "mirrorPercent": 0, "mirrorPercentage": {"value": 100}});
    assert_eq!(shadows(both, LAST), ["v2"]);
    assert_eq!(shadows(json!({"mirror": subset("v2"), "mirror_percent": 60}), MIDDLE), ["v2"]);
}

#[test]
fn each_mirror_has_a_percentage_of_its_own() {
    let mirrors = || {
        json!({"mirrors": [
            {"destination": subset("v1")},
            {"destination": subset("v2"), "percentage": {"value": 10}},
            {"destination": subset("v3"), "percentage": {"value": 60}},
            {"destination": subset("v4"), "percentage": {"value": 0}},
        ]})
    };
    assert_eq!(shadows(mirrors(), 0), ["v1", "v2", "v3"]);
    assert_eq!(shadows(mirrors(), MIDDLE), ["v1", "v3"]);
    assert_eq!(shadows(mirrors(), LAST), ["v1"]);
}

#[test]
fn as_many_slots_are_needed_as_the_rule_with_most_mirrors_has() {
    let to = json!([{"destination": {"host": "reviews"}}]);
    let policy = policy(rules(json!([
        {"match": [{"uri": {"exact": "/"}}], "route": to, "mirror": subset("v2")},
        {"route": to, "mirrors": [{"destination": subset("v2")}, {"destination": subset("v3")}]},
    ])));
    assert_eq!(policy.slots().len(), 2);
}

#[test]
fn mirror_and_mirrors_together_are_refused() {
    let rule = json!({"route": [{"destination": {"host": "reviews"}}],
        "mirror": subset("v2"), "mirrors": [{"destination": subset("v3")}]});
    assert_eq!(refusal(rules(json!([rule]))), "resources[0].spec.http[0].mirrors: cannot be combined with mirror");
}

//! CanaryPolicies that are not taken, and what is said about them: one line, path first.

use super::worker::{canary, canary_policy, to};
use crate::scene::{refusal, test, virtual_service, warnings};
use serde_json::{Value, json};

fn two() -> Value {
    json!([to("v1", 90), to("v2", 10)])
}

/// The refusal of a policy's entry about the rule `default`, without the path of the entry.
#[track_caller]
fn of_entry(mut entry: Value) -> String {
    entry["route"] = "default".into();
    let text = refusal(canary(two(), entry));
    text.strip_prefix("resources[1].spec.routes[0].").map(str::to_owned).unwrap_or(text)
}

/// The refusal of an entry of which one field has this value beside those that it must have.
#[track_caller]
fn of_field(name: &str, good: Value, field: &str, value: impl Into<Value>) -> String {
    let mut entry = json!({});
    entry[name] = good;
    entry[name][field] = value.into();
    of_entry(entry)
}

/// The refusal of the whole policy.
#[track_caller]
fn of_policy(spec: Value) -> String {
    let mut configuration = canary(two(), json!({}));
    configuration["resources"][1]["spec"] = spec;
    let text = refusal(configuration);
    text.strip_prefix("resources[1].spec.").map(str::to_owned).unwrap_or(text)
}

#[test]
fn two_policies_for_one_virtual_service_are_refused() {
    let mut other = canary_policy(json!([]));
    other["metadata"]["name"] = "other".into();
    let mut configuration = canary(two(), json!({}));
    configuration["resources"].as_array_mut().expect("it is a list").push(other);
    assert_eq!(
        refusal(configuration),
        "resources[2].spec.virtualService: default/reviews has a CanaryPolicy already: resources[1]"
    );
}

#[test]
fn a_policy_of_another_namespace_is_about_another_virtual_service() {
    let mut configuration = canary(two(), json!({}));
    configuration["resources"][1]["metadata"]["namespace"] = "shop".into();
    let expected = "resources[1].spec.virtualService: there is no VirtualService shop/reviews here";
    let said = warnings(configuration);
    assert!(said.iter().any(|warning| warning == expected), "{said:?}");
}

#[test]
fn a_virtual_service_that_only_another_delegates_to_has_no_policy_of_its_own() {
    let root =
        json!({"hosts": ["reviews"], "http": [{"match": [{"uri": {"prefix": "/"}}], "delegate": {"name": "rules"}}]});
    let mut policy = canary_policy(json!([]));
    policy["spec"]["virtualService"] = "rules".into();
    let rules = virtual_service("rules", json!({"http": [{"route": two()}]}));
    let configuration = json!({"resources": [virtual_service("reviews", root), rules, policy]});
    let said = warnings(configuration);
    let expected = "resources[2].spec.virtualService: default/rules has no hosts: attach the policy to the VirtualService \
        that delegates to it";
    assert!(said.iter().any(|warning| warning == expected), "{said:?}");
}

#[test]
fn a_rule_that_is_not_there_is_refused() {
    let text = of_policy(json!({"virtualService": "reviews", "routes": [{"route": "defualt"}]}));
    assert_eq!(text, "routes[0].route: default/reviews has no rule defualt (default)");
}

#[test]
fn two_entries_for_one_rule_are_refused() {
    let text =
        of_policy(json!({"virtualService": "reviews", "routes": [{"route": "default"}, {}, {"route": "default"}]}));
    assert_eq!(text, "routes[2].route: default has an entry already: routes[0]");
    let text = of_policy(json!({"virtualService": "reviews", "routes": [{}, {}]}));
    assert_eq!(text, "routes[1].route: there is an entry for every rule already: routes[0]");
}

#[test]
fn a_subset_that_the_rule_lacks_is_refused() {
    let guard = json!({"subset": "v3", "maxErrorPercent": 5});
    assert_eq!(
        of_entry(json!({"guard": guard})),
        "guard.subset: default has no destination with the subset v3 (v1, v2)"
    );
    let text = of_policy(json!({"virtualService": "reviews", "routes": [{"guard": guard}]}));
    assert_eq!(text, "routes[0].guard.subset: no rule has a destination with the subset v3");
    let ramp = json!({"subset": "", "from": 0, "to": 100, "start": "2026-11-20T15:00:00Z", "duration": "2h"});
    assert!(of_entry(json!({"ramp": ramp})).starts_with("ramp.subset: default has no destination"));
}

#[test]
fn a_misspelt_field_is_refused_at_every_level() {
    for (entry, path, field) in [
        (json!({"splt": {}}), "splt", "splt"),
        (json!({"split": {"keys": []}}), "split.keys", "keys"),
        (json!({"split": {"mode": "sticky", "key": [{"headers": "a"}]}}), "split.key[0].headers", "headers"),
        (json!({"guard": {"subset": "v2", "maxErrorPercent": 5, "holds": "5m"}}), "guard.holds", "holds"),
        (json!({"failover": {"retry": "5s"}}), "failover.retry", "retry"),
        (json!({"when": [{"cookie": {}}]}), "when[0].cookie", "cookie"),
    ] {
        let text = of_entry(entry);
        assert!(text.starts_with(&format!("{path}: unknown field `{field}`, expected ")), "{text}");
    }
    assert!(of_policy(json!({"virtualService": "reviews", "route": []})).starts_with("route: unknown field `route`"));
    assert!(of_policy(json!({"routes": []})).ends_with("virtualService: must not be missing"));
    assert_eq!(of_policy(json!({"virtualService": ""})), "virtualService: must not be empty");
}

#[test]
fn splits_that_cannot_be_are_refused() {
    let of_split =
        |field, value: Value| of_field("split", json!({"mode": "sticky", "key": [{"header": "a"}]}), field, value);
    assert!(of_split("mode", json!("stiky")).starts_with("split.mode: stiky is not one of random, exact, sticky"));
    assert_eq!(of_split("key", json!([])), "split.key: must not be empty");
    assert!(of_split("key", json!([{}])).starts_with("split.key[0]: must have one of header, "));
    assert_eq!(
        of_split("key", json!([{"header": "a", "cookie": "b"}])),
        "split.key[0]: has header and cookie: each needs an entry of its own"
    );
    assert_eq!(
        of_split("key", json!([{"issueCookie": {"name": "a"}}, {"header": "a"}])),
        "split.key[0].issueCookie: must be the last: nothing behind it would ever be asked"
    );
    assert_eq!(
        of_split("key", json!([{"issueCookie": {"name": "a", "ttl": "1d"}}])),
        "split.key[0].issueCookie.ttl: `1d` is not a duration such as 90s or 1h30m"
    );
    assert_eq!(of_split("history", json!([[1, 2, 3]])), "split.history[0]: 3 weights, but 2 destinations");
    assert_eq!(of_split("history", json!([[1, 1], [0, 0]])), "split.history[1]: must have a weight above 0");
    assert!(
        of_split("history", json!([[-1, 1]]))
            .starts_with("split.history[0][0]: -1 is not a whole number from 0 to 4294967295")
    );
}

#[test]
fn ramps_that_cannot_be_are_refused() {
    let good =
        json!({"subset": "v2", "from": 5, "to": 100, "start": "2026-11-20T15:00:00Z", "duration": "2h", "steps": 4});
    let of_ramp = |field, value: Value| of_field("ramp", good.clone(), field, value);
    assert_eq!(of_ramp("from", json!(-1)), "ramp.from: -1 is not from 0 to 100");
    assert_eq!(of_ramp("to", json!(100.5)), "ramp.to: 100.5 is not from 0 to 100");
    assert!(of_ramp("start", json!("soon")).starts_with("ramp.start: `soon` is not an instant of RFC 3339"));
    assert_eq!(of_ramp("duration", json!("0s")), "ramp.duration: must be greater than zero");
    assert_eq!(of_ramp("steps", json!(0)), "ramp.steps: must be at least 1");
    let mut without_start = good.clone();
    without_start.as_object_mut().expect("it is one").remove("start");
    assert_eq!(of_entry(json!({"ramp": without_start})), "ramp.start: must not be missing");
}

#[test]
fn guards_and_failovers_that_cannot_be_are_refused() {
    let of_guard = |field, value: Value| of_field("guard", json!({"subset": "v2", "maxErrorPercent": 5}), field, value);
    assert_eq!(of_guard("maxErrorPercent", json!(100)), "guard.maxErrorPercent: 100 is not less than 100");
    assert_eq!(of_guard("minRequests", json!(0)), "guard.minRequests: must be at least 1");
    assert!(of_guard("window", json!("10ms")).starts_with("guard.window: 10ms is less than a second"));
    assert_eq!(of_guard("hold", json!("0s")), "guard.hold: 0s is less than a millisecond");
    assert_eq!(
        of_entry(json!({"failover": {"retryAfter": "0s"}})),
        "failover.retryAfter: 0s is less than a millisecond"
    );
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    assert_eq!(of_entry(json!({"when": []})), "when: must not be empty");
    assert!(of_entry(json!({"when": [{}]})).starts_with("when[0]: must have one of cookies, "));
    let issue = json!([{"percentage": {"value": 5, "key": [{"issueCookie": {"name": "a"}}]}}]);
    assert_eq!(
        of_entry(json!({"when": issue})),
        "when[0].percentage.key[0].issueCookie: is for split only: nothing else gives out cookies"
    );
}

#[test]
fn what_has_no_effect_is_warned_of() {
    let entry = json!({"split": {"mode": "exact", "key": [{"header": "a"}], "salt": "s", "history": [[1, 1]]}});
    let reason = "has no effect: the mode is not sticky";
    let expected =
        ["key", "salt", "history"].map(|field| format!("resources[1].spec.routes[0].split.{field}: {reason}"));
    let said: Vec<String> = warnings(canary(two(), entry)).into_iter().filter(|said| said.contains(reason)).collect();
    assert_eq!(said, expected);
}

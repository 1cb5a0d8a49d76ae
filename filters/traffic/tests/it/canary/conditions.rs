//! A policy's `when`: the rule applies only for a group, else the next rule is asked.

use super::worker::{canary_policy, to};
use crate::scene::{Get, get, policy, subset, test, virtual_service};
use serde_json::{Value, json};
use serin_traffic::Policy;

/// The rule `group` to v2 under that condition, then one to v1 for the rest.
fn group(when: Value) -> Policy {
    let spec = json!({"hosts": ["reviews"], "http": [
        {"name": "group", "match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}], "route": [to("v2", 1)]},
        {"route": [to("v1", 1)]},
    ]});
    let entry = json!([{"route": "group", "when": when}]);
    policy(json!({"resources": [virtual_service("reviews", spec), canary_policy(entry)]}))
}

#[track_caller]
fn assert_in(policy: &Policy, request: Get) {
    assert_eq!(subset(policy, &request), "v2");
}

#[track_caller]
fn assert_out(policy: &Policy, request: Get) {
    assert_eq!(subset(policy, &request), "v1");
}

#[test]
fn a_rule_for_the_office_is_for_nobody_else() {
    let policy = group(json!([{"sourceIp": ["10.0.0.0/8", "2001:db8::/32"]}]));
    for path in ["/a", "/b"] {
        assert_in(&policy, get("reviews", path).from("10.1.2.3"));
        assert_in(&policy, get("reviews", path).from("2001:db8::7"));
        assert_out(&policy, get("reviews", path).from("192.0.2.7"));
        assert_out(&policy, get("reviews", path));
    }
    assert_out(&policy, get("reviews", "/c").from("10.1.2.3"));
}

#[test]
fn a_rule_with_a_window_applies_within_it() {
    let policy = group(json!([{"time": {"after": "1970-01-01T01:00:00Z", "before": "1970-01-01T03:00:00+01:00"}}]));
    for (second, applies) in [(0, false), (3_599, false), (3_600, true), (7_199, true), (7_200, false)] {
        let request = get("reviews", "/a").at(second);
        if applies { assert_in(&policy, request) } else { assert_out(&policy, request) }
    }
}

#[test]
fn a_rule_for_a_cookie_or_a_claim_or_baggage() {
    let policy = group(json!([
        {"cookies": {"group": {"exact": "beta"}}},
        {"jwt": {"header": "x-jwt", "claims": {"sub": {"prefix": "ma"}}}},
        {"baggage": {"canary": {}}},
    ]));
    assert_in(&policy, get("reviews", "/a").header("cookie", "group=beta"));
    assert_out(&policy, get("reviews", "/a").header("cookie", "group=alpha"));
    assert_in(&policy, get("reviews", "/a").header("x-jwt", "eyJzdWIiOiJtYXJ5In0"));
    assert_in(&policy, get("reviews", "/a").header("baggage", "canary=yes"));
    assert_out(&policy, get("reviews", "/a").header("baggage", "other=yes"));
}

#[test]
fn a_larger_share_of_keys_has_all_of_a_smaller_one() {
    let share = |percent: u32| group(json!([{"percentage": {"value": percent, "key": [{"header": "end-user"}]}}]));
    let (small, large) = (share(10), share(40));
    let mut counts = (0, 0);
    for user in 0..1_000 {
        let request = get("reviews", "/a").header("end-user", user.to_string());
        let is_in = |policy| subset(policy, &request) == "v2";
        assert!(!is_in(&small) || is_in(&large));
        counts = (counts.0 + u32::from(is_in(&small)), counts.1 + u32::from(is_in(&large)));
    }
    assert!((60..=140).contains(&counts.0) && (340..=460).contains(&counts.1), "{counts:?}");
    assert_out(&share(100), get("reviews", "/a"));
}

#[test]
fn all_of_one_entry_must_hold() {
    let policy = group(json!([{"cookies": {"group": {}}, "sourceIp": ["10.0.0.0/8"]}]));
    let request = || get("reviews", "/a").header("cookie", "group=x");
    assert_in(&policy, request().from("10.0.0.1"));
    assert_out(&policy, request().from("192.0.2.1"));
    assert_out(&policy, get("reviews", "/a").from("10.0.0.1"));
}

#[test]
fn a_condition_for_every_rule_can_leave_none() {
    let spec = json!({"hosts": ["reviews"], "http": [{"route": [to("v1", 1)]}]});
    let entry = json!([{"when": [{"cookies": {"group": {}}}]}]);
    let policy = policy(json!({"resources": [virtual_service("reviews", spec), canary_policy(entry)]}));
    assert_eq!(subset(&policy, &get("reviews", "/")), "404");
    assert_eq!(subset(&policy, &get("reviews", "/").header("cookie", "group=x")), "v1");
}

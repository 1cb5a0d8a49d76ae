//! Which rule applies.

use crate::scene::{Get, get, policy, rules, subset, test, to_subset, warnings};
use serde_json::{Value, json};

/// Whether a rule with that one match applies to the request.
#[track_caller]
fn applies(one_match: Value, request: Get) -> bool {
    subset(&policy(rules(json!([to_subset("hit", json!([one_match]))]))), &request) == "hit"
}

fn reviews(target: &str) -> Get {
    get("reviews:9080", target)
}

#[test]
fn the_first_rule_that_applies_wins() {
    let policy = policy(rules(json!([
        to_subset("v2", json!([{"headers": {"end-user": {"exact": "jason"}}}])),
        to_subset("v1", json!([{"uri": {"prefix": "/reviews"}}])),
        to_subset("v3", json!([])),
    ])));
    assert_eq!(subset(&policy, &reviews("/reviews/1").header("end-user", "jason")), "v2");
    assert_eq!(subset(&policy, &reviews("/reviews/1").header("end-user", "Jason")), "v1");
    assert_eq!(subset(&policy, &reviews("/")), "v3");
}

#[test]
fn conditions_of_one_match_all_hold_and_of_several_matches_one_is_enough() {
    let either = json!([
        {"uri": {"exact": "/a"}, "method": {"exact": "GET"}, "headers": {"x": {"exact": "1"}, "y": {"exact": "2"}}},
        {"uri": {"exact": "/b"}},
    ]);
    let policy = policy(rules(json!([to_subset("hit", either)])));
    assert_eq!(subset(&policy, &reviews("/a").header("x", "1").header("y", "2")), "hit");
    assert_eq!(subset(&policy, &reviews("/a").header("x", "1")), "404");
    assert_eq!(subset(&policy, &reviews("/b?c=d")), "hit");
}

#[test]
fn a_path_prefix_is_one_of_the_text() {
    assert!(applies(json!({"uri": {"prefix": "/static"}}), reviews("/staticfoo")));
    assert!(!applies(json!({"uri": {"prefix": "/static"}}), reviews("/Static")));
    assert!(applies(json!({"uri": {"prefix": "/static"}, "ignoreUriCase": true}), reviews("/STATIC/a")));
    assert!(applies(json!({"uri": {"regex": "/v[0-9]+/.*"}}), reviews("/v12/cart?x=/")));
    assert!(!applies(json!({"uri": {"regex": "/v[0-9]+"}}), reviews("/v12/cart")));
    assert!(applies(json!({"uri": {}}), reviews("/")));
}

#[test]
fn method_scheme_and_authority_are_headers() {
    assert!(applies(json!({"method": {"prefix": "G"}}), reviews("/")));
    assert!(!applies(json!({"method": {"exact": "get"}}), reviews("/")));
    assert!(applies(json!({"scheme": {"exact": "http"}}), reviews("/")));
    assert!(applies(json!({"authority": {"exact": "reviews:9080"}}), reviews("/")));
    assert!(!applies(json!({"authority": {"exact": "reviews"}}), reviews("/")), "compared with its port");
    assert!(applies(json!({"headers": {"Host": {"regex": "reviews:\\d+"}}}), reviews("/")));
}

#[test]
fn query_parameters_are_compared_as_they_were_sent() {
    let one_match = || json!({"queryParams": {"v": {"exact": "2"}, "debug": {}}});
    assert!(applies(one_match(), reviews("/?v=2&debug")));
    assert!(!applies(one_match(), reviews("/?v=2")));
    assert!(!applies(one_match(), reviews("/?v=%32&debug")));
}

#[test]
fn without_headers_fails_where_the_pattern_takes_an_empty_value() {
    assert!(applies(json!({"withoutHeaders": {"x": {"exact": "1"}}}), reviews("/")));
    assert!(!applies(json!({"withoutHeaders": {"x": {"regex": ".*"}}}), reviews("/")));
    assert!(applies(json!({"withoutHeaders": {"x": {"regex": "*"}}}), reviews("/")));
    assert!(!applies(json!({"withoutHeaders": {"x": {}}}), reviews("/").header("x", "")));
}

#[test]
fn port_and_source_and_gateway_choose_the_matches_of_this_proxy() {
    let mut configuration = rules(json!([
        to_subset("v1", json!([{"port": 8080}])),
        to_subset("v2", json!([{"sourceLabels": {"app": "ratings"}}])),
        to_subset("v3", json!([{"sourceNamespace": "prod"}])),
        to_subset("v4", json!([{"gateways": ["edge"]}])),
        to_subset("v5", json!([{"gateways": ["mesh"], "sourceLabels": {"app": "ratings"}}])),
    ]));
    configuration["source"] = json!({"namespace": "default", "labels": {"app": "productpage"}});
    let policy = policy(configuration);
    assert_eq!(subset(&policy, &reviews("/")), "v5", "where gateways are named, labels are not looked at");
    assert_eq!(subset(&policy, &reviews("/").port(8080)), "v1");
}

#[test]
fn a_virtual_service_of_which_no_match_is_for_this_proxy_leaves_its_host_alone() {
    let policy = policy(rules(json!([to_subset("v1", json!([{"sourceLabels": {"app": "ratings"}}]))])));
    assert_eq!(subset(&policy, &reviews("/")), "-");
}

#[test]
fn a_rule_behind_a_catch_all_is_warned_of() {
    let rules = rules(json!([
        {"route": [{"destination": {"host": "reviews"}}]}, {"route": [{"destination": {"host": "reviews"}}]},
    ]));
    assert_eq!(warnings(rules), ["resources[0].spec.http[1]: can never apply: http[0] applies to every request"]);
}

#[test]
fn a_claim_of_the_verified_jwt_is_matched_like_a_header() {
    // At a gateway: in the mesh nobody knows claims.
    let applies = |one_match: Value, request: Get| {
        let mut rules = rules(json!([to_subset("hit", json!([one_match]))]));
        rules["gateway"] = json!("default/front");
        rules["resources"][0]["spec"]["gateways"] = json!(["front"]);
        rules["resources"][0]["spec"]["hosts"] = json!(["*"]);
        subset(&policy(rules), &request) == "hit"
    };
    let by = |name: &str| json!({"headers": {name: {"exact": "beta"}}});
    let with = |path: &str, values: &[&str]| reviews("/").claim(path, values);
    assert!(applies(by("@request.auth.claims.group"), with("group", &["beta"])));
    assert!(applies(by("@request.auth.claims.group"), with("group", &["alpha", "beta"])), "one of a list is enough");
    assert!(!applies(by("@request.auth.claims.group"), with("group", &["betamax"])));
    assert!(!applies(by("@request.auth.claims.group"), reviews("/").header("@request.auth.claims.group", "beta")));
    assert!(applies(by("@request.auth.claims.realm.group"), with("realm.group", &["beta"])));
    assert!(applies(by("@request.auth.claims[realm][group]"), with("realm.group", &["beta"])));
    let without = json!({"withoutHeaders": {"@request.auth.claims.group": {"exact": "beta"}}});
    assert!(applies(without.clone(), reviews("/")));
    assert!(!applies(without, with("group", &["beta"])));
}

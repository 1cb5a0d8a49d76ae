//! VirtualServices whose rules stand in for a rule of another.

use crate::scene::{decide, get, policy, refusal, subset, test, to_subset, virtual_service, warnings};
use serde_json::{Value, json};

fn root(one_match: Value) -> Value {
    virtual_service(
        "root",
        json!({"hosts": ["reviews"], "http": [
        {"match": [one_match], "delegate": {"name": "team", "namespace": "team"}}, to_subset("rest", json!([]))]}),
    )
}

fn team(http: Value) -> Value {
    let mut team = virtual_service("team", json!({"http": http}));
    team["metadata"]["namespace"] = json!("team");
    team
}

fn configuration(root_match: Value, http: Value) -> Value {
    json!({"port": 80, "resources": [root(root_match), team(http)]})
}

#[test]
fn both_matches_must_hold() {
    let policy = policy(configuration(
        json!({"uri": {"prefix": "/team"}, "headers": {"x-a": {"exact": "1"}}}),
        json!([
            to_subset("v2", json!([{"uri": {"exact": "/team/a"}, "headers": {"x-b": {}}}])),
            to_subset("v1", json!([]))
        ]),
    ));
    let team = |target: &str| get("reviews", target).header("x-a", "1");
    assert_eq!(subset(&policy, &team("/team/a").header("x-b", "")), "v2");
    assert_eq!(subset(&policy, &team("/team/b")), "v1");
    assert_eq!(subset(&policy, &get("reviews", "/team/a")), "rest");
    assert_eq!(subset(&policy, &team("/other")), "rest");
}

#[test]
fn a_delegates_short_names_resolve_in_its_own_namespace() {
    let policy = policy(configuration(json!({"uri": {"prefix": "/"}}), json!([to_subset("v1", json!([]))])));
    let cluster = crate::scene::cluster(&policy, &get("reviews", "/"));
    assert_eq!(cluster, "outbound|80|v1|reviews.team.svc.cluster.local");
}

#[test]
fn a_match_that_is_not_part_of_the_roots_never_applies_and_is_warned_of() {
    let configuration = configuration(
        json!({"uri": {"prefix": "/team"}}),
        json!([
            to_subset("v2", json!([{"uri": {"prefix": "/other"}}])),
            to_subset("v1", json!([{"uri": {"regex": "/team.*"}}]))
        ]),
    );
    let warned = warnings(configuration.clone());
    for index in [0, 1] {
        let warning = format!("resources[1].spec.http[{index}]: never applies");
        assert!(warned.iter().any(|text| text.starts_with(&warning)), "{warned:?}");
    }
    assert_eq!(subset(&policy(configuration), &get("reviews", "/other")), "rest");
}

#[test]
fn what_the_delegate_leaves_open_is_the_roots() {
    let mut root = root(json!({"uri": {"prefix": "/team"}}));
    root["spec"]["http"][0]["timeout"] = json!("5s");
    let policy = policy(json!({"port": 80, "resources": [root, team(json!([to_subset("v1", json!([]))]))]}));
    let request = get("reviews", "/team");
    assert_eq!(
        decide(&policy, &request, 0).request,
        [serin_traffic::Change::set("x-envoy-upstream-rq-timeout-ms", "5000")]
    );
}

#[test]
fn a_delegate_that_is_not_there_and_one_with_hosts_are_warned_of() {
    let root = root(json!({"uri": {"prefix": "/team"}}));
    assert_eq!(
        warnings(json!({"resources": [root]}))[0],
        "resources[0].spec.http[0].delegate: no VirtualService team/team is here: the rule never applies"
    );
    let mut hosts = team(json!([to_subset("v1", json!([]))]));
    hosts["spec"]["hosts"] = json!(["a.example"]);
    assert_eq!(
        warnings(json!({"resources": [root, hosts]}))[0],
        "resources[0].spec.http[0].delegate: team/team has hosts, so it is no delegate: the rule never applies"
    );
}

#[test]
fn what_a_root_and_its_delegate_cannot_have_each_they_may_have_together() {
    // Istio looks at each alone (`validateHTTPRouteConflict`); of the merged rule a redirect comes first (`translateRoute`).
    let mut root = root(json!({"uri": {"prefix": "/team"}}));
    for (field, value) in [
        ("rewrite", json!({"uri": "/"})),
        ("directResponse", json!({"status": 204})),
        ("mirrors", json!([{"destination": {"host": "b"}}])),
    ] {
        root["spec"]["http"][0][field] = value;
    }
    let policy = |route: Value| policy(json!({"port": 80, "resources": [root, team(json!([route]))]}));
    let reply = |policy: &serin_traffic::Policy| {
        let request = get("reviews", "/team/a");
        let decision = decide(policy, &request, 0);
        assert!(decision.rule().and_then(|id| policy.rule(id)).is_some_and(|rule| rule.mirrors().is_empty()));
        decision.reply.map(|reply| reply.status)
    };
    assert_eq!(reply(&policy(json!({"redirect": {"uri": "/b"}, "mirror": {"host": "a"}}))), Some(301));
    assert_eq!(reply(&policy(json!({"route": [{"destination": {"host": "a"}}]}))), Some(204));
}

#[test]
fn a_mistake_in_a_delegate_is_refused_though_nothing_delegates_to_it() {
    let team = team(json!([to_subset("v1", json!([{"uri": {"regex": "a("}}]))]));
    assert_eq!(
        refusal(json!({"resources": [team]})),
        "resources[0].spec.http[0].match[0].uri.regex: `a(`: missing closing ): ("
    );
}

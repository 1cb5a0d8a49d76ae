//! CanaryPolicies: what is refused, what is suspect, and that the pages about them are right.

use crate::scene::{refusal, rules, test, warnings};
use serde_json::{Value, json};

/// Rules `canary`, v1 90 and v2 10, and `rest`, v1; and a policy with that spec.
fn with_policy(spec: Value) -> Value {
    let to =
        |subset: &str, weight: u32| json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight});
    let mut configuration = rules(json!([
        {"name": "canary", "match": [{"uri": {"prefix": "/"}}], "route": [to("v1", 90), to("v2", 10)]},
        {"name": "rest", "route": [to("v1", 1)]},
    ]));
    configuration["resources"].as_array_mut().unwrap().push(canary_policy("reviews", spec));
    configuration
}

fn canary_policy(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": name}, "spec": spec})
}

/// A policy that says this of the rule `canary`.
fn saying(said: Value) -> Value {
    let mut route = json!({"route": "canary"});
    route.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    with_policy(json!({"virtualService": "reviews", "routes": [route]}))
}

#[test]
fn each_mistake_is_refused_with_its_path_and_its_reason() {
    let sticky = |key: Value| json!({"split": {"mode": "sticky", "key": key}});
    let ramp = |field: &str, value: Value| {
        let mut ramp = json!({"subset": "v2", "from": 0, "to": 100, "start": "2026-11-20T15:00:00Z", "duration": "1h"});
        ramp[field] = value;
        json!({"ramp": ramp})
    };
    let guard = |field: &str, value: Value| {
        let mut guard = json!({"subset": "v2", "maxErrorPercent": 5});
        guard[field] = value;
        json!({"guard": guard})
    };
    let callout = |field: &str, value: Value| json!({"shadow": {"delivery": "callout", field: value}});
    for (said, path) in [
        (json!({"splitt": {}}), "splitt"),
        (json!({"split": {"mode": "fair"}}), "split.mode"),
        (sticky(json!([])), "split.key"),
        (sticky(json!([{}])), "split.key[0]"),
        (sticky(json!([{"header": "a", "cookie": "b"}])), "split.key[0]"),
        (sticky(json!([{"header": "a b"}])), "split.key[0].header"),
        (sticky(json!([{"issueCookie": {"name": "serin"}}, {"header": "a"}])), "split.key[0].issueCookie"),
        (sticky(json!([{"issueCookie": {"name": "a b"}}])), "split.key[0].issueCookie.name"),
        (sticky(json!([{"issueCookie": {"name": "serin", "ttl": "soon"}}])), "split.key[0].issueCookie.ttl"),
        (sticky(json!([{"issueCookie": {"name": "serin", "path": "shop"}}])), "split.key[0].issueCookie.path"),
        (json!({"split": {"mode": "sticky", "key": [{"header": "a"}], "history": [[1]]}}), "split.history[0]"),
        (json!({"split": {"mode": "sticky", "key": [{"header": "a"}], "history": [[0, 0]]}}), "split.history[0]"),
        (ramp("subset", json!("v9")), "ramp.subset"),
        (ramp("from", json!(-1)), "ramp.from"),
        (ramp("to", json!(101)), "ramp.to"),
        (ramp("start", json!("tomorrow")), "ramp.start"),
        (ramp("duration", json!("0s")), "ramp.duration"),
        (ramp("steps", json!(0)), "ramp.steps"),
        (guard("subset", json!("v9")), "guard.subset"),
        (guard("maxErrorPercent", json!(100)), "guard.maxErrorPercent"),
        (guard("minRequests", json!(0)), "guard.minRequests"),
        (guard("window", json!("1ms")), "guard.window"),
        (guard("hold", json!("never")), "guard.hold"),
        (json!({"failover": {"retryAfter": "0s"}}), "failover.retryAfter"),
        (json!({"when": []}), "when"),
        (json!({"when": [{}]}), "when[0]"),
        (json!({"when": [{"sourceIp": ["10.0.0.1/8"]}]}), "when[0].sourceIp[0]"),
        (json!({"when": [{"time": {}}]}), "when[0].time"),
        (json!({"when": [{"percentage": {"value": 101, "key": [{"header": "a"}]}}]}), "when[0].percentage.value"),
        (json!({"when": [{"cookies": {"a": {"regex": "("}}}]}), "when[0].cookies.a.regex"),
        (json!({"shadow": {"delivery": "pigeon"}}), "shadow.delivery"),
        (json!({"shadow": {"methods": []}}), "shadow.methods"),
        (json!({"shadow": {"methods": ["get"]}}), "shadow.methods[0]"),
        (json!({"shadow": {"maxPerSecond": 0}}), "shadow.maxPerSecond"),
        (json!({"shadow": {"key": [{"issueCookie": {"name": "a"}}]}}), "shadow.key[0].issueCookie"),
        (json!({"shadow": {"headers": {"set": {":path": "/"}}}}), "shadow.headers.set.:path"),
        (json!({"shadow": {"headers": {"set": {"x-a": "%REQ(a)%"}}}}), "shadow.headers.set.x-a"),
        (json!({"shadow": {"headers": {"set": {"Content-Length": "1"}}}}), "shadow.headers.set.Content-Length"),
        (json!({"shadow": {"headers": {"remove": ["x-shadowed-by"]}}}), "shadow.headers.remove[0]"),
        (callout("maxInFlight", json!(0)), "shadow.maxInFlight"),
        (callout("maxBodyBytes", json!(1_u64 << 40)), "shadow.maxBodyBytes"),
        (callout("timeout", json!("0s")), "shadow.timeout"),
        (callout("compare", json!({})), "shadow.compare"),
        (callout("compare", json!({"status": true, "sampleLog": 200})), "shadow.compare.sampleLog"),
    ] {
        let refusal = refusal(saying(said.clone()));
        let whole = format!("resources[1].spec.routes[0].{path}: ");
        assert!(
            refusal.starts_with(&whole) && refusal.len() > whole.len() && !refusal.contains('\n'),
            "{said}: {refusal}"
        );
    }
}

#[test]
fn a_policy_is_about_rules_that_are_there_and_about_each_once() {
    assert_eq!(
        refusal(with_policy(json!({"virtualService": "reviews", "routes": [{"route": "stable"}]}))),
        "resources[1].spec.routes[0].route: default/reviews has no rule stable (canary, rest)"
    );
    assert_eq!(
        refusal(with_policy(json!({"virtualService": "reviews", "routes": [{"route": "rest"}, {"route": "rest"}]}))),
        "resources[1].spec.routes[1].route: rest has an entry already: routes[0]"
    );
    assert_eq!(
        refusal(with_policy(json!({"virtualService": ""}))),
        "resources[1].spec.virtualService: must not be empty"
    );
    let mut two = with_policy(json!({"virtualService": "reviews"}));
    two["resources"].as_array_mut().unwrap().push(canary_policy("other", json!({"virtualService": "reviews"})));
    assert_eq!(
        refusal(two),
        "resources[2].spec.virtualService: default/reviews has a CanaryPolicy already: resources[1]"
    );
    let for_all = json!({"virtualService": "reviews", "routes": [{"guard": {"subset": "v9", "maxErrorPercent": 5}}]});
    assert_eq!(
        refusal(with_policy(for_all)),
        "resources[1].spec.routes[0].guard.subset: no rule has a destination with the subset v9"
    );
}

#[test]
fn what_has_no_effect_is_suspect() {
    let about = |warnings: Vec<String>| {
        warnings.into_iter().filter(|warning| warning.starts_with("resources[1]")).collect::<Vec<_>>()
    };
    assert_eq!(
        about(warnings(with_policy(json!({"virtualService": "ratings"})))),
        ["resources[1].spec.virtualService: there is no VirtualService default/ratings here"]
    );
    assert_eq!(
        about(warnings(saying(json!({"shadow": {"maxInFlight": 5, "compare": {"status": true}}})))),
        [
            "resources[1].spec.routes[0].shadow.maxInFlight: has no effect: the delivery is not callout",
            "resources[1].spec.routes[0].shadow.compare: has no effect: the delivery is not callout",
        ]
    );
    assert_eq!(
        about(warnings(saying(json!({"split": {"mode": "exact", "key": [{"header": "a"}]}})))),
        ["resources[1].spec.routes[0].split.key: has no effect: the mode is not sticky"]
    );
}

//! CanaryPolicies: what is refused, what is suspect, and what they make of a rule.

use crate::scene::{get, policy, refusal, rules, test, warnings};
use serde_json::{Value, json};
use serin_traffic::guard::{Failover, Guard};
use serin_traffic::{Outcome, Policy, Rotation, Rule, Share, Ticket, Worker};
use std::cell::RefCell;

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

/// A worker that draws one ticket, and says what it is told.
struct One {
    ticket: u64,
    factor: Share,
    gone: Option<usize>,
    rotation: RefCell<Rotation>,
}

impl Default for One {
    fn default() -> Self {
        Self { ticket: 0, factor: Share::ALL, gone: None, rotation: RefCell::default() }
    }
}

impl Worker for One {
    fn draw(&self) -> Ticket {
        Ticket(self.ticket)
    }

    fn rotate(&self, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        turn(&mut self.rotation.borrow_mut())
    }

    fn guarded(&self, _guard: &Guard) -> Share {
        self.factor
    }

    fn passes_over(&self, place: usize, _failover: &Failover) -> bool {
        self.gone == Some(place)
    }
}

fn canary(policy: &Policy) -> &Rule {
    let Outcome::Rule(applied) = policy.route(&get("reviews", "/")) else { panic!("a rule applies") };
    policy.rule(applied.rule).expect("it is the policy's own")
}

#[test]
fn a_choice_says_how_it_was_made() {
    let sticky = policy(saying(json!({"split": {"mode": "sticky", "key": [{"header": "end-user"}]}})));
    let request = get("reviews", "/").header("end-user", "jason");
    let text = canary(&sticky).choose(&request, &One::default()).expect("there is one").to_string();
    let (subset, rest) = text.split_once(" sticky=header:end-user ticket=0.").expect("it is sticky");
    assert!(["v1", "v2"].contains(&subset) && (rest.ends_with(" weight=90") || rest.ends_with(" weight=10")), "{text}");

    let exact = policy(saying(json!({"split": {"mode": "exact"}})));
    assert_eq!(canary(&exact).choose(&get("reviews", "/"), &One::default()).unwrap().to_string(), "v1 exact weight=90");
    let random = policy(saying(json!({})));
    let last = One { ticket: u64::MAX, ..One::default() };
    assert_eq!(canary(&random).choose(&get("reviews", "/"), &last).unwrap().to_string(), "v2 random weight=10");
}

#[test]
fn a_guarded_destination_has_as_much_of_its_share_as_its_guard_leaves_it() {
    let guarded = policy(saying(json!({"guard": {"subset": "v2", "maxErrorPercent": 5}})));
    let share = |factor: Share| {
        let worker = One { ticket: u64::MAX, factor, ..One::default() };
        let request = get("reviews", "/");
        let choice = canary(&guarded).choose(&request, &worker).unwrap();
        (choice.destination.title() == "v2").then_some(choice.share)
    };
    assert_eq!(share(Share::ALL), Some(0.1));
    assert_eq!(share(Share::NONE), None);
    assert!((share(Share::from_millionths(100_000)).unwrap() - 0.01).abs() < 1e-9);
}

#[test]
fn a_ramp_keeps_a_destination_of_weight_0_and_follows_the_clock() {
    let mut configuration = saying(json!({"ramp": {
        "subset": "v2", "from": 0, "to": 100, "start": "1970-01-01T00:01:40Z", "duration": "100s"}}));
    let route = &mut configuration["resources"][0]["spec"]["http"][0]["route"];
    (route[0]["weight"], route[1]["weight"]) = (json!(100), json!(0));
    let ramped = policy(configuration);
    for (second, share) in [(0, 0.0), (100, 0.0), (150, 0.5), (200, 1.0), (500, 1.0)] {
        let weights = canary(&ramped).weights(|| second * 1_000_000_000);
        assert!((weights.share(1) - share).abs() < 1e-6, "{second}");
        let last = One { ticket: u64::MAX, ..One::default() };
        let choice = canary(&ramped).choose(&get("reviews", "/").at(second), &last).unwrap().place;
        assert_eq!(choice, usize::from(share > 0.0), "{second}");
    }
}

#[test]
fn a_destination_that_is_gone_is_passed_over_and_if_all_are_it_is_asked_all_the_same() {
    let failing = policy(saying(json!({"failover": {}})));
    let gone = One { gone: Some(0), ..One::default() };
    let request = get("reviews", "/");
    let choice = canary(&failing).choose(&request, &gone).unwrap();
    assert_eq!((choice.place, choice.passed_over), (1, Some(0)));
}

#[test]
fn a_rule_for_one_network_applies_there_only() {
    let only = policy(saying(json!({"when": [{"sourceIp": ["10.0.0.0/8"]}]})));
    let name = |request: &crate::scene::Get| match only.route(request) {
        Outcome::Rule(applied) => only.rule(applied.rule).unwrap().name.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(name(&get("reviews", "/").from("10.1.2.3")), "canary");
    assert_eq!(name(&get("reviews", "/").from("192.0.2.1")), "rest");
    assert_eq!(name(&get("reviews", "/")), "rest");
}

/// The pages for operators: each of their policies compiles, without a warning.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn what_the_pages_show_is_taken() {
    let pages = [
        include_str!("../../../../docs/canary-policy.md"),
        include_str!("../../../../docs/shadow-mirror.md"),
        include_str!("../../../../README.md"),
    ];
    let mut policies = 0;
    for block in pages.iter().flat_map(|page| page.split("```yaml\n").skip(1)) {
        let block = block.split("```").next().unwrap_or_default();
        let policy: Value = serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"));
        let to =
            |subset: &str, weight: u32| json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight});
        let mut configuration = rules(json!([{"name": "default", "route": [to("v1", 90), to("v2", 10)]}]));
        configuration["resources"].as_array_mut().unwrap().push(policy);
        let suspect: Vec<String> =
            warnings(configuration).into_iter().filter(|warning| warning.starts_with("resources[1]")).collect();
        assert!(suspect.is_empty(), "{suspect:?}");
        policies += 1;
    }
    assert_eq!(policies, 3);
}

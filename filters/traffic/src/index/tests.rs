//! The index against the plain walk.

use crate::scene::{Get, get};
use crate::wasm_test::test;
use crate::written::{Configuration, Source};
use crate::{Outcome, Policy};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::RefCell;

/// Rules of the host that scenes ask, and what a CanaryPolicy asks of requests beside.
fn written(http: &[Value], when: &[Value], repeated: &str) -> Configuration {
    // At a gateway, since in the mesh nobody knows claims.
    let spec = json!({"hosts": ["*"], "gateways": ["front"], "http": http});
    let virtual_service = json!({"kind": "VirtualService", "metadata": {"name": "a"}, "spec": spec});
    let policy =
        json!({"kind": "CanaryPolicy", "metadata": {"name": "a"}, "spec": {"virtualService": "a", "routes": when}});
    let resources = if when.is_empty() { vec![virtual_service] } else { vec![virtual_service, policy] };
    Configuration::from_value(json!({"gateway": "default/front", "repeatedHeaders": repeated, "resources": resources}))
        .unwrap()
}

fn rule(place: usize, matches: &[Value]) -> Value {
    json!({"name": format!("rule-{place}"), "match": matches, "route": [{"destination": {"host": "a"}}]})
}

fn with_payload(request: Get, group: &str) -> Get {
    request.header("x-jwt", BASE64_URL_SAFE_NO_PAD.encode(json!({"group": [group, "everybody"]}).to_string()))
}

/// Few words, so that rules and requests meet often.
fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "a", "b", "ab", "A", "a,b"])
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "A"]), 0..4)
        .prop_map(|words| format!("/{}", words.join("/")))
}

fn text(word: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    (word, 0..8u8).prop_map(|(word, way)| match way {
        0 => json!({"exact": word}),
        1 if !word.is_empty() => json!({"prefix": word}),
        2 => json!({"regex": format!("{word}.*")}),
        3 => json!({"regex": format!(".*({word}|ba)")}),
        4 => json!({"regex": format!("(?i).*{word}b?")}),
        5 => json!({"regex": format!("[^,]*({word})+|/?[ab]*,.+")}),
        6 => json!({"regex": ".+"}),
        _ => json!({}),
    })
}

/// Conditions on some of the texts that have these names.
fn texts(names: &[&str], count: std::ops::Range<usize>) -> impl Strategy<Value = Value> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    prop::collection::btree_map(prop::sample::select(names), text(word().prop_map(str::to_owned)), count)
        .prop_map(|conditions| json!(conditions))
}

fn headers_condition() -> impl Strategy<Value = Value> {
    texts(&["x-a", "x-b", "X-C", "host", "@request.auth.claims.group"], 0..3)
}

fn one_match() -> impl Strategy<Value = Value> {
    let uri = prop::option::of(text(path()));
    let port = prop::option::of(80..82u16);
    let query = texts(&["p", "q"], 0..2);
    (uri, any::<bool>(), headers_condition(), headers_condition(), query, port).prop_map(
        |(uri, any_case, headers, without, query, port)| {
            json!({
                "uri": uri, "ignoreUriCase": any_case, "headers": headers, "withoutHeaders": without,
                "queryParams": query, "port": port,
            })
        },
    )
}

/// What a CanaryPolicy may ask beside.
fn when() -> impl Strategy<Value = Vec<Value>> {
    let cookies = texts(&["c", "d"], 1..3).prop_map(|texts| json!({"cookies": texts}));
    let baggage = texts(&["m"], 1..2).prop_map(|texts| json!({"baggage": texts}));
    let jwt = texts(&["group"], 1..2).prop_map(|texts| json!({"jwt": {"header": "x-jwt", "claims": texts}}));
    let time = Just(json!({"time": {"before": "2030-01-01T00:00:00Z"}}));
    prop::collection::vec(prop_oneof![4 => cookies, 2 => baggage, 2 => jwt, 1 => time], 1..3)
}

fn configuration() -> impl Strategy<Value = Configuration> {
    let rules =
        prop::collection::vec((prop::collection::vec(one_match(), 0..4), prop::option::weighted(0.3, when())), 1..8);
    (rules, prop::sample::select(vec!["joined", "individually"])).prop_map(|(rules, repeated)| {
        let http: Vec<Value> = rules.iter().enumerate().map(|(place, (matches, _))| rule(place, matches)).collect();
        let named = |(place, when): (usize, &Vec<Value>)| json!({"route": format!("rule-{place}"), "when": when});
        let when = rules.iter().enumerate().filter_map(|(place, (_, when))| Some((place, when.as_ref()?)));
        written(&http, &when.map(named).collect::<Vec<_>>(), repeated)
    })
}

fn request() -> impl Strategy<Value = Get> {
    let parameter = prop::sample::select(vec!["", "p", "q=", "q=a", "q=ab", "p=b", "p=a,b"]);
    let target = (path(), prop::collection::vec(parameter, 0..3))
        .prop_map(|(path, parameters)| format!("{path}?{}", parameters.join("&")));
    let cookies =
        prop::sample::select(vec!["c=a", "c=ab; d=A", "d=b;c=b", "x=a", "c"]).prop_map(|line| ("cookie", line));
    let baggage = prop::sample::select(vec!["m=a", "m=%61b;p", "n=a,m=A", "m"]).prop_map(|line| ("baggage", line));
    let other = (prop::sample::select(vec!["x-a", "x-b", "x-c"]), word());
    let fields = prop::collection::vec(prop_oneof![3 => other, 1 => cookies, 1 => baggage], 0..5);
    (target, fields, prop::collection::vec(word(), 0..3), prop::option::of(word())).prop_map(
        |(target, fields, groups, payload)| {
            let request = fields.into_iter().fold(get(&target), |request, (name, value)| request.header(name, value));
            let request = groups.into_iter().fold(request, Get::group);
            match payload {
                Some(group) => with_payload(request, group),
                None => request,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_index_always_answers_as_a_walk_through_the_rules(
        written in configuration(), requests in prop::collection::vec(request(), 1..20),
    ) {
        let policy = Policy::compile(&written, &Source::default()).unwrap().policy;
        for request in &requests {
            prop_assert_eq!(policy.route(request), policy.walk(request));
        }
    }
}

#[test]
fn the_generated_requests_meet_rules_and_miss_them() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut met, mut missed) = (0, 0);
    for _ in 0..500 {
        let written = configuration().new_tree(&mut runner).unwrap().current();
        let request = request().new_tree(&mut runner).unwrap().current();
        match Policy::compile(&written, &Source::default()).unwrap().policy.route(&request) {
            Outcome::Rule(_) => met += 1,
            _ => missed += 1,
        }
    }
    assert!(met > 100 && missed > 100, "{met} met, {missed} missed");
}

/// Of a thousand rules the one at place 700 applies to `request`, and no other is asked.
fn finds(one_match: impl Fn(&str) -> Value, when: impl Fn(&str) -> Option<Value>, request: &Get) {
    let users: Vec<String> = (0..1_000).map(|place| format!("u-{place:04}")).collect();
    let http: Vec<Value> = users.iter().enumerate().map(|(place, user)| rule(place, &[one_match(user)])).collect();
    let entry =
        |(place, user): (usize, &String)| Some(json!({"route": format!("rule-{place}"), "when": [when(user)?]}));
    let when: Vec<Value> = users.iter().enumerate().filter_map(entry).collect();
    let policy = Policy::compile(&written(&http, &when, "individually"), &Source::default()).unwrap().policy;
    let host = policy.hosts.get("reviews").unwrap();
    let asked = RefCell::new(Vec::new());
    let first = host.index.first(request, policy.repeated_headers, |place| {
        asked.borrow_mut().push(place);
        policy.conditions(host.entries[place]).unwrap().hold(request, policy.repeated_headers)
    });
    assert_eq!((first, asked.take()), (Some(700), vec![700]), "{} {request:?}", one_match("u-0700"));
}

#[test]
fn of_a_thousand_rules_those_are_asked_that_a_request_may_meet() {
    let nothing = |_: &str| None;
    finds(|user| json!({"uri": {"exact": format!("/{user}")}}), nothing, &get("/u-0700"));
    finds(|user| json!({"uri": {"prefix": format!("/{user}/")}}), nothing, &get("/u-0700/cart"));
    finds(|user| json!({"uri": {"exact": format!("/{user}")}, "ignoreUriCase": true}), nothing, &get("/U-0700"));
    finds(|user| json!({"uri": {"regex": format!("/v[12]/{user}/[0-9]+")}}), nothing, &get("/v1/u-0700/7"));
    finds(|user| json!({"headers": {"x-user": {"exact": user}}}), nothing, &get("/").header("x-user", "u-0700"));
    finds(|user| json!({"headers": {"x-user": {"prefix": user}}}), nothing, &get("/").header("x-user", "u-0700-eu"));
    let cookie = get("/").header("cookie", "theme=dark;user=u-0700;session=7");
    finds(|user| json!({"headers": {"cookie": {"regex": format!("^(.*?;)?(user={user})(;.*)?$")}}}), nothing, &cookie);
    let parameter = |user: &str| json!({"uri": {"prefix": "/"}, "queryParams": {"user": {"exact": user}}});
    finds(parameter, nothing, &get("/?page=7&user=u-0700"));
    let claim = |user: &str| json!({"headers": {"@request.auth.claims.group": {"exact": user}}});
    finds(claim, nothing, &get("/").group("everybody").group("u-0700"));
}

#[test]
fn of_a_thousand_rules_those_are_asked_of_which_a_policy_says_what_a_request_has() {
    let any = |_: &str| json!({"uri": {"prefix": "/"}});
    let cookie = |user: &str| Some(json!({"cookies": {"user": {"exact": user}}}));
    finds(any, cookie, &get("/").header("cookie", "theme=dark; user=u-0700"));
    let baggage = |user: &str| Some(json!({"baggage": {"user": {"exact": user}}}));
    finds(any, baggage, &get("/").header("baggage", "a=b,user=u%2D0700;p"));
    let claim = |user: &str| Some(json!({"jwt": {"header": "x-jwt", "claims": {"group": {"exact": user}}}}));
    finds(any, claim, &with_payload(get("/"), "u-0700"));
}

#[test]
fn a_claim_is_read_for_those_only_who_may_meet_a_rule_with_it() {
    let one_match = json!({
        "uri": {"prefix": "/admin"}, "headers": {"@request.auth.claims.group": {"exact": "admins"}},
    });
    let policy = Policy::compile(&written(&[rule(0, &[one_match])], &[], "individually"), &Source::default());
    let policy = policy.unwrap().policy;
    let admin = get("/admin").group("admins");
    assert!(matches!(policy.route(&admin), Outcome::Rule(_)));
    assert_eq!(admin.claims_read(), 1);
    let customer = get("/cart").group("customers");
    assert!(matches!(policy.route(&customer), Outcome::NoRule(_)));
    assert_eq!(customer.claims_read(), 0);
}

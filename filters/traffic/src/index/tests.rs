//! The index against the plain walk.

use crate::request::{Headers, Request};
use crate::wasm_test::test;
use crate::written::{Configuration, Source};
use crate::{Outcome, Policy};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::net::IpAddr;

#[derive(Debug)]
struct Get {
    headers: Headers,
    groups: Vec<&'static str>,
}

impl Request for Get {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn port(&self) -> Option<u16> {
        Some(80)
    }

    fn claim(&self, path: &[String]) -> Vec<Vec<u8>> {
        let groups = self.groups.iter().filter(|_| path == ["group"]);
        groups.map(|group| group.as_bytes().to_vec()).collect()
    }

    fn source_address(&self) -> Option<IpAddr> {
        None
    }

    fn now(&self) -> u64 {
        0
    }
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
        1 => json!({"prefix": word}),
        2 => json!({"regex": format!("{word}.*")}),
        3 => json!({"regex": format!(".*({word}|ba)")}),
        4 => json!({"regex": format!("(?i).*{word}b?")}),
        5 => json!({"regex": format!("[^,]*({word})+|/?[ab]*,.+")}),
        6 => json!({"regex": ".+"}),
        _ => json!({}),
    })
}

fn headers_condition() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec!["x-a", "x-b", "X-C", "host", "@request.auth.claims.group"]);
    prop::collection::btree_map(name.prop_map(str::to_owned), text(word().prop_map(str::to_owned)), 0..3)
        .prop_map(|conditions| json!(conditions))
}

fn one_match() -> impl Strategy<Value = Value> {
    let uri = prop::option::of(text(path()));
    let port = prop::option::of(80..82u16);
    let name = prop::sample::select(vec!["p", "q"]).prop_map(str::to_owned);
    let query = prop::collection::btree_map(name, text(word().prop_map(str::to_owned)), 0..2);
    (uri, any::<bool>(), headers_condition(), headers_condition(), query, port).prop_map(
        |(uri, any_case, headers, without, query, port)| {
            json!({
                "uri": uri, "ignoreUriCase": any_case, "headers": headers, "withoutHeaders": without,
                "queryParams": query, "port": port,
            })
        },
    )
}

fn configuration() -> impl Strategy<Value = Value> {
    let rules = prop::collection::vec(prop::collection::vec(one_match(), 1..4), 1..8);
    (rules, any::<bool>()).prop_map(|(rules, joined)| {
        let http: Vec<Value> = rules
            .into_iter()
            .map(|matches| json!({"match": matches, "route": [{"destination": {"host": "a"}}]}))
            .collect();
        json!({
            "repeatedHeaders": if joined { "joined" } else { "individually" },
            "resources": [{"kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"hosts": ["a.example"], "http": http}}],
        })
    })
}

fn request() -> impl Strategy<Value = Get> {
    let name = prop::sample::select(vec!["x-a", "x-b", "x-c"]);
    let parameter = prop::sample::select(vec!["", "p", "q=", "q=a", "q=ab", "p=b", "p=a,b"]);
    let query = prop::collection::vec(parameter, 0..3).prop_map(|parameters| parameters.join("&"));
    let groups = prop::collection::vec(word(), 0..3);
    (path(), query, prop::collection::vec((name, word()), 0..4), groups).prop_map(|(path, query, fields, groups)| {
        let mut headers = Headers::default();
        headers.push(b":authority", b"a.example");
        headers.push(b":path", format!("{path}?{query}").as_bytes());
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        Get { headers, groups }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_index_always_answers_as_a_walk_through_the_rules(
        configuration in configuration(), requests in prop::collection::vec(request(), 1..20),
    ) {
        let written = Configuration::from_value(configuration).unwrap();
        let policy = Policy::compile(&written, &Source::default());
        // An empty regex or prefix may be refused: such a configuration meets no request.
        prop_assume!(policy.is_ok());
        let policy = policy.unwrap().policy;
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
        let configuration = configuration().new_tree(&mut runner).unwrap().current();
        let request = request().new_tree(&mut runner).unwrap().current();
        let written = Configuration::from_value(configuration).unwrap();
        if let Ok(compiled) = Policy::compile(&written, &Source::default()) {
            match compiled.policy.route(&request) {
                Outcome::Rule(_) => met += 1,
                _ => missed += 1,
            }
        }
    }
    assert!(met > 50 && missed > 50, "{met} met, {missed} missed");
}

/// What a thousand rules look at, each at something of its own, and a request that meets the one of place 700.
fn thousands() -> Vec<(&'static str, fn(usize) -> Value, Get)> {
    let get = |path: &str, fields: &[(&str, &str)], groups: &[&'static str]| {
        let mut headers = Headers::default();
        headers.push(b":authority", b"a.example");
        headers.push(b":path", path.as_bytes());
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        Get { headers, groups: groups.to_vec() }
    };
    vec![
        ("paths", |n| json!({"uri": {"exact": format!("/u-{n:04}")}}), get("/u-0700", &[], &[])),
        ("prefixes", |n| json!({"uri": {"prefix": format!("/u-{n:04}/")}}), get("/u-0700/cart", &[], &[])),
        (
            "paths in any case",
            |n| json!({"uri": {"exact": format!("/U-{n:04}")}, "ignoreUriCase": true}),
            get("/u-0700", &[], &[]),
        ),
        (
            "regexes of paths",
            |n| json!({"uri": {"regex": format!("/v[12]/u-{n:04}/[0-9]+")}}),
            get("/v1/u-0700/7", &[], &[]),
        ),
        (
            "headers",
            |n| json!({"headers": {"x-user": {"exact": format!("u-{n:04}")}}}),
            get("/", &[("x-user", "u-0700")], &[]),
        ),
        (
            "beginnings of headers",
            |n| json!({"headers": {"x-user": {"prefix": format!("u-{n:04}")}}}),
            get("/", &[("x-user", "u-0700-eu")], &[]),
        ),
        (
            "cookies",
            |n| json!({"headers": {"cookie": {"regex": format!("^(.*?;)?(user=u-{n:04})(;.*)?$")}}}),
            get("/", &[("cookie", "theme=dark;user=u-0700;session=7")], &[]),
        ),
        (
            "parameters",
            |n| json!({"uri": {"prefix": "/"}, "queryParams": {"user": {"exact": format!("u-{n:04}")}}}),
            get("/?page=7&user=u-0700", &[], &[]),
        ),
        (
            "claims",
            |n| json!({"headers": {"@request.auth.claims.group": {"exact": format!("u-{n:04}")}}}),
            get("/", &[], &["everybody", "u-0700"]),
        ),
    ]
}

#[test]
fn of_a_thousand_rules_those_are_asked_that_a_request_may_meet() {
    for (name, one_match, request) in thousands() {
        let http: Vec<Value> = (0..1_000)
            .map(|place| json!({"match": [one_match(place)], "route": [{"destination": {"host": "a"}}]}))
            .collect();
        let resource = json!({"kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"hosts": ["a.example"], "http": http}});
        let written = Configuration::from_value(json!({"resources": [resource]})).unwrap();
        let policy = Policy::compile(&written, &Source::default()).unwrap().policy;
        let host = policy.hosts.get("a.example").unwrap();
        let asked = RefCell::new(Vec::new());
        let first = host.index.first(&request, policy.repeated_headers, |place| {
            asked.borrow_mut().push(place);
            policy.conditions(host.entries[place]).unwrap().hold(&request, policy.repeated_headers)
        });
        assert_eq!((first, asked.take()), (Some(700), vec![700]), "{name}");
    }
}

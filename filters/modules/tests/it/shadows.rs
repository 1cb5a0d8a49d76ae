//! Copies: which are sent, by whom, what is in them, and what becomes of their answers.

use crate::scene::{COMPLETE, MOMENT, chain, cluster, proxy, rules, to};
use host_test::{Proxy, get, post, response};
use serde_json::{Value, json};
use serin_modules::Module::{self, Canary, ShadowMirror};
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1?a=b";
const ALONE: [&[Module]; 3] = [&[ShadowMirror], &[Canary], &Module::CHAIN];
const TICK: Duration = Duration::from_millis(1);

/// All requests to v1, and copies to these mirrors, sent as `shadow` says.
pub(crate) fn mirrored(mirrors: Value, shadow: Value) -> Value {
    let mut rules = rules(json!([{"name": "all", "route": [to("v1")], "mirrors": mirrors}]));
    rules["resources"].as_array_mut().unwrap().push(json!({
        "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews"},
        "spec": {"virtualService": "reviews", "routes": [{"route": "all", "shadow": shadow}]}}));
    rules
}

pub(crate) fn all_to_v2() -> Value {
    json!([to("v2")])
}

fn labels(subset: &str) -> String {
    format!("virtual_service=.=default/reviews;.;route=.=all;.;shadow_cluster=.={};.;", cluster(subset))
}

pub(crate) fn sent(proxy: &Proxy, subset: &str) -> u64 {
    proxy.metric(&format!("{}serin_shadows_total", labels(subset))).unwrap_or(0)
}

pub(crate) fn dropped(proxy: &Proxy, subset: &str, reason: &str) -> u64 {
    let name = format!("{}reason=.={reason};.;serin_shadows_dropped_total", labels(subset));
    proxy.metric(&name).unwrap_or(0)
}

pub(crate) fn judged(proxy: &Proxy, result: &str) -> u64 {
    let name = format!("{}result=.={result};.;serin_shadow_results_total", labels("v2"));
    proxy.metric(&name).unwrap_or(0)
}

#[test]
fn envoy_sends_the_copies_from_slots_that_the_client_cannot_fill() {
    let rules = mirrored(
        json!([to("v2"), {"destination": {"host": "reviews", "subset": "v3"}, "percentage": {"value": 0.0}}]),
        json!({}),
    );
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let exchange = proxy.send(get(REVIEWS).header("x-serin-shadow-2", cluster("v9")));
        assert_eq!(exchange.upstream_header("x-serin-shadow-1"), Some(&*cluster("v2")), "{modules:?}");
        assert_eq!(exchange.upstream_header("x-serin-shadow-2"), None, "{modules:?}");
        proxy.advance(MOMENT);
        assert_eq!(sent(&proxy, "v2"), 1);
    }
}

#[test]
fn a_copy_goes_out_with_its_body_whatever_becomes_of_the_primary() {
    let rules = mirrored(
        all_to_v2(),
        json!({"delivery": "callout", "headers": {"set": {"x-shadow": "true"}, "remove": ["cookie"]}}),
    );
    for modules in ALONE {
        let mut proxy = proxy(modules, &rules);
        let exchange = proxy.send(
            post(REVIEWS).header("cookie", "a=b").header("x-n", b"\xff".to_vec()).chunk("half").chunk(" and half"),
        );
        assert_eq!(exchange.upstream_body(), b"half and half", "{modules:?}");
        assert_eq!(exchange.upstream_header("x-serin-shadow-1"), None, "{modules:?}");
        proxy.finish(exchange);
        proxy.advance(TICK);

        let call = proxy.only_call_to(&cluster("v2"));
        assert_eq!(call.body, b"half and half");
        assert_eq!(call.headers.text(":method"), Some("POST"));
        assert_eq!(call.headers.text(":path"), Some("/reviews/1?a=b"));
        assert_eq!(call.headers.text(":authority"), Some("reviews:9080"));
        assert_eq!(call.headers.text("x-shadow"), Some("true"));
        assert_eq!(call.headers.text("x-shadowed-by"), Some("serin"));
        for gone in ["cookie", "x-serin-cluster", "x-serin-subset"] {
            assert_eq!(call.headers.text(gone), None, "{modules:?} {gone}");
        }
        assert_eq!(call.timeout, Some(Duration::from_secs(5)));
        proxy.answer(call, response(200));
        assert_eq!(sent(&proxy, "v2"), 1);
    }
}

#[test]
fn a_copy_is_what_the_upstream_sees() {
    let mut rules = mirrored(all_to_v2(), json!({"delivery": "callout", "authoritySuffix": true}));
    let rule = &mut rules["resources"][0]["spec"]["http"][0];
    rule["rewrite"] = json!({"uri": "/new", "authority": "other"});
    rule["headers"] = json!({"request": {"set": {"x-a": "1"}}});
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        proxy.send(get("http://reviews:9080/old"));
        proxy.advance(TICK);
        let call = proxy.only_call_to(&cluster("v2"));
        assert_eq!(call.headers.text(":path"), Some("/newold"), "{modules:?}");
        assert_eq!(call.headers.text(":authority"), Some("other-shadow"), "{modules:?}");
        assert_eq!(call.headers.text("x-a"), Some("1"), "{modules:?}");
    }
}

#[test]
fn the_primary_is_never_held_up() {
    let rules = mirrored(all_to_v2(), json!({"delivery": "callout"}));
    let mut proxy = proxy(&[ShadowMirror], &rules);
    let exchange = proxy.send(post(REVIEWS).chunk("a").chunk("b"));
    assert!(!exchange.paused());
    assert!(proxy.calls_to(&cluster("v2")).is_empty(), "it is sent by the worker's timer, not by the stream");
}

#[test]
fn a_body_that_is_too_large_is_not_copied() {
    let rules = mirrored(all_to_v2(), json!({"delivery": "callout", "maxBodyBytes": 8}));
    let mut proxy = proxy(&[Canary], &rules);
    let exchange = proxy.send(post(REVIEWS).chunk("12345678").chunk("9"));
    assert_eq!(exchange.upstream_body(), b"123456789");
    proxy.send(post(REVIEWS).body("12345678"));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    proxy.answer(call, response(200));
    assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "body")), (1, 1));
}

#[test]
fn no_more_copies_are_under_way_than_may_be() {
    let rules = mirrored(json!([to("v2"), to("v3")]), json!({"delivery": "callout", "maxInFlight": 3}));
    let mut proxy = proxy(&[Canary], &rules);
    proxy.send(get(REVIEWS));
    proxy.send(get(REVIEWS));
    proxy.advance(TICK);
    let under_way = |proxy: &Proxy| ["v2", "v3"].map(|subset| proxy.calls_to(&cluster(subset)).len());
    assert_eq!((under_way(&proxy), dropped(&proxy, "v3", "in_flight")), ([2, 1], 1));
    let call = proxy.only_call_to(&cluster("v3"));
    proxy.answer(call, response(200));
    assert_eq!((sent(&proxy, "v2"), sent(&proxy, "v3")), (0, 1), "it is counted when it is known that it was sent");
    proxy.send(get(REVIEWS));
    proxy.advance(TICK);
    assert_eq!((under_way(&proxy), dropped(&proxy, "v3", "in_flight")), ([3, 0], 2), "an answer gives its place back");
}

#[test]
fn a_mirror_that_the_proxy_does_not_have_harms_nobody() {
    let rules = mirrored(all_to_v2(), json!({"delivery": "callout"}));
    let mut proxy = chain(&[Canary], &rules).without_cluster(&cluster("v2")).start();
    let exchange = proxy.send(get(REVIEWS));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v1")));
    proxy.advance(TICK);
    assert_eq!(dropped(&proxy, "v2", "refused"), 1);
}

#[test]
fn a_shadow_is_never_copied_again_and_other_methods_are_not_where_some_are_named() {
    let rules = mirrored(all_to_v2(), json!({"methods": ["GET", "HEAD"]}));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let exchange = proxy.send(get(REVIEWS).header("x-shadowed-by", "serin"));
        assert_eq!(exchange.upstream_header("x-serin-shadow-1"), None, "{modules:?}");
        let exchange = proxy.send(post(REVIEWS));
        assert_eq!(exchange.upstream_header("x-serin-shadow-1"), None, "{modules:?}");
        assert_eq!((dropped(&proxy, "v2", "shadow"), dropped(&proxy, "v2", "method"), sent(&proxy, "v2")), (1, 1, 0));
    }
}

#[test]
fn no_more_copies_a_second_than_may_be() {
    let rules = mirrored(all_to_v2(), json!({"maxPerSecond": 5}));
    let mut proxy = proxy(&[Canary], &rules);
    for _ in 0..20 {
        proxy.send(get(REVIEWS));
    }
    proxy.advance(MOMENT);
    assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "rate")), (5, 15));
    proxy.advance(Duration::from_secs(1));
    proxy.send(get(REVIEWS));
    proxy.advance(MOMENT);
    assert_eq!(sent(&proxy, "v2"), 6);
}

#[test]
fn the_same_user_is_always_or_never_shadowed_on_every_proxy_and_worker() {
    let half = json!([{"destination": {"host": "reviews", "subset": "v2"}, "percentage": {"value": 50.0}},
        {"destination": {"host": "reviews", "subset": "v3"}, "percentage": {"value": 10.0}}]);
    let rules = mirrored(half, json!({"key": [{"header": "user"}]}));
    let mut proxies = [chain(COMPLETE[0], &rules).workers(2).start(), chain(COMPLETE[1], &rules).workers(2).start()];
    let mut seen = [0, 0];
    for user in 0..100 {
        let user = format!("user-{user}");
        let mut shadows = Vec::new();
        for proxy in &mut proxies {
            for worker in 0..2 {
                let exchange = proxy.send(get(REVIEWS).header("user", user.clone()).on_worker(worker));
                let slot = |name| exchange.upstream_header(name).map(str::to_owned);
                shadows.push([slot("x-serin-shadow-1"), slot("x-serin-shadow-2")]);
            }
        }
        assert!(shadows.iter().all(|other| *other == shadows[0]), "{user}: {shadows:?}");
        match &shadows[0] {
            [None, None] => {}
            [Some(only), None] if *only == cluster("v2") => seen[0] += 1,
            [Some(first), Some(second)] if *first == cluster("v2") && *second == cluster("v3") => seen[1] += 1,
            other => panic!("the smaller sample lies inside the larger one: {other:?}"),
        }
    }
    assert!((20..=60).contains(&seen[0]) && (1..=25).contains(&seen[1]), "{seen:?}");
}

fn compared() -> Value {
    mirrored(all_to_v2(), json!({"delivery": "callout", "compare": {"status": true, "body": true, "sampleLog": 100}}))
}

#[test]
fn answers_are_compared_whichever_comes_first() {
    for modules in ALONE {
        let mut proxy = proxy(modules, &compared());
        for (primary, shadow, result) in [
            (response(200).body("same"), response(200).body("same"), "match"),
            (response(200).body("same"), response(500).body("same"), "status_mismatch"),
            (response(200).chunk("sa").chunk("me"), response(200).body("sane"), "body_mismatch"),
        ] {
            let before = judged(&proxy, result);
            let mut first = proxy.send(get(REVIEWS));
            proxy.respond(&mut first, primary.clone());
            proxy.finish(first);
            proxy.advance(TICK);
            let call = proxy.only_call_to(&cluster("v2"));
            proxy.answer(call, shadow.clone());
            assert_eq!(judged(&proxy, result), before + 1, "{modules:?} {result}, the primary first");

            let mut second = proxy.send(get(REVIEWS));
            proxy.advance(TICK);
            let call = proxy.only_call_to(&cluster("v2"));
            proxy.answer(call, shadow);
            proxy.respond(&mut second, primary);
            proxy.finish(second);
            assert_eq!(judged(&proxy, result), before + 2, "{modules:?} {result}, the shadow first");
        }
        let differences: Vec<_> = proxy.log().into_iter().filter(|line| line.message.contains("mismatch")).collect();
        assert_eq!(differences.len(), 4, "{differences:?}");
        let text = &differences[0].message;
        assert!(text.contains("default/reviews/all GET /reviews/1: status_mismatch of outbound|9080|v2|"), "{text}");
        assert!(text.contains("primary 200, 4 bytes") && text.contains("shadow 500, 4 bytes"), "{text}");
        assert!(!text.contains("a=b"), "the query is nobody's business: {text}");
    }
}

#[test]
fn a_shadow_without_answer_is_an_error_of_the_shadow() {
    let mut proxy = proxy(&[Canary], &compared());
    let mut exchange = proxy.send(get(REVIEWS));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    proxy.reset(call);
    proxy.respond(&mut exchange, response(200));
    assert_eq!((judged(&proxy, "shadow_error"), judged(&proxy, "match")), (1, 0));
}

#[test]
fn what_is_under_way_survives_a_new_configuration() {
    let rules = compared();
    let mut other = rules.clone();
    other["unmatched"] = json!("pass");
    let mut proxy = proxy(&[Canary], &rules);
    let mut exchanges = [proxy.send(get(REVIEWS)), proxy.send(get(REVIEWS))];
    proxy.advance(TICK);
    proxy.reconfigure([other.to_string()]).expect("it is taken");
    let [first, second] = &proxy.calls_to(&cluster("v2"))[..] else { panic!("each is copied") };
    let (first, second) = (first.clone(), second.clone());
    proxy.answer(first, response(200));
    for exchange in &mut exchanges {
        proxy.respond(exchange, response(200));
    }
    assert_eq!(judged(&proxy, "match"), 1);
    // With its last stream the old plugin context has no more use, and is kept for its copies alone.
    for exchange in exchanges {
        proxy.finish(exchange);
    }
    assert_eq!(sent(&proxy, "v2"), 2);
    proxy.answer(second, response(500));
    assert_eq!((judged(&proxy, "match"), judged(&proxy, "status_mismatch"), sent(&proxy, "v2")), (1, 1, 2));
}

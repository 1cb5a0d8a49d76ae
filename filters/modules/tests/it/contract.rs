//! What the modules promise each other, and nobody else can break.

use crate::scene::{COMPLETE, chain, cluster, filter, proxy, rules, to, weighted};
use host_test::{Proxy, get, response};
use serde_json::{Value, json};
use serin_modules::Module::{Canary, HeaderRouter, ShadowMirror, SubsetPicker};

const REVIEWS: &str = "http://reviews:9080/reviews/1";

#[test]
fn what_a_client_sends_under_the_filters_names_has_no_effect() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    for modules in [&[HeaderRouter][..], &[SubsetPicker], COMPLETE[0], COMPLETE[1]] {
        let exchange = proxy(modules, &rules).send(
            get(REVIEWS)
                .header("x-serin-cluster", cluster("v9"))
                .header("X-Serin-Shadow-1", cluster("v9"))
                .header("x-serin-shadow-17", cluster("v9"))
                .header("x-serin-shadow-17", cluster("v8"))
                .header("x-serin-whatever", "\u{ff}")
                .header("x-serinette", "a client's own"),
        );
        assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v1")), "{modules:?}");
        for name in ["x-serin-shadow-1", "x-serin-shadow-17", "x-serin-whatever"] {
            assert_eq!(exchange.upstream_header(name), None, "{modules:?} {name}");
        }
        assert_eq!(exchange.upstream_header("x-serinette"), Some("a client's own"));
    }
}

#[test]
fn a_client_of_a_host_that_is_nobodys_cannot_choose_a_cluster_either() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    for modules in [&[ShadowMirror][..], COMPLETE[0], COMPLETE[1]] {
        let exchange = proxy(modules, &rules).send(get("http://other/").header("x-serin-cluster", cluster("v1")));
        assert_eq!(exchange.upstream_header("x-serin-cluster"), None, "{modules:?}");
        assert_eq!(exchange.automatic_route_cache_clears(), 1, "the route may have been chosen by that header");
    }
}

#[test]
fn the_outcome_is_published_for_filters_and_for_people() {
    let rules = rules(json!([{"name": "all", "route": [to("v1")]}]));
    for modules in [&[HeaderRouter][..], &[SubsetPicker], &[ShadowMirror], &[Canary], COMPLETE[0]] {
        let exchange = proxy(modules, &rules).send(get(REVIEWS));
        let published = exchange.filter_state("serin.route").expect("it is published");
        let published = String::from_utf8_lossy(published);
        assert!(published.ends_with("default/reviews/all"), "{modules:?}: {published}");
    }
}

#[test]
fn later_filters_reuse_the_outcome_though_the_request_looks_different_by_then() {
    // Whoever would match again found the client's header gone: header-router took it away.
    let rules = rules(json!([
        {"match": [{"headers": {"x-serin-test": {"exact": "1"}}}], "route": [to("v9")]},
        {"match": [{"headers": {"x-group": {"exact": "b"}}}],
         "route": [weighted("v2", 1), weighted("v3", 0)], "mirror": {"host": "reviews", "subset": "v4"}},
        {"route": [to("v1")]},
    ]));
    let exchange = proxy(COMPLETE[0], &rules).send(get(REVIEWS).header("x-group", "b"));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v2")));
    assert_eq!(exchange.upstream_header("x-serin-shadow-1"), Some(&*cluster("v4")));
}

#[test]
fn later_filters_match_nothing_again() {
    // Matches by what is not there have no key in the index: every request is compared with all of them.
    let many: Vec<_> = (0..300)
        .map(|n| json!({"match": [{"withoutHeaders": {"x-n": {"regex": format!("none|{n}")}}}], "route": [to("v1")]}))
        .chain([json!({"route": [weighted("v1", 1), weighted("v2", 1)]})])
        .collect();
    let rules = rules(json!(many));
    let fuel = |modules: &[_]| {
        let mut proxy = proxy(modules, &rules);
        proxy.send(get(REVIEWS).header("x-n", "none")).fuel();
        proxy.send(get(REVIEWS).header("x-n", "none")).fuel()
    };
    let (alone, behind) = (fuel(&[HeaderRouter]), fuel(COMPLETE[0]) - fuel(&[HeaderRouter]));
    assert!(behind * 3 < alone, "two filters behind cost {behind}, the first {alone}");
}

/// A destination of weight 1 that requests and responses say they met.
fn marked(subset: &str) -> Value {
    let mut destination = weighted(subset, 1);
    destination["headers"] = json!({"request": {"set": {"x-at": subset}}, "response": {"set": {"x-from": subset}}});
    destination
}

#[test]
fn while_a_rollout_is_half_done_a_request_gets_what_its_first_filter_decided() {
    let rollout = |subsets: [&str; 2], copy: &str| {
        let rewrite = json!({"uriRegexRewrite": {"match": ".*", "rewrite": format!("/{copy}")}});
        let route = subsets.map(marked);
        rules(json!([{"rewrite": rewrite, "route": route, "mirror": {"host": "reviews", "subset": copy}}]))
    };
    let (old, new) = (rollout(["v1", "v2"], "v3"), rollout(["v4", "v5"], "v6"));
    for (first, later, subsets, copy) in [(&old, &new, ["v1", "v2"], "v3"), (&new, &old, ["v4", "v5"], "v6")] {
        let half_done = [
            [filter(HeaderRouter, first), filter(SubsetPicker, later), filter(ShadowMirror, later)],
            [filter(HeaderRouter, first), filter(SubsetPicker, later), filter(ShadowMirror, first)],
            [filter(HeaderRouter, first), filter(SubsetPicker, first), filter(ShadowMirror, later)],
        ];
        for filters in half_done {
            let mut proxy = Proxy::of(filters).start();
            let mut exchange = proxy.send(get(REVIEWS));
            let subset = exchange.upstream_header("x-at").expect("the destination's header").to_owned();
            assert!(subsets.contains(&&*subset), "{subset}");
            assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster(&subset)));
            assert_eq!(exchange.upstream_header("x-serin-shadow-1"), Some(&*cluster(copy)));
            assert_eq!(exchange.upstream_header(":path"), Some(&*format!("/{copy}")));
            proxy.respond(&mut exchange, response(200));
            assert_eq!(exchange.response().and_then(|response| response.header("x-from")), Some(&*subset));
        }
    }
}

#[test]
fn what_belongs_to_a_destination_that_no_filter_names_is_left_undone() {
    let rules =
        rules(json!([{"route": [marked("v1"), marked("v2")], "headers": {"response": {"set": {"x-rule": "1"}}}}]));
    let mut proxy = proxy(&[HeaderRouter], &rules);
    let mut exchange = proxy.send(get(REVIEWS));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), None);
    assert_eq!(exchange.upstream_header("x-at"), None);
    proxy.respond(&mut exchange, response(200));
    let response = exchange.response().expect("there is one");
    assert_eq!((response.header("x-from"), response.header("x-rule")), (None, Some("1")));
}

#[test]
fn two_ways_of_writing_one_configuration_are_one() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    let digest = |configuration: String| {
        let filter = host_test::Filter::from_bytes(HeaderRouter.bytes()).configured(configuration);
        let exchange = Proxy::of([filter]).start().send(get(REVIEWS));
        exchange.filter_state("serin.route").map(<[u8]>::to_vec)
    };
    assert_eq!(digest(rules.to_string()), digest(serde_json::to_string_pretty(&rules).expect("it is JSON")));
}

#[test]
fn headers_are_bytes() {
    let rules = rules(json!([
        {"match": [{"headers": {"x-name": {"prefix": "caf"}}}], "route": [to("v2")]}, {"route": [to("v1")]},
    ]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get(REVIEWS).header("x-name", b"caf\xe9\x00\xff".to_vec()));
        assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v2")), "{modules:?}");
        assert_eq!(exchange.upstream_header_bytes("x-name"), Some(&b"caf\xe9\x00\xff"[..]));
    }
}

#[test]
fn strange_requests_make_no_filter_trap() {
    let rules = rules(json!([
        {"match": [{"uri": {"regex": "/a.*"}, "queryParams": {"a": {}}, "headers": {":path": {"prefix": "/"}}}],
         "route": [weighted("v1", 1), weighted("v2", 1)]},
    ]));
    for modules in COMPLETE {
        let mut proxy = chain(modules, &rules).start();
        for authority in ["reviews", "[::1]:80", "[", ":", ":::", "%", "reviews..", "*"] {
            for path in ["", "?", "#", "/a?a", "/a?&&=&a==", "*", "http://x/y", "/\u{ff}"] {
                let request = get("http://x/").header(":authority", authority).header(":path", path);
                let exchange = proxy.send(request.header("", "").header("x-serin-", ""));
                assert!(exchange.reply().is_none_or(|reply| reply.status == 404), "{modules:?} {authority:?} {path:?}");
            }
        }
    }
}

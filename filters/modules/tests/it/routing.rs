//! What each module does on its own.

use crate::scene::{COMPLETE, cluster, proxy, rules, to, weighted};
use host_test::get;
use serde_json::json;
use serin_modules::Module::{self, HeaderRouter, ShadowMirror, SubsetPicker};
use std::collections::BTreeMap;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

#[test]
fn a_request_leaves_for_the_subset_of_the_first_rule_that_applies() {
    let rules = rules(json!([
        {"match": [{"headers": {"end-user": {"exact": "jason"}}}], "route": [to("v2")]},
        {"route": [to("v3")]},
    ]));
    for modules in [&[HeaderRouter][..], &[SubsetPicker], COMPLETE[0], COMPLETE[1]] {
        let mut proxy = proxy(modules, &rules);
        let jason = proxy.send(get(REVIEWS).header("end-user", "jason"));
        assert_eq!(jason.upstream_header("x-serin-cluster"), Some(&*cluster("v2")), "{modules:?}");
        assert_eq!(jason.upstream_header("x-serin-subset"), Some("v2"));
        let other = proxy.send(get(REVIEWS).header("end-user", "Jason"));
        assert_eq!(other.upstream_header("x-serin-cluster"), Some(&*cluster("v3")));
    }
}

#[test]
fn the_route_is_chosen_anew_because_headers_were_changed_and_not_once_more() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get(REVIEWS));
        assert!(exchange.automatic_route_cache_clears() > 0, "{modules:?}");
        assert_eq!(exchange.route_cache_clears(), 0, "{modules:?}");
    }
}

#[test]
fn header_router_leaves_the_choice_among_several_destinations_to_others() {
    let rules = rules(json!([{"route": [weighted("v1", 90), weighted("v2", 10)]}]));
    let exchange = proxy(&[HeaderRouter], &rules).send(get(REVIEWS));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), None);
}

#[test]
fn weights_are_kept_over_many_requests() {
    let rules = rules(json!([{"route": [weighted("v1", 90), weighted("v2", 10), weighted("v3", 0)]}]));
    for modules in [&[SubsetPicker][..], COMPLETE[0], COMPLETE[1]] {
        let mut proxy = proxy(modules, &rules);
        let mut hits = BTreeMap::new();
        for _ in 0..2_000 {
            let exchange = proxy.send(get(REVIEWS));
            let cluster = exchange.upstream_header("x-serin-cluster").expect("a destination was picked").to_owned();
            proxy.finish(exchange);
            *hits.entry(cluster).or_insert(0) += 1;
        }
        assert_eq!(hits.len(), 2, "{hits:?}");
        // Five standard deviations of a binomial with n = 2,000 and p = 0.1 are 67.
        let canary = hits[&cluster("v2")];
        assert!((133..=267).contains(&canary), "{modules:?}: {canary} of 2,000 at a weight of 10 in 100");
    }
}

#[test]
fn two_workers_do_not_draw_alike() {
    let rules = rules(json!([{"route": [weighted("v1", 50), weighted("v2", 50)]}]));
    let mut proxy = crate::scene::chain(&[Module::Canary], &rules).workers(2).start();
    let mut draws = |worker| {
        let mut subsets = String::new();
        for _ in 0..64 {
            // Workers never see the same nanosecond; the virtual clock has to be told.
            proxy.advance(std::time::Duration::from_nanos(1));
            let exchange = proxy.send(get(REVIEWS).on_worker(worker));
            subsets.push_str(exchange.upstream_header("x-serin-subset").expect("a destination was picked"));
        }
        subsets
    };
    assert_ne!(draws(0), draws(1));
}

#[test]
fn a_mirror_gets_a_copy_of_each_request() {
    let rules = rules(json!([{"route": [to("v1")], "mirror": {"host": "reviews", "subset": "v2"}}]));
    for modules in [&[ShadowMirror][..], COMPLETE[0], COMPLETE[1]] {
        let exchange = proxy(modules, &rules).send(get(REVIEWS));
        assert_eq!(exchange.upstream_header("x-serin-shadow-1"), Some(&*cluster("v2")), "{modules:?}");
        assert_eq!(exchange.upstream_header("x-serin-shadow-2"), None);
    }
}

#[test]
fn slots_are_filled_from_the_first_on() {
    let rules = rules(json!([{"route": [to("v1")], "mirrors": [
        {"destination": {"host": "reviews", "subset": "v2"}, "percentage": {"value": 0}},
        {"destination": {"host": "reviews", "subset": "v3"}},
        {"destination": {"host": "ratings", "port": {"number": 80}}},
    ]}]));
    let exchange = proxy(&[ShadowMirror], &rules).send(get(REVIEWS));
    assert_eq!(exchange.upstream_header("x-serin-shadow-1"), Some(&*cluster("v3")));
    assert_eq!(exchange.upstream_header("x-serin-shadow-2"), Some("outbound|80||ratings.default.svc.cluster.local"));
}

#[test]
fn where_no_rule_applies_the_answer_is_404_unless_told_otherwise() {
    let mut rules = rules(json!([{"match": [{"uri": {"exact": "/a"}}], "route": [to("v1")]}]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get("http://reviews:9080/b"));
        assert_eq!(exchange.reply().map(|reply| reply.status), Some(404), "{modules:?}");
    }
    for modules in [&[SubsetPicker][..], &[ShadowMirror]] {
        let exchange = proxy(modules, &rules).send(get("http://reviews:9080/b"));
        assert_eq!(exchange.reply(), None, "{modules:?} answers nothing");
    }
    rules["unmatched"] = json!("pass");
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get("http://reviews:9080/b"));
        assert!(exchange.is_untouched(), "{modules:?}");
    }
}

#[test]
fn a_host_that_is_nobodys_is_left_alone() {
    let rules = rules(json!([{"route": [to("v1")], "mirror": {"host": "reviews", "subset": "v2"}}]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get("http://ratings:9080/"));
        assert!(exchange.is_untouched(), "{modules:?}");
        assert_eq!(exchange.route_cache_clears() + exchange.automatic_route_cache_clears(), 0);
    }
}

#[test]
fn without_a_configured_port_the_listeners_is_taken() {
    let mut rules = rules(json!([{"route": [to("v1")]}]));
    rules.as_object_mut().expect("it is one").remove("port");
    let exchange =
        proxy(&[Module::Canary], &rules).send(get("http://reviews/").property(["destination", "port"], 8123i64));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), Some("outbound|8123|v1|reviews.default.svc.cluster.local"));
}

#[test]
fn a_claim_of_the_verified_jwt_routes() {
    let mut rules = rules(json!([
        {"match": [{"headers": {"@request.auth.claims.realm.group": {"exact": "beta"}}}], "route": [to("v2")]},
        {"route": [to("v1")]},
    ]));
    rules["gateway"] = json!("default/front");
    rules["resources"][0]["spec"]["gateways"] = json!(["front"]);
    rules["resources"][0]["spec"]["hosts"] = json!(["*"]);
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let claim = ["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload", "realm", "group"];
        let beta = proxy.send(get(REVIEWS).property(claim, "beta"));
        assert_eq!(beta.upstream_header("x-serin-subset"), Some("v2"), "{modules:?}");
        let spoofed = proxy.send(get(REVIEWS).header("@request.auth.claims.realm.group", "beta"));
        assert_eq!(spoofed.upstream_header("x-serin-subset"), Some("v1"));
    }
}

//! Which hostcalls a request costs: each is a way out of the VM and back, and they are most of what a filter costs.

use crate::scene::{canary, filter, rules, to, weighted};
use host_test::{Exchange, Proxy, Request, get, post, response};
use serde_json::{Value, json};
use serin_modules::Module::{self, Canary, HeaderRouter, ShadowMirror, SubsetPicker};
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

/// A request's headers, what it is published under, its cluster.
const ONE_DESTINATION: [&str; 3] =
    ["proxy_get_header_map_pairs", "proxy_set_property", "proxy_replace_header_map_value"];

/// A filter that others may come before asks for what they have said.
const LOOKS: &str = "proxy_get_property";

/// The chain that `serin` renders: its first filter knows that it is the first.
fn rendered(modules: &[Module], configuration: &Value) -> Proxy {
    let configured = |(place, module): (usize, &Module)| {
        let mut own = configuration.clone();
        own["outputs"] = json!([]);
        own["first"] = json!(place == 0);
        filter(*module, &own)
    };
    Proxy::of(modules.iter().enumerate().map(configured)).start()
}

/// The hostcalls of the second of two requests, which finds the counters made: those on the way there, and those after.
fn hostcalls(proxy: &mut Proxy, request: impl Fn() -> Request) -> [Vec<&'static str>; 2] {
    let first = answered(proxy, request());
    proxy.finish(first);
    let exchange = answered(proxy, request());
    let exchange = proxy.finish(exchange);
    let (there, back): (Vec<_>, Vec<_>) =
        exchange.hostcalls().iter().partition(|hostcall| hostcall.callback.starts_with("proxy_on_request"));
    [there, back].map(|calls| calls.into_iter().map(|hostcall| hostcall.name).collect())
}

fn answered(proxy: &mut Proxy, request: Request) -> Exchange {
    let mut exchange = proxy.send(request);
    if exchange.paused() {
        proxy.advance(Duration::from_secs(10));
    }
    if exchange.reply().is_none() {
        proxy.respond(&mut exchange, response(200));
    }
    exchange
}

#[track_caller]
fn costs(modules: &[Module], configuration: &Value, request: impl Fn() -> Request, there: &[&str], back: &[&str]) {
    let seen = hostcalls(&mut rendered(modules, configuration), request);
    assert_eq!(seen, [there.to_vec(), back.to_vec()], "{modules:?}");
}

fn ten_rules() -> Value {
    let user = |number: usize| json!({"headers": {"end-user": {"exact": format!("user-{number}")}}});
    let mut http: Vec<Value> = (0..9).map(|number| json!({"match": [user(number)], "route": [to("v2")]})).collect();
    http.push(json!({"route": [to("v1")]}));
    rules(json!(http))
}

#[test]
fn canary_asks_for_the_headers_publishes_the_outcome_and_names_the_cluster() {
    costs(&[Canary], &ten_rules(), || get(REVIEWS).header("end-user", "user-5"), &ONE_DESTINATION, &[]);
}

#[test]
fn a_filter_that_does_not_know_its_place_looks_for_what_others_have_said() {
    let mut proxy = Proxy::of([filter(Canary, &rules(json!([{"route": [to("v1")]}])))]).start();
    let [there, back] = hostcalls(&mut proxy, || get(REVIEWS));
    let subset = "proxy_replace_header_map_value";
    assert_eq!(there, [&[LOOKS][..], &ONE_DESTINATION, &[subset]].concat());
    assert_eq!(back, [""; 0]);
}

#[test]
fn a_split_by_chance_costs_no_more() {
    let rules = rules(json!([{"route": [weighted("v1", 90), weighted("v2", 10)]}]));
    costs(&[Canary], &rules, || get(REVIEWS), &ONE_DESTINATION, &[]);
}

#[test]
fn a_sticky_split_costs_no_more() {
    let mut configuration = canary(
        json!([weighted("v1", 90), weighted("v2", 10)]),
        json!({"split": {"mode": "sticky", "key": [{"header": "user"}]}}),
    );
    configuration["resources"][1]["spec"]["reveal"] = json!(false);
    costs(&[Canary], &configuration, || get(REVIEWS).header("user", "mary"), &ONE_DESTINATION, &[]);
}

#[test]
fn a_mirror_costs_one_more_for_its_slot() {
    let rules = rules(json!([{"route": [to("v1")], "mirror": {"host": "reviews", "subset": "v2"}}]));
    let there = [&ONE_DESTINATION[..], &["proxy_replace_header_map_value"]].concat();
    costs(&[Canary], &rules, || get(REVIEWS), &there, &[]);
}

#[test]
fn a_host_that_is_nobodys_costs_a_look_and_what_is_published() {
    costs(&[Canary], &ten_rules(), || get("http://elsewhere/"), &ONE_DESTINATION[..2], &[]);
}

#[test]
fn a_rewrite_costs_what_it_changes() {
    let rules = rules(json!([{"rewrite": {"uri": "/v2"}, "route": [to("v1")]}]));
    let there = [&ONE_DESTINATION[..], &["proxy_replace_header_map_value"; 2]].concat();
    costs(&[Canary], &rules, || get(REVIEWS), &there, &[]);
}

#[test]
fn changes_to_a_response_cost_what_they_change() {
    let rules = rules(json!([{"headers": {"response": {"set": {"x-a": "b"}}}, "route": [to("v1")]}]));
    costs(&[Canary], &rules, || get(REVIEWS), &ONE_DESTINATION, &["proxy_replace_header_map_value"]);
}

#[test]
fn a_local_reply_is_one_hostcall() {
    let rules = rules(json!([{"redirect": {"uri": "/b"}}]));
    let there = [&ONE_DESTINATION[..2], &["proxy_send_local_response"]].concat();
    costs(&[Canary], &rules, || get(REVIEWS), &there, &[]);
}

#[test]
fn a_body_costs_nothing_if_nothing_is_copied() {
    costs(&[Canary], &ten_rules(), || post(REVIEWS).chunk("a").chunk("b"), &ONE_DESTINATION, &[]);
}

#[test]
fn later_filters_of_a_chain_only_look() {
    costs(&Module::CHAIN, &ten_rules(), || get(REVIEWS), &[&ONE_DESTINATION[..], &[LOOKS; 2]].concat(), &[]);
}

#[test]
fn of_a_chain_the_filter_that_picks_names_the_cluster() {
    let rules = rules(json!([{"route": [weighted("v1", 90), weighted("v2", 10)]}]));
    let there = [&ONE_DESTINATION[..2], &[LOOKS, "proxy_replace_header_map_value", LOOKS]].concat();
    costs(&[HeaderRouter, SubsetPicker, ShadowMirror], &rules, || get(REVIEWS), &there, &[]);
}

//! What rules cost a request, by the instructions that it executes in the module: a number that repeats.

use crate::scene::{proxy, rules, to};
use host_test::{Request, get};
use serde_json::{Value, json};
use serin_modules::Module::HeaderRouter;

const URL: &str = "http://reviews:9080/cart";

/// The instructions of a request to which the last of so many rules applies.
fn fuel(count: usize, one_match: fn(&str) -> Value, request: fn(&str) -> Request) -> u64 {
    let users: Vec<String> = (0..count).map(|place| format!("user-{place:05}")).collect();
    let http: Vec<Value> = users.iter().map(|user| json!({"match": [one_match(user)], "route": [to("v1")]})).collect();
    let mut proxy = proxy(&[HeaderRouter], &rules(json!(http)));
    let mut send = || proxy.send(request(&users[count - 1]));
    // The first request finds counters and automata that are not made yet.
    assert!(send().upstream_header("x-serin-cluster").is_some());
    send().fuel()
}

#[track_caller]
fn costs_the_same(one_match: fn(&str) -> Value, request: fn(&str) -> Request) {
    let (ten, thousand) = (fuel(10, one_match, request), fuel(1_000, one_match, request));
    assert!(thousand * 10 <= ten * 11, "with 10 rules {ten} instructions, with 1,000 {thousand}");
}

#[test]
fn a_thousand_users_cost_what_ten_cost() {
    costs_the_same(|user| json!({"headers": {"x-user": {"exact": user}}}), |user| get(URL).header("x-user", user));
}

#[test]
fn a_thousand_cookies_cost_what_ten_cost() {
    costs_the_same(
        |user| json!({"headers": {"cookie": {"regex": format!("^(.*?;)?(user={user})(;.*)?$")}}}),
        |user| get(URL).header("cookie", format!("theme=dark;user={user};session=0123456789abcdef")),
    );
}

#[test]
fn a_thousand_parameters_cost_what_ten_cost() {
    costs_the_same(
        |user| json!({"queryParams": {"user": {"exact": user}}}),
        |user| get(&format!("{URL}?page=7&user={user}")),
    );
}

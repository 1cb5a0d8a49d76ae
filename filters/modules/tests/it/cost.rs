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

/// The instructions of a request to a rule, of so many bytes, once its automata are made.
fn fuel_of(rule: &Value, request: impl Fn(usize) -> Request, bytes: usize) -> u64 {
    let mut proxy = proxy(&[HeaderRouter], &rules(json!([rule, {"route": [to("v2")]}])));
    let mut send = || proxy.send(request(bytes));
    assert!(send().upstream_header("x-serin-cluster").is_some());
    send().fuel()
}

/// A request of four times the bytes takes no more than four times the instructions.
#[track_caller]
fn grows_with_the_bytes(rule: &Value, request: impl Fn(usize) -> Request) {
    let (less, more) = (fuel_of(rule, &request, 15 << 10), fuel_of(rule, &request, 60 << 10));
    assert!(more * 10 <= less * 4 * 11, "{rule}: {less} instructions, for four times the bytes {more}");
}

/// Each byte takes no more than so many instructions.
#[track_caller]
fn takes_at_most(most: u64, rule: &Value, request: impl Fn(usize) -> Request) {
    for bytes in [1 << 10, 15 << 10, 60 << 10] {
        let fuel = fuel_of(rule, &request, bytes);
        assert!(fuel <= 200_000 + most * bytes as u64, "{rule}: {fuel} instructions for {bytes} bytes");
    }
}

/// Repeats `unit` up to so many `bytes`.
fn repeated(unit: &str, bytes: usize) -> String {
    unit.chars().cycle().take(bytes).collect()
}

/// So many letters, a and b in no order.
fn unordered(bytes: usize) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let letter = |_| {
        // Xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if state >> 40 & 1 == 0 { 'a' } else { 'b' }
    };
    (0..bytes).map(letter).collect()
}

#[test]
fn a_rewrite_by_pattern_takes_time_linear_in_the_path() {
    for (pattern, rewrite, unit) in [
        ("a.*z|a", "b", "a"),
        (r"([a-z]+)(/[a-z]+)*\.php|/", r"\1", "abc/def/"),
        ("(x+x+)+y", "z", "x"),
        ("x*", "-", "/abc"),
        ("(.*)(/[^/]*)$", r"\2\1", "/some/path"),
    ] {
        let rewrite = json!({"uriRegexRewrite": {"match": pattern, "rewrite": rewrite}});
        let rule = json!({"rewrite": rewrite, "route": [to("v1")]});
        let request = |bytes| get(&format!("http://reviews:9080/{}", repeated(unit, bytes)));
        grows_with_the_bytes(&rule, request);
        takes_at_most(1_000, &rule, request);
    }
}

#[test]
fn where_an_automaton_has_a_state_for_nearly_every_text_a_byte_takes_a_bounded_time() {
    for pattern in ["[ab]*a[ab]{16}z", "[ab]*(a|z)[ab]{12}", "(?:[ab]*a[ab]{9}[ab]*z)+"] {
        let rule = json!({"match": [{"headers": {"x-user": {"regex": pattern}}}], "route": [to("v1")]});
        takes_at_most(10_000, &rule, |bytes| get(URL).header("x-user", unordered(bytes)));
    }
    for pattern in ["[ab]*a[ab]{16}z", "z[ab]{16}a[ab]*", "([ab]{16}a|b)"] {
        let rewrite = json!({"uriRegexRewrite": {"match": pattern, "rewrite": "c"}});
        let rule = json!({"rewrite": rewrite, "route": [to("v1")]});
        takes_at_most(10_000, &rule, |bytes| get(&format!("http://reviews:9080/{}", unordered(bytes))));
    }
}

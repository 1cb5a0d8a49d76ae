//! Which conditions are not taken, and what is said about them.

use super::{json, try_compile};
use crate::wasm_test::test;
use serde_json::Value;

/// The refusal of an entry, without its path.
#[track_caller]
fn refusal(entry: Value) -> String {
    let text = try_compile(json!([entry])).unwrap_err();
    text.strip_prefix("when[0]").map(|text| text.strip_prefix('.').unwrap_or(text).to_owned()).unwrap()
}

#[test]
fn nothing_is_no_condition() {
    assert_eq!(try_compile(json!([])).unwrap_err(), "when: must not be empty");
    let reason = "must have one of cookies, baggage, jwt, sourceIp, time, percentage";
    assert_eq!(refusal(json!({})), format!(": {reason}"));
    assert_eq!(refusal(json!({"cookies": {}, "baggage": {}})), format!(": {reason}"));
    let second = try_compile(json!([{"cookies": {"a": {}}}, {}])).unwrap_err();
    assert_eq!(second, format!("when[1]: {reason}"));
}

#[test]
fn names_that_cannot_be_are_refused() {
    assert_eq!(refusal(json!({"cookies": {"": {}}})), "cookies.: must not be empty");
    assert_eq!(refusal(json!({"cookies": {"a b": {}}})), "cookies.a b: `a b` is not the name of a cookie");
    assert_eq!(refusal(json!({"baggage": {"a;b": {}}})), "baggage.a;b: `a;b` is not the key of a member of baggage");
    let jwt = |header: &str, claims: Value| json!({"jwt": {"header": header, "claims": claims}});
    assert_eq!(refusal(jwt("", json!({"a": {}}))), "jwt.header: must not be empty");
    assert_eq!(refusal(jwt("x y", json!({"a": {}}))), "jwt.header: `x y` is not the name of a header");
    assert_eq!(refusal(jwt("x", json!({}))), "jwt.claims: must not be empty");
    assert_eq!(refusal(jwt("x", json!({"": {}}))), "jwt.claims.: must not be empty");
}

#[test]
fn texts_that_cannot_be_are_refused() {
    let two = json!({"exact": "a", "prefix": "a"});
    let reason = "has more than one of exact, prefix and regex";
    assert_eq!(refusal(json!({"cookies": {"a": two.clone()}})), format!("cookies.a: {reason}"));
    assert_eq!(refusal(json!({"baggage": {"a": two.clone()}})), format!("baggage.a: {reason}"));
    assert_eq!(refusal(json!({"jwt": {"header": "x", "claims": {"a": two}}})), format!("jwt.claims.a: {reason}"));
    assert_eq!(refusal(json!({"cookies": {"a": {"regex": "("}}})), "cookies.a.regex: `(`: missing closing ): (");
}

#[test]
fn ranges_that_cannot_be_are_refused() {
    let of =
        |range: &str| refusal(json!({"sourceIp": ["::1", range]})).strip_prefix("sourceIp[1]: ").unwrap().to_owned();
    for range in ["", "10.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.0/256", "fe80::1%eth0", "10.0.0.07"]
    {
        assert_eq!(of(range), format!("`{range}` is neither an address nor a range such as 10.0.0.0/8"));
    }
    assert_eq!(of("10.0.0.0/33"), "`10.0.0.0/33` has a prefix of 33 bits, more than the 32 of the address");
    assert_eq!(of("::/129"), "`::/129` has a prefix of 129 bits, more than the 128 of the address");
    assert_eq!(
        of("10.1.2.3/8"),
        "`10.1.2.3/8` has bits behind its prefix: write 10.0.0.0/8 for the network, 10.1.2.3 for the address"
    );
    assert_eq!(
        of("2001:db8::1/32"),
        "`2001:db8::1/32` has bits behind its prefix: write 2001:db8::/32 for the network, 2001:db8::1 for the address"
    );
    assert_eq!(refusal(json!({"sourceIp": []})), "sourceIp: must not be empty");
}

#[test]
fn windows_that_cannot_be_are_refused() {
    assert_eq!(refusal(json!({"time": {}})), "time: must have after, before, or both");
    for before in ["2026-11-20T15:00:00Z", "2026-11-20T14:59:59Z", "2026-11-20T16:00:00+02:00"] {
        let time = json!({"after": "2026-11-20T15:00:00Z", "before": before});
        assert_eq!(refusal(json!({"time": time})), "time: is empty: before is not later than after");
    }
    assert_eq!(
        refusal(json!({"time": {"before": "tomorrow"}})),
        "time.before: `tomorrow` is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z"
    );
    assert_eq!(
        refusal(json!({"time": {"after": "1969-12-31T00:00:00Z"}})),
        "time.after: 1969-12-31T00:00:00Z is before 1970"
    );
}

#[test]
fn percentages_that_cannot_be_are_refused() {
    let of = |value: f64, key: Value| refusal(json!({"percentage": {"value": value, "key": key}}));
    let user = || json!([{"header": "end-user"}]);
    assert_eq!(of(-0.5, user()), "percentage.value: -0.5 is not from 0 to 100");
    assert_eq!(of(100.5, user()), "percentage.value: 100.5 is not from 0 to 100");
    assert_eq!(of(10.0, json!([])), "percentage.key: must not be empty");
    assert_eq!(
        of(10.0, json!([{"issueCookie": {"name": "serin"}}])),
        "percentage.key[0].issueCookie: is for split only: nothing else gives out cookies"
    );
}

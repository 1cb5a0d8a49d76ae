//! Which requests a policy's conditions let through, scene by scene.

#[cfg(not(target_arch = "wasm32"))]
mod page;
mod refusals;

use super::*;
use crate::key::keyed_ticket;
use crate::matching::Conditions;
use crate::scene::{Get, get, text_of};
use crate::share::Share;
use crate::wasm_test::test;
use crate::written::RepeatedHeaders;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::Arc;

const SALT: &str = "default/reviews/default";

fn try_compile(written: Value) -> Result<When, String> {
    let written: Vec<written::When> = written::read("when", written).unwrap();
    When::compile(&Place::root("when"), &written, SALT, crate::written::RegexEncoding::default())
        .map_err(|refusal| refusal.to_string())
}

#[track_caller]
fn when(written: Value) -> When {
    try_compile(written).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

#[track_caller]
fn holds(entry: Value, request: &Get) -> bool {
    when(json!([entry])).holds(request)
}

fn cookies(line: &str) -> Get {
    get("/").header("cookie", line)
}

fn baggage(line: &str) -> Get {
    get("/").header("baggage", line)
}

#[test]
fn a_cookie_must_be_like_that() {
    let beta = || json!({"cookies": {"group": {"exact": "beta"}}});
    assert!(holds(beta(), &cookies("a=b; group=beta")));
    assert!(!holds(beta(), &cookies("group=alpha")));
    assert!(!holds(beta(), &cookies("Group=beta")));
    assert!(!holds(beta(), &cookies("group=alpha; group=beta")), "of several the first counts");
    assert!(!holds(beta(), &get("/")));
    assert!(!holds(beta(), &get("/").header("group", "beta")));
    assert!(holds(json!({"cookies": {"group": {"prefix": "be"}}}), &cookies("group=beta")));
    assert!(holds(json!({"cookies": {"group": {"regex": "b.*a"}}}), &cookies("group=beta")));
    assert!(!holds(json!({"cookies": {"group": {"regex": "b"}}}), &cookies("group=beta")), "the whole value");
}

#[test]
fn a_cookie_must_be_there_whatever_its_value() {
    let any = || json!({"cookies": {"group": {}}});
    assert!(holds(any(), &cookies("group=beta")) && holds(any(), &cookies("group=")));
    assert!(!holds(any(), &cookies("groups=beta")) && !holds(any(), &get("/")));
    assert!(!holds(json!({"cookies": {"group": {"exact": ""}}}), &get("/")), "one that is not there is not empty");
}

#[test]
fn a_member_of_baggage_must_be_like_that() {
    let user = || json!({"baggage": {"user": {"exact": "Amélie"}}});
    assert!(holds(user(), &baggage("a=b,user=Am%C3%A9lie;p=q")));
    assert!(!holds(user(), &baggage("user=jason")));
    assert!(!holds(user(), &get("/")));
    assert!(holds(json!({"baggage": {"user": {}}}), &baggage("user=")));
    assert!(!holds(json!({"baggage": {"user": {}}}), &baggage("users=x")));
}

/// `{"sub":"jason","groups":["staff","beta"],"realm":{"tier":3},"test":true}`
const PAYLOAD: &str =
    "eyJzdWIiOiJqYXNvbiIsImdyb3VwcyI6WyJzdGFmZiIsImJldGEiXSwicmVhbG0iOnsidGllciI6M30sInRlc3QiOnRydWV9";

#[test]
fn a_claim_must_be_like_that_and_of_a_list_one_item() {
    let claim = |name: &str, text: Value| json!({"jwt": {"header": "X-JWT-Payload", "claims": {name: text}}});
    let request = get("/").header("x-jwt-payload", PAYLOAD);
    assert!(holds(claim("sub", json!({"exact": "jason"})), &request));
    assert!(holds(claim("groups", json!({"exact": "beta"})), &request));
    assert!(holds(claim("realm.tier", json!({"exact": "3"})), &request));
    assert!(holds(claim("test", json!({"exact": "true"})), &request));
    assert!(holds(claim("test", json!({})), &request));
    assert!(!holds(claim("sub", json!({"exact": "kate"})), &request));
    assert!(!holds(claim("groups", json!({"exact": "alpha"})), &request));
    assert!(!holds(claim("realm", json!({})), &request), "an object is no value");
    assert!(!holds(claim("absent", json!({})), &request));
    assert!(!holds(claim("sub", json!({})), &get("/")));
    assert!(!holds(claim("sub", json!({})), &get("/").header("x-jwt-payload", "garbage")));
}

#[test]
fn all_claims_must_be_like_that() {
    let both = |group: &str| json!({"jwt": {"header": "authorization", "claims": {"sub": {"exact": "jason"}, "groups": {"exact": group}}}});
    let request = get("/").header("authorization", format!("Bearer e30.{PAYLOAD}.c2ln"));
    assert!(holds(both("staff"), &request) && !holds(both("alpha"), &request));
}

#[test]
fn the_source_must_have_an_address_of_a_range() {
    let ranges = || json!({"sourceIp": ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]});
    for inside in ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8::", "2001:db8:ffff::1", "::1"] {
        assert!(holds(ranges(), &get("/").from(inside)), "{inside}");
    }
    for outside in ["9.255.255.255", "11.0.0.0", "192.0.2.8", "2001:db7:ffff::", "2001:db9::", "::2"] {
        assert!(!holds(ranges(), &get("/").from(outside)), "{outside}");
    }
    assert!(!holds(ranges(), &get("/")), "nobody knows where it came from");
}

#[test]
fn an_address_is_the_same_one_in_its_ipv6_form() {
    let from = |range: &str, address: &str| holds(json!({"sourceIp": [range]}), &get("/").from(address));
    assert!(from("10.0.0.0/8", "::ffff:10.1.2.3") && !from("10.0.0.0/8", "::ffff:11.1.2.3"));
    assert!(from("::ffff:10.0.0.0/104", "10.1.2.3") && !from("::ffff:10.0.0.0/104", "11.1.2.3"));
    assert!(from("::ffff:10.0.0.7", "10.0.0.7"));
    assert!(from("0.0.0.0/0", "::ffff:10.0.0.7") && !from("::/0", "10.0.0.7"), "all of IPv6 is not all of IPv4");
}

#[test]
fn the_time_must_be_within_the_window() {
    let window = || json!({"time": {"after": "2026-11-20T16:00:00+01:00", "before": "2026-11-20T17:00:00Z"}});
    assert!(!holds(window(), &get("/").at("2026-11-20T14:59:59.999999999Z")));
    assert!(holds(window(), &get("/").at("2026-11-20T15:00:00Z")));
    assert!(holds(window(), &get("/").at("2026-11-20T16:59:59.999999999Z")));
    assert!(!holds(window(), &get("/").at("2026-11-20T17:00:00Z")));
}

#[test]
fn an_end_of_the_window_may_be_open() {
    let after = || json!({"time": {"after": "2026-11-20T15:00:00Z"}});
    assert!(holds(after(), &get("/").at("2099-01-01T00:00:00Z")));
    assert!(!holds(after(), &get("/").at("2026-11-20T14:59:59Z")));
    assert!(!holds(after(), &get("/")), "a proxy whose clock does not go is before every canary");
    let before = || json!({"time": {"before": "2026-11-20T15:00:00Z"}});
    assert!(holds(before(), &get("/").at("1970-01-01T00:00:00Z")));
    assert!(!holds(before(), &get("/").at("2026-11-20T15:00:00Z")));
}

fn percentage(value: f64) -> Value {
    json!({"percentage": {"value": value, "key": [{"header": "end-user"}, {"cookie": "session"}]}})
}

#[test]
fn a_key_must_be_among_the_share() {
    // Of jason's ticket, with this salt, the first six digits are 0.372512.
    let jason = get("/").header("end-user", "jason");
    assert!(holds(percentage(37.2513), &jason) && !holds(percentage(37.2512), &jason));
    assert!(holds(percentage(37.2513), &cookies("session=jason")), "it is the key that counts, not where it was read");
    assert!(holds(percentage(100.0), &jason) && !holds(percentage(0.0), &jason));
}

#[test]
fn a_request_without_a_key_is_not_among_any_share() {
    assert!(!holds(percentage(100.0), &get("/")));
    assert!(!holds(percentage(100.0), &get("/").header("end-user", "")));
}

#[test]
fn another_salt_makes_another_share() {
    // With this one it is 0.249643.
    let salted =
        |value: f64| json!({"percentage": {"value": value, "key": [{"header": "end-user"}], "salt": "winter-release"}});
    let jason = get("/").header("end-user", "jason");
    assert!(holds(salted(25.0), &jason) && !holds(salted(24.0), &jason));
}

#[test]
fn within_an_entry_all_must_hold_and_of_the_entries_one() {
    let when = when(json!([
        {"cookies": {"group": {"exact": "beta"}}, "sourceIp": ["10.0.0.0/8"]},
        {"baggage": {"group": {"exact": "beta"}}},
    ]));
    assert!(when.holds(&cookies("group=beta").from("10.0.0.7")));
    assert!(!when.holds(&cookies("group=beta").from("11.0.0.7")));
    assert!(!when.holds(&get("/").from("10.0.0.7")));
    assert!(when.holds(&baggage("group=beta")));
    assert!(!when.holds(&get("/")));
}

#[test]
fn a_match_holds_only_if_what_the_policy_asks_holds_too() {
    let beta = Arc::new(when(json!([{"cookies": {"group": {"exact": "beta"}}}])));
    let conditions = Conditions { when: Some(beta), ..Conditions::default() };
    assert!(conditions.hold(&cookies("group=beta"), RepeatedHeaders::Individually));
    assert!(!conditions.hold(&get("/"), RepeatedHeaders::Individually));
    assert!(!conditions.hold_always() && Conditions::default().hold_always());
}

/// An entry with some of three conditions, each of which a request may meet or not.
fn entry() -> impl Strategy<Value = Value> {
    let text = || prop::option::of(prop::sample::select(vec!["a", "b"]));
    (text(), text(), text()).prop_filter_map("has a condition", |(cookie, member, address)| {
        let mut entry = json!({});
        if let Some(value) = cookie {
            entry["cookies"] = json!({"x": {"exact": value}});
        }
        if let Some(value) = member {
            entry["baggage"] = json!({"x": {"exact": value}});
        }
        if let Some(value) = address {
            entry["sourceIp"] = json!([if value == "a" { "10.0.0.0/8" } else { "11.0.0.0/8" }]);
        }
        (entry != json!({})).then_some(entry)
    })
}

proptest! {
    #[test]
    fn a_list_always_holds_if_one_of_its_entries_does(
        entries in prop::collection::vec(entry(), 1..4), cookie in text_of("ab", 1), member in text_of("ab", 1), ten: bool,
    ) {
        let request = cookies(&format!("x={cookie}")).header("baggage", format!("x={member}"));
        let request = request.from(if ten { "10.0.0.1" } else { "11.0.0.1" });
        let one = entries.iter().any(|entry| holds(entry.clone(), &request));
        prop_assert_eq!(when(json!(entries)).holds(&request), one);
    }

    #[test]
    fn a_larger_percentage_always_has_all_that_a_smaller_one_has(
        user in text_of("0123456789", 1..12), small in 0.0..100.0f64, more in 0.0..100.0f64,
    ) {
        let request = get("/").header("end-user", user);
        let large = (small + more).min(100.0);
        prop_assert!(!holds(percentage(small), &request) || holds(percentage(large), &request));
    }

    #[test]
    fn a_window_always_is_half_open(after in 1_000_000_000..4_000_000_000u64, length in 1..1_000_000u64, now: u64) {
        let instant = |seconds| {
            humantime::format_rfc3339(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).to_string()
        };
        let window = when(json!([{"time": {"after": instant(after), "before": instant(after + length)}}]));
        let (first, behind) = (after * 1_000_000_000, (after + length) * 1_000_000_000);
        for now in [now, first - 1, first, behind - 1, behind] {
            prop_assert_eq!(window.holds(&get("/").at_nanosecond(now)), (first..behind).contains(&now));
        }
    }

    #[test]
    fn a_range_always_has_just_the_addresses_of_its_prefix(address: u32, length in 0..=32u32, other: u32) {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        let plain = |bits: u32| std::net::Ipv4Addr::from_bits(bits).to_string();
        let range = json!([{"sourceIp": [format!("{}/{length}", plain(address & mask))]}]);
        let when = when(range);
        for near in [address, address & mask, address | !mask, other, (other & !mask) | (address & mask)] {
            prop_assert_eq!(when.holds(&get("/").from(&plain(near))), near & mask == address & mask);
        }
    }
}

#[test]
fn a_share_of_keys_is_that_share() {
    let share = Share::from_percent(10.0).unwrap();
    let hits = (0..100_000).filter(|n| share.takes(keyed_ticket(SALT.as_bytes(), n.to_string().as_bytes()))).count();
    // Four and a half standard deviations of 94.9.
    assert!(hits.abs_diff(10_000) < 427, "{hits}");
}

#[test]
fn two_salts_have_nothing_to_do_with_each_other() {
    let share = Share::from_percent(10.0).unwrap();
    let key = |n: i32| n.to_string().into_bytes();
    let both = |n: &i32| [&b"a"[..], b"b"].iter().all(|salt| share.takes(keyed_ticket(salt, &key(*n))));
    let hits = (0..100_000).filter(both).count();
    // Four and a half standard deviations of 31.5.
    assert!(hits.abs_diff(1_000) < 142, "{hits}");
}

//! What is read of the payload of a JWT, and what is not.

use super::*;
use crate::scene::{any_text, text_of};
use crate::wasm_test::test;
use proptest::prelude::*;
use serde_json::{Value, json};

fn claim_in(value: impl AsRef<[u8]>, name: &str) -> Vec<String> {
    let mut headers = Headers::default();
    headers.push(b"x-jwt-payload", value.as_ref());
    let values = Payload::read(&headers, "x-jwt-payload").map(|payload| payload.claim(name)).unwrap_or_default();
    values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect()
}

fn claim(payload: &str, name: &str) -> Vec<String> {
    claim_in(URL_SAFE.encode(payload), name)
}

fn nothing() -> Vec<String> {
    Vec::new()
}

/// In base64 it has a character of each alphabet, and padding.
const PAYLOAD: &str = r#"{"sub":"jason","note":"~~~???>>>ÿÿ","n":1}"#;

#[test]
fn a_payload_is_read_in_both_alphabets_with_padding_and_without() {
    let (url, standard) = (URL_SAFE.encode(PAYLOAD), STANDARD.encode(PAYLOAD));
    assert!(url.contains('_') && standard.contains('/') && url.ends_with('='));
    for text in [&url, &standard, url.trim_end_matches('='), standard.trim_end_matches('='), &format!(" {url}\t")] {
        assert_eq!(claim_in(text, "sub"), ["jason"], "{text}");
    }
}

#[test]
fn of_a_whole_token_the_middle_part_is_read() {
    // The first example of RFC 7519, section 3.1.
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
                 eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
                 dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for token in [token.to_owned(), format!("Bearer {token}"), format!("bearer  {token}")] {
        assert_eq!(claim_in(&token, "iss"), ["joe"]);
        assert_eq!(claim_in(&token, "exp"), ["1300819380"]);
        assert_eq!(claim_in(&token, "http://example.com/is_root"), ["true"]);
    }
    let payload = URL_SAFE.encode(PAYLOAD);
    assert_eq!(claim_in(format!("Bearer {payload}"), "sub"), ["jason"]);
    assert_eq!(claim_in(format!("Basic {payload}"), "sub"), nothing());
}

#[test]
fn only_tokens_of_three_parts_are_read() {
    let payload = URL_SAFE.encode(PAYLOAD);
    assert_eq!(claim_in(format!("e30.{payload}."), "sub"), ["jason"], "an unsecured one has an empty signature");
    for token in [format!("e30.{payload}"), format!("e30.{payload}.a.b"), format!("e30.{payload}.a.b.c"), "..".into()] {
        assert_eq!(claim_in(token, "sub"), nothing());
    }
}

#[test]
fn values_are_texts_numbers_and_truths() {
    let payload = r#"{"s":"a\u00e9\"b","i":7,"big":12345678901234567890123,"f":1.50,"e":1e3,"t":true,"f2":false,"n":null,
        "o":{"a":1},"empty":"","alone":"\ud800"}"#;
    for (name, value) in [
        ("s", "aé\"b"),
        ("i", "7"),
        ("big", "12345678901234567890123"),
        ("f", "1.50"),
        ("e", "1e3"),
        ("t", "true"),
        ("f2", "false"),
        ("empty", ""),
    ] {
        assert_eq!(claim(payload, name), [value], "{name}");
    }
    for name in ["n", "o", "alone", "absent", "S"] {
        assert_eq!(claim(payload, name), nothing(), "{name}");
    }
}

#[test]
fn a_list_has_the_values_of_its_items() {
    let payload = r#"{"groups":["beta", 7, true, null, {"a":1}, ["x"]], "none": []}"#;
    assert_eq!(claim(payload, "groups"), ["beta", "7", "true"]);
    assert_eq!(claim(payload, "none"), nothing());
}

#[test]
fn dots_lead_to_names_below_names() {
    let payload = r#"{"realm_access":{"roles":["admin"],"of":{"who":"me"}}}"#;
    assert_eq!(claim(payload, "realm_access.roles"), ["admin"]);
    assert_eq!(claim(payload, "realm_access.of.who"), ["me"]);
    assert_eq!(claim(payload, "realm_access.roles.0"), nothing());
    assert_eq!(claim(payload, "realm_access.of.who.else"), nothing());
}

#[test]
fn of_names_with_dots_the_longest_counts() {
    let payload = r#"{"a.b.c":"whole","a.b":{"c":"two","d":"only"},"a":{"b.c":"three","b":{"c":"four","e":"deep"}}}"#;
    assert_eq!(claim(payload, "a.b.c"), ["whole"]);
    assert_eq!(claim(payload, "a.b.d"), ["only"]);
    assert_eq!(claim(payload, "a.b.e"), ["deep"], "where the longer name leads nowhere, the shorter one is tried");
    assert_eq!(claim(r#"{"https://example.com/group":"beta"}"#, "https://example.com/group"), ["beta"]);
}

#[test]
fn of_a_repeated_name_the_last_counts() {
    assert_eq!(claim(r#"{"sub":"a","sub":"b"}"#, "sub"), ["b"]);
}

#[test]
fn garbage_has_no_claims() {
    for payload in ["", "7", "[]", "\"sub\"", "{", "{\"sub\":}", "{\"sub\":\"a\"} x", "{\"sub\":\"\u{1}\"}"] {
        assert_eq!(claim(payload, "sub"), nothing(), "{payload}");
    }
    assert_eq!(claim_in(URL_SAFE.encode(b"{\"sub\":\"caf\xe9\"}"), "sub"), nothing());
    for value in ["", "%", "Bearer ", "bearer", "eyJ=zdWI", "{\"sub\":\"a\"}", "e3_/"] {
        assert_eq!(claim_in(value, "sub"), nothing(), "{value}");
    }
}

#[test]
fn a_payload_of_more_than_64_kib_is_not_read() {
    let of = |length: usize| {
        let empty = r#"{"sub":"jason","fill":""}"#.len();
        claim(&format!(r#"{{"sub":"jason","fill":"{}"}}"#, "x".repeat(length - empty)), "sub")
    };
    assert_eq!(of(64 * 1024), ["jason"]);
    assert_eq!(of(64 * 1024 + 1), nothing());
    assert_eq!(of(1024 * 1024), nothing());
}

#[test]
fn a_payload_of_brackets_alone_harms_nobody() {
    for bracket in ["[", "{\"a\":"] {
        assert_eq!(claim(&bracket.repeat(64 * 1024 / bracket.len()), "a.a.a.a"), nothing());
    }
    let deep = format!("{}7{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(claim(&deep, &["a"; 16].join(".")), nothing(), "there is an object");
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text_of("ab.", 0..4), inner, 0..4).prop_map(|fields| json!(fields)),
        ]
    })
}

proptest! {
    #[test]
    fn a_claim_is_always_read_as_it_was_written(name in text_of("ab./:é", 1..12), value in any_text(), padded: bool) {
        let encoded = URL_SAFE.encode(json!({name.as_str(): value}).to_string());
        let text = if padded { encoded.as_str() } else { encoded.trim_end_matches('=') };
        prop_assert_eq!(claim_in(text, &name), [value]);
    }

    #[test]
    fn no_document_ever_panics(document in document(), name in text_of("ab.", 0..9)) {
        claim(&document.to_string(), &name);
    }

    #[test]
    fn no_bytes_ever_panic(value: Vec<u8>, payload: Vec<u8>, name in any_text()) {
        let mut headers = Headers::default();
        headers.push(b"x", &value);
        headers.push(b"y", URL_SAFE.encode(payload).as_bytes());
        for header in ["x", "y"] {
            if let Some(payload) = Payload::read(&headers, header) {
                payload.claim(&name);
            }
        }
    }
}

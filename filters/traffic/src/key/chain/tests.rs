//! Which key a request has, scene by scene.

use super::*;
use crate::scene::{Get, get, text_of};
use crate::wasm_test::test;
use proptest::prelude::*;
use serde_json::{Value, json};

fn compile(written: Value, issue_allowed: bool) -> Result<KeyChain, String> {
    let written: Vec<written::Key> = written::read("key", written).unwrap();
    KeyChain::compile(&Place::root("key"), &written, issue_allowed).map_err(|refusal| refusal.to_string())
}

#[track_caller]
fn chain(written: Value) -> KeyChain {
    compile(written, true).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

/// `source = key`, `issue name`, or `-`.
fn read(chain: &KeyChain, request: &Get) -> String {
    match chain.read(request) {
        Found::Key { key, source } => format!("{source} = {}", key.escape_ascii()),
        Found::Issue(cookie) => format!("issue {}", cookie.name()),
        Found::None => "-".to_owned(),
    }
}

fn read_one(key: Value, request: &Get) -> String {
    read(&chain(json!([key])), request)
}

#[test]
fn a_key_is_the_value_of_a_header() {
    let key = || json!({"header": "End-User"});
    assert_eq!(read_one(key(), &get("/").header("end-user", "jason")), "header:end-user = jason");
    assert_eq!(read_one(key(), &get("/").header("end-user", "a").header("end-user", "b")), "header:end-user = a");
    assert_eq!(read_one(key(), &get("/").header("end-user", b"caf\xe9")), r"header:end-user = caf\xe9");
    assert_eq!(read_one(key(), &get("/").header("end-user", "")), "-");
    assert_eq!(read_one(key(), &get("/")), "-");
}

#[test]
fn a_key_is_authority_path_or_method() {
    assert_eq!(read_one(json!({"header": ":authority"}), &get("/")), "header::authority = reviews");
    assert_eq!(read_one(json!({"header": "Host"}), &get("/")), "header::authority = reviews");
    assert_eq!(read_one(json!({"header": ":path"}), &get("/a?b")), "header::path = /a?b");
    assert_eq!(read_one(json!({"header": ":method"}), &get("/")), "header::method = GET");
}

#[test]
fn a_key_is_a_cookie_a_parameter_or_a_member_of_baggage() {
    let request = get("/?uid=7&name=a%20b").header("cookie", "a=b; session=\"x\"").header("baggage", "user=a%20b");
    assert_eq!(read_one(json!({"cookie": "session"}), &request), "cookie:session = \\\"x\\\"");
    assert_eq!(read_one(json!({"cookie": "Session"}), &request), "-");
    assert_eq!(read_one(json!({"queryParam": "uid"}), &request), "queryParam:uid = 7");
    assert_eq!(read_one(json!({"queryParam": "name"}), &request), "queryParam:name = a%20b");
    assert_eq!(read_one(json!({"baggage": "user"}), &request), "baggage:user = a b");
}

#[test]
fn a_key_is_the_source_address_in_its_plain_form() {
    let key = || json!({"sourceIp": {}});
    assert_eq!(read_one(key(), &get("/").from("10.0.0.7")), "sourceIp = 10.0.0.7");
    assert_eq!(read_one(key(), &get("/").from("::ffff:10.0.0.7")), "sourceIp = 10.0.0.7");
    assert_eq!(read_one(key(), &get("/").from("2001:DB8:0::1")), "sourceIp = 2001:db8::1");
    assert_eq!(read_one(key(), &get("/")), "-");
}

#[test]
fn a_key_is_a_claim_and_of_a_list_its_first_item() {
    // {"sub":"jason","groups":["a","b"],"id":{"n":7},"none":[]}
    let payload = "eyJzdWIiOiJqYXNvbiIsImdyb3VwcyI6WyJhIiwiYiJdLCJpZCI6eyJuIjo3fSwibm9uZSI6W119";
    let request = get("/").header("x-jwt-payload", payload);
    let claim = |claim: &str| json!({"jwtClaim": {"header": "X-JWT-Payload", "claim": claim}});
    assert_eq!(read_one(claim("sub"), &request), "jwtClaim:x-jwt-payload:sub = jason");
    assert_eq!(read_one(claim("groups"), &request), "jwtClaim:x-jwt-payload:groups = a");
    assert_eq!(read_one(claim("id.n"), &request), "jwtClaim:x-jwt-payload:id.n = 7");
    assert_eq!(read_one(claim("none"), &request), "-");
    assert_eq!(read_one(claim("id"), &request), "-");
    assert_eq!(read_one(claim("sub"), &get("/")), "-");
}

#[test]
fn the_first_place_counts_that_the_request_has() {
    let chain = chain(json!([{"header": "end-user"}, {"cookie": "session"}, {"sourceIp": {}}]));
    let request = get("/").from("10.0.0.7");
    assert_eq!(read(&chain, &request), "sourceIp = 10.0.0.7");
    let request = request.header("cookie", "session=s");
    assert_eq!(read(&chain, &request), "cookie:session = s");
    assert_eq!(read(&chain, &request.clone().header("end-user", "")), "cookie:session = s", "an empty one is none");
    assert_eq!(read(&chain, &request.header("end-user", "jason")), "header:end-user = jason");
}

#[test]
fn who_has_no_key_is_given_a_cookie_and_has_it_as_key_from_then_on() {
    let chain = chain(json!([{"header": "end-user"}, {"issueCookie": {"name": "serin"}}]));
    assert_eq!(read(&chain, &get("/")), "issue serin");
    assert_eq!(read(&chain, &get("/").header("cookie", "serin=")), "issue serin");
    assert_eq!(read(&chain, &get("/").header("cookie", "serin=abc")), "issueCookie:serin = abc");
    let user = get("/").header("cookie", "serin=abc").header("end-user", "jason");
    assert_eq!(read(&chain, &user), "header:end-user = jason");
}

#[test]
fn chains_that_cannot_be_are_refused() {
    let refusal = |written: Value| compile(written, true).unwrap_err();
    assert_eq!(refusal(json!([])), "key: must not be empty");
    assert_eq!(
        refusal(json!([{"header": "a"}, {}])),
        "key[1]: must have one of header, cookie, queryParam, baggage, sourceIp, jwtClaim, issueCookie"
    );
    assert_eq!(
        refusal(json!([{"header": "a", "cookie": "b", "sourceIp": {}}])),
        "key[0]: has header and cookie and sourceIp: each needs an entry of its own"
    );
    assert_eq!(
        refusal(json!([{"issueCookie": {"name": "serin"}}, {"sourceIp": {}}])),
        "key[0].issueCookie: must be the last: nothing behind it would ever be asked"
    );
    assert_eq!(
        compile(json!([{"sourceIp": {}}, {"issueCookie": {"name": "serin"}}]), false).unwrap_err(),
        "key[1].issueCookie: is for split only: nothing else gives out cookies"
    );
    assert!(compile(json!([{"sourceIp": {}}]), false).is_ok());
}

#[test]
fn names_that_cannot_be_are_refused() {
    let refusal = |key: Value| compile(json!([key]), true).unwrap_err().strip_prefix("key[0].").unwrap().to_owned();
    for field in ["header", "cookie", "queryParam", "baggage"] {
        let mut key = json!({});
        key[field] = "".into();
        assert_eq!(refusal(key), format!("{field}: must not be empty"));
    }
    assert_eq!(refusal(json!({"header": "end user"})), "header: `end user` is not the name of a header");
    assert_eq!(refusal(json!({"header": ":scheme"})), "header: `:scheme` is none of :authority, :path, :method");
    assert_eq!(refusal(json!({"cookie": "a=b"})), "cookie: `a=b` is not the name of a cookie");
    assert_eq!(
        refusal(json!({"queryParam": "a&b"})),
        "queryParam: `a&b` is not the name of a parameter: it would end before the `&`, `=` or `#`"
    );
    assert_eq!(refusal(json!({"baggage": "a,b"})), "baggage: `a,b` is not the key of a member of baggage");
    let claim = |header: &str, claim: &str| json!({"jwtClaim": {"header": header, "claim": claim}});
    assert_eq!(refusal(claim("", "sub")), "jwtClaim.header: must not be empty");
    assert_eq!(refusal(claim("x", "")), "jwtClaim.claim: must not be empty");
    assert_eq!(refusal(claim("x", &["a"; 17].join("."))), "jwtClaim.claim: more than 16 names with dots between");
}

proptest! {
    #[test]
    fn a_key_is_always_of_the_first_place_that_is_there(values in prop::collection::vec(text_of("ab", 0..3), 1..6)) {
        let keys: Vec<Value> = (0..values.len()).map(|n| json!({"header": format!("x-{n}")})).collect();
        let request = values.iter().enumerate().fold(get("/"), |get, (n, value)| get.header(&format!("x-{n}"), value));
        let first = values.iter().position(|value| !value.is_empty());
        let expected = first.map_or("-".to_owned(), |n| format!("header:x-{n} = {}", values[n]));
        prop_assert_eq!(read(&chain(json!(keys)), &request), expected);
    }
}

//! What is not taken, and what is said about it: one line, path first.

use crate::scene::{refusal, rules, test, to_subset, virtual_service};
use serde_json::{Value, json};
use serin_traffic::written::Configuration;

/// The refusal of a rule, without the path of the VirtualService.
#[track_caller]
fn of_rule(rule: Value) -> String {
    let text = refusal(rules(json!([rule])));
    text.strip_prefix("resources[0].spec.http[0]").map(str::to_owned).unwrap_or(text)
}

/// The refusal of a match.
#[track_caller]
fn of_match(one_match: Value) -> String {
    let text = of_rule(to_subset("v1", json!([one_match])));
    text.strip_prefix(".match[0].").map(str::to_owned).unwrap_or(text)
}

/// The refusal of the destinations of a rule.
#[track_caller]
fn of_route(route: Value) -> String {
    let text = of_rule(json!({"route": route}));
    text.strip_prefix(".route").map(str::to_owned).unwrap_or(text)
}

#[test]
fn a_misspelt_field_is_refused_by_its_path() {
    let text = of_match(json!({"headers": {"end-user": {"exat": "jason"}}}));
    assert_eq!(text, "headers.end-user.exat: unknown field `exat`, expected one of `exact`, `prefix`, `regex`");
    assert!(refusal(json!({"gatway": "mesh"})).starts_with("gatway: unknown field `gatway`"));
    assert!(of_rule(json!({"rout": []})).starts_with(".rout: unknown field `rout`"));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_by_its_path() {
    assert_eq!(
        of_route(json!([{"destination": {"host": 7}}])),
        "[0].destination.host: invalid type: integer `7`, expected a string"
    );
    assert_eq!(
        of_match(json!({"headers": {"end-user": null}})),
        "headers.end-user: invalid type: null, expected struct StringMatch"
    );
    assert!(refusal(json!({"port": 70000})).starts_with("port: invalid value: integer `70000`"));
    assert!(refusal(json!({"unmatched": "404"})).starts_with("unmatched: unknown variant `404`"));
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let to = |weight: i64| json!({"destination": {"host": "reviews"}, "weight": weight});
    assert_eq!(of_route(json!([to(-1), to(1)])), "[0].weight: -1 is negative");
    assert_eq!(of_route(json!([to(1), to(1 << 31)])), "[1].weight: 2147483648 is more than 2147483647");
    assert_eq!(of_route(json!([to(0), to(0)])), ": the weights of all destinations are 0");
    let most = i64::from(i32::MAX);
    assert_eq!(
        of_route(json!([to(most), to(most), to(most)])),
        ": the weights add up to 6442450941, more than 4294967295"
    );
}

#[test]
fn a_rule_without_destination_is_refused() {
    assert_eq!(of_rule(json!({})), ": must have route, redirect or directResponse");
    assert_eq!(of_route(json!([{"destination": {}}])), "[0].destination: missing field `host`");
    assert_eq!(of_route(json!([{"destination": {"host": ""}}])), "[0].destination.host: must not be empty");
    assert!(
        of_route(json!([{"destination": {"host": "*.example.com"}}]))
            .starts_with("[0].destination.host: *.example.com has a wildcard")
    );
    assert_eq!(
        of_route(json!([{"destination": {"host": "a", "port": {"number": 65536}}}])),
        "[0].destination.port.number: 65536 is not a port: ports are from 1 to 65535"
    );
}

#[test]
fn a_claim_without_name_is_refused() {
    let reason = "does not name a claim: write @request.auth.claims.name or @request.auth.claims[name][name]";
    for name in ["@request.auth.claims", "@request.auth.claims.", "@request.auth.claims[]", "@request.auth.claimsub"] {
        assert_eq!(of_match(json!({"headers": {name: {}}})), format!("headers.{name}: `{name}` {reason}"));
    }
    assert_eq!(of_match(json!({"headers": {"@other": {}}})), "headers.@other: `@other` is not the name of a header");
}

#[test]
fn hosts_that_cannot_be_are_refused() {
    let of_hosts = |hosts: Value, gateways: Value| {
        let spec = json!({"hosts": hosts, "gateways": gateways, "http": [to_subset("v1", json!([]))]});
        let text = refusal(json!({"resources": [virtual_service("reviews", spec)]}));
        text.strip_prefix("resources[0].spec.hosts").map(str::to_owned).unwrap_or(text)
    };
    assert_eq!(of_hosts(json!([]), json!([])), ": must not be empty");
    assert_eq!(of_hosts(json!(["*"]), json!([])), "[0]: * is for gateways only, not for the mesh");
    assert_eq!(of_hosts(json!(["a.example", "A.example"]), json!([])), "[1]: A.example is there twice");
    assert_eq!(of_hosts(json!(["*example"]), json!([])), "[0]: *example has a wildcard that is not a label of its own");
    assert_eq!(
        of_hosts(json!(["a..b"]), json!([])),
        "[0]: a..b is not a host name: the label `` is not one of RFC 1123"
    );
}

#[test]
fn manifests_that_cannot_be_are_refused() {
    let one = |manifest: Value| refusal(json!({"resources": [manifest]}));
    assert!(
        one(json!({"kind": "Gateway", "metadata": {"name": "a"}}))
            .starts_with("resources[0].kind: Gateway is not a kind")
    );
    assert!(
        one(json!({"apiVersion": "v1", "kind": "VirtualService", "metadata": {"name": "a"}}))
            .starts_with("resources[0].apiVersion: v1 is not one")
    );
    assert_eq!(one(json!({"kind": "VirtualService", "metadata": {}})), "resources[0].metadata.name: must not be empty");
    assert_eq!(one(json!({"metadata": {}})), "resources[0]: missing field `kind`");
    assert_eq!(
        one(json!("VirtualService")),
        "resources[0]: invalid type: string \"VirtualService\", expected struct Document"
    );
    let twice = virtual_service("a", json!({"hosts": ["a"], "http": [to_subset("v1", json!([]))]}));
    assert_eq!(refusal(json!({"resources": [twice, twice]})), "resources[1]: VirtualService default/a is there twice");
    assert_eq!(one(virtual_service("a", json!({"hosts": ["a"]}))), "resources[0].spec.http: must not be empty");
    assert_eq!(
        one(virtual_service("a", json!({"hosts": ["a"], "tcp": []}))),
        "resources[0].spec.tcp: is not implemented: Serin's filters see HTTP only"
    );
}

#[test]
fn a_share_of_more_than_all_is_refused() {
    let mirror = |percent: f64| json!({"route": [{"destination": {"host": "a"}}], "mirror": {"host": "b"}, "mirrorPercentage": {"value": percent}});
    assert_eq!(of_rule(mirror(100.5)), ".mirrorPercentage.value: 100.5 is not from 0 to 100");
    assert_eq!(of_rule(mirror(-1.0)), ".mirrorPercentage.value: -1 is not from 0 to 100");
}

#[test]
fn headers_that_cannot_be_are_refused() {
    assert_eq!(of_match(json!({"headers": {"a b": {}}})), "headers.a b: `a b` is not the name of a header");
    assert_eq!(of_match(json!({"headers": {"": {}}})), "headers.: `` is not the name of a header");
    assert_eq!(of_match(json!({"method": {"prefix": ""}})), "method.prefix: must not be empty");
    assert_eq!(of_match(json!({"headers": {"x": {"regex": ""}}})), "headers.x.regex: must not be empty");
}

#[test]
fn options_that_cannot_be_are_refused() {
    assert_eq!(refusal(json!({"port": 0})), "port: 0 is not a port");
    assert_eq!(refusal(json!({"gateway": "edge"})), "gateway: edge is neither `mesh` nor `namespace/name`");
    assert_eq!(refusal(json!({"namespace": ""})), "namespace: must not be empty");
    assert_eq!(refusal(json!({"cluster": "{svc}"})), "cluster: {svc} is not one of {port}, {subset}, {host}");
}

#[test]
fn a_document_that_is_no_json_is_refused_and_a_struct_is_recognized() {
    let refusal = |bytes: &[u8]| Configuration::from_json(bytes).unwrap_err().to_string();
    assert_eq!(refusal(b"{"), "not JSON: EOF while parsing an object at line 1 column 1");
    assert!(refusal(b"\x0a\x05\x0a\x03a").contains("put the JSON into a google.protobuf.StringValue"));
}

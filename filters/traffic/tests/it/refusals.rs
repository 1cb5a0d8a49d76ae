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
        "[0].destination.host: 7 is a number; a text is wanted: write it in quotes"
    );
    assert_eq!(
        of_match(json!({"headers": {"end-user": null}})),
        "headers.end-user: is empty (null); {exact: …}, {prefix: …} or {regex: …} is wanted"
    );
    assert_eq!(refusal(json!({"port": 70000})), "port: 70000 is not a whole number from 0 to 65535");
    assert_eq!(refusal(json!({"unmatched": "404"})), "unmatched: 404 is not one of notFound, pass");
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
    assert_eq!(of_route(json!([{"destination": {}}])), "[0].destination.host: must not be missing");
    assert_eq!(of_route(json!([{"destination": {"host": ""}}])), "[0].destination.host: must not be empty");
    assert!(
        of_route(json!([{"destination": {"host": "*"}}])).starts_with("[0].destination.host: * is not a destination")
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
    assert_eq!(of_hosts(json!(["*"]), json!([])), "[0]: * is for gateways only, not for the mesh");
    assert_eq!(of_hosts(json!(["a.example", "a.example"]), json!([])), "[1]: a.example is defined twice");
    assert_eq!(
        of_hosts(json!(["a*.example"]), json!([])),
        "[0]: a*.example is not a host name: the label `a*` is not one of RFC 1123"
    );
    assert_eq!(of_hosts(json!(["a.7"]), json!([])), "[0]: a.7 is not a host name: its last label is a number");
    assert_eq!(
        of_hosts(json!(["a..b"]), json!([])),
        "[0]: a..b is not a host name: the label `` is not one of RFC 1123"
    );
}

#[test]
fn manifests_that_cannot_be_are_refused() {
    let one = |manifest: Value| refusal(json!({"resources": [manifest]}));
    assert!(
        one(json!({"kind": "Sidecar", "metadata": {"name": "a"}}))
            .starts_with("resources[0].kind: Sidecar is not a kind")
    );
    assert!(
        one(json!({"apiVersion": "v1", "kind": "VirtualService", "metadata": {"name": "a"}}))
            .starts_with("resources[0].apiVersion: v1 is not one")
    );
    assert_eq!(one(json!({"kind": "VirtualService", "metadata": {}})), "resources[0].metadata.name: must not be empty");
    assert_eq!(one(json!({"metadata": {}})), "resources[0].kind: must not be missing");
    assert_eq!(one(json!("VirtualService")), "resources[0]: \"VirtualService\" is a text; a mapping is wanted");
    assert!(
        one(json!({"apiVersion": "networking.istio.io/v2", "kind": "VirtualService", "metadata": {"name": "a"}}))
            .starts_with("resources[0].apiVersion: networking.istio.io/v2 is not one")
    );
    assert!(
        one(json!({"apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolcy", "metadata": {"name": "a"}}))
            .starts_with("resources[0].kind: CanaryPolcy is not a kind")
    );
    let twice = virtual_service("a", json!({"hosts": ["a"], "http": [to_subset("v1", json!([]))]}));
    assert_eq!(
        refusal(json!({"resources": [twice, twice]})),
        "resources[1]: VirtualService default/a is defined twice"
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

#[test]
fn what_is_wanted_is_said_in_the_words_of_manifests() {
    let of_rule_with = |field: &str, value: Value| {
        let mut rule = json!({"route": [{"destination": {"host": "a"}}]});
        rule[field] = value;
        of_rule(rule)
    };
    for (seen, expected) in [
        (of_rule_with("mirrorPercentage", json!(50)), ".mirrorPercentage: 50 is a number; {value: 50} is wanted"),
        (
            of_rule_with("mirrorPercentage", json!({"value": "50"})),
            ".mirrorPercentage.value: \"50\" is a text; a number without quotes is wanted",
        ),
        (of_rule_with("mirrorPercent", json!(0.5)), ".mirrorPercent: 0.5 is not a whole number"),
        (of_rule_with("mirrorPercent", json!(-1)), ".mirrorPercent: -1 is not a whole number from 0 to 4294967295"),
        (of_rule_with("mirrors", json!({"host": "a"})), ".mirrors: is a mapping; a list is wanted"),
        (of_rule_with("mirror", json!("a")), ".mirror: \"a\" is a text; {host: …} is wanted"),
        (of_rule_with("redirect", json!("/a")), ".redirect: \"/a\" is a text; {uri: …} is wanted"),
        (of_rule_with("timeout", json!(5)), ".timeout: 5 is a number; a text is wanted: write it in quotes"),
        (of_rule_with("fault", json!([])), ".fault: is a list; a mapping is wanted"),
        (of_rule_with("route", json!("a")), ".route: \"a\" is a text; a list is wanted"),
        (
            of_route(json!([{"destination": {"host": "a"}, "weight": "90"}])),
            "[0].weight: \"90\" is a text; a number without quotes is wanted",
        ),
        (
            of_route(json!([{"destination": {"host": "a", "port": 80}}])),
            "[0].destination.port: 80 is a number; {number: 80} is wanted",
        ),
        (of_match(json!({"uri": "/a"})), "uri: \"/a\" is a text; {exact: …}, {prefix: …} or {regex: …} is wanted"),
        (
            of_match(json!({"ignoreUriCase": "yes"})),
            "ignoreUriCase: \"yes\" is a text; true or false without quotes is wanted",
        ),
        (of_match(json!({"ignoreUriCase": 1})), "ignoreUriCase: 1 is a number; true or false is wanted"),
        (of_match(json!({"headers": ["a"]})), "headers: is a list; a mapping is wanted"),
        (
            of_match(json!({"sourceLabels": {"a": true}})),
            "sourceLabels.a: true is a boolean; a text is wanted: write it in quotes (unquoted, yes, no, on, off, y and n \
             are booleans too, as kubectl reads YAML 1.1)",
        ),
        (refusal(json!({"resources": {}})), "resources: is a mapping; a list is wanted"),
        (
            refusal(json!({"source": {"labels": {"a": 1}}})),
            "source.labels.a: 1 is a number; a text is wanted: write it in quotes",
        ),
        (refusal(json!({"unmatched": 404})), "unmatched: 404 is not one of notFound, pass"),
        (refusal(json!([])), "is a list; a mapping is wanted"),
    ] {
        assert_eq!(seen, expected);
    }
}

/// Each place of manifests of all kinds, with a value of each kind put there: no refusal speaks Rust.
#[test]
fn no_refusal_names_a_type_of_rust() {
    let manifests = json!({
        "gateway": "mesh", "port": 80, "unmatched": "pass", "source": {"namespace": "a", "labels": {"a": "b"}},
        "resources": [
            {"kind": "VirtualService", "metadata": {"name": "a", "annotations": {}}, "spec": {
                "hosts": ["a"], "gateways": ["mesh"], "exportTo": ["*"],
                "tls": [{"match": [{"sniHosts": ["a"], "port": 1}], "route": [{"destination": {"host": "a"}, "weight": 1}]}],
                "http": [{
                    "name": "a", "timeout": "1s", "retries": {"attempts": 1, "retryOn": "5xx"},
                    "match": [{"uri": {"exact": "/"}, "headers": {"a": {}}, "ignoreUriCase": true, "port": 1}],
                    "route": [{"destination": {"host": "a", "subset": "v1", "port": {"number": 1}}, "weight": 1,
                        "headers": {"request": {"set": {"a": "b"}, "remove": ["c"]}}}],
                    "mirrors": [{"destination": {"host": "a"}, "percentage": {"value": 1}}],
                    "rewrite": {"uri": "/", "uriRegexRewrite": {"match": "a", "rewrite": "b"}},
                    "fault": {"delay": {"fixedDelay": "1s", "percent": 1}, "abort": {"httpStatus": 500}},
                    "corsPolicy": {"allowOrigins": [{"exact": "a"}], "allowCredentials": true, "maxAge": "1s"},
                }, {"directResponse": {"status": 200, "body": {"string": "a"}}},
                    {"redirect": {"uri": "/", "redirectCode": 301}}, {"delegate": {"name": "b"}}]}},
            {"kind": "DestinationRule", "metadata": {"name": "a"}, "spec": {"host": "a",
                "subsets": [{"name": "v1", "labels": {"a": "b"}}],
                "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}, "connectionPool": {"tcp": {"maxConnections": 1}},
                    "outlierDetection": {"consecutive5xxErrors": 1}}}},
            {"kind": "CanaryPolicy", "metadata": {"name": "a"}, "spec": {"virtualService": "a", "reveal": true, "routes": [{
                "route": "a", "split": {"mode": "sticky", "key": [{"header": "a"}, {"sourceIp": {}}], "history": [[1]]},
                "ramp": {"subset": "v1", "from": 1, "to": 2, "start": "2026-01-01T00:00:00Z", "duration": "1h", "steps": 2},
                "guard": {"subset": "v1", "maxErrorPercent": 5}, "failover": {"retryAfter": "1s"},
                "when": [{"cookies": {"a": {}}, "percentage": {"value": 1, "key": [{"header": "a"}]}}],
                "shadow": {"delivery": "callout", "methods": ["GET"], "compare": {"status": true, "sampleLog": 1}}}]}},
            {"kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 1, "name": "a"}]}},
        ],
    });
    let mut paths = Vec::new();
    places(&manifests, String::new(), &mut paths);
    assert!(paths.len() > 150, "{}", paths.len());
    let mut refused = 0;
    for path in paths {
        for value in [
            json!(true),
            json!(1),
            json!(-1),
            json!(1.5),
            json!("odd"),
            json!([]),
            json!([{}]),
            json!({}),
            json!({"odd": 1}),
            json!(1e30),
        ] {
            let mut odd = manifests.clone();
            *odd.pointer_mut(&path).expect("the place is there") = value;
            if let Err(refusal) = Configuration::from_value(odd).and_then(|written| {
                serin_traffic::Policy::compile(&written, &serin_traffic::written::Source::default()).map(|_| ())
            }) {
                refused += 1;
                let text = refusal.reason();
                for word in RUST {
                    assert!(!text.contains(word), "{path}: {text}");
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

/// Words that serde has for types of Rust.
const RUST: [&str; 22] = [
    "struct ",
    "i64",
    "u32",
    "u16",
    "f64",
    "i32",
    "u64",
    "usize",
    "variant",
    "enum",
    "untagged",
    "invalid type",
    "invalid value",
    "invalid length",
    "missing field",
    "sequence",
    "unit",
    "Option",
    "tuple",
    "newtype",
    "identifier",
    "floating point",
];

/// The pointers to all values below `value`.
fn places(value: &Value, path: String, into: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, format!("{path}/{index}"), into);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                places(field, format!("{path}/{name}"), into);
            }
        }
        _ => {}
    }
    into.push(path);
}

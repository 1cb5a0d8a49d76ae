//! What rules do with requests and answers, against Envoy's own routes: each rule twice in one Envoy, once as Serin renders it
//! and once as Istio would write it into the routes, translated here and not by Serin.

use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::manifests::{Replica, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// The cluster of the only service.
const CLUSTER: &str = "outbound|80||w.default.svc.cluster.local";

/// What differs from one request to the next, or between two listeners, with either kind of route.
const VOLATILE: [&str; 5] = ["date", "x-request-id", "x-envoy-upstream-service-time", "x-serin-cluster", "server"];

/// A rule, without its route, and what Istio adds to Envoy's route for it.
struct Case {
    rule: Value,
    native: Value,
    requests: Vec<Sent>,
}

#[derive(Clone, Debug)]
struct Sent {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
}

fn get(target: &str) -> Sent {
    Sent { method: "GET", target: target.to_owned(), headers: Vec::new() }
}

impl Sent {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }
}

/// What the client got; of the upstream's answer the body is the request as it arrived.
#[derive(Debug, PartialEq)]
struct Got {
    status: String,
    headers: Vec<String>,
    body: String,
}

fn case(rule: Value, native: Value, requests: impl IntoIterator<Item = Sent>) -> Case {
    Case { rule, native, requests: requests.into_iter().collect() }
}

/// The upstream: answers with what it got, with the status that `x-status` asks for, after as many milliseconds as `x-after`
/// says.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(lines) = head(&mut reader) {
        let value = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let after = value("x-after").and_then(|after| after.parse().ok()).unwrap_or(0);
        thread::sleep(Duration::from_millis(after));
        let body = sorted(&lines).join("\n");
        let status = value("x-status").unwrap_or("200");
        let more = value("x-grpc").map_or(String::new(), |status| format!("grpc-status: {status}\r\n"));
        let answer = format!("HTTP/1.1 {status} -\r\nx-up: u1\r\n{more}content-length: {}\r\n\r\n{body}", body.len());
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The lines up to the next empty one.
fn head(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line).ok()? == 0 {
            return None;
        }
        let line: String = line.trim_ascii_end().iter().map(|byte| char::from(*byte)).collect();
        if line.is_empty() {
            return Some(lines);
        }
        lines.push(line);
    }
}

/// The first line, and the headers that mean something, in order.
fn sorted(lines: &[String]) -> Vec<String> {
    let is_volatile = |line: &&String| VOLATILE.iter().any(|name| line.split(':').next() == Some(name));
    let mut headers: Vec<String> = lines.iter().skip(1).filter(|line| !is_volatile(line)).cloned().collect();
    headers.sort();
    lines.iter().take(1).cloned().chain(headers).collect()
}

/// Sends the request to the host of the case of that place.
fn ask(proxy: SocketAddr, place: usize, sent: &Sent) -> Got {
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut request = format!("{} {} HTTP/1.1\r\nhost: h{place}.example\r\n", sent.method, sent.target);
    for (name, value) in &sent.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let bytes: Vec<u8> = request.chars().map(|c| u8::try_from(c).unwrap()).collect();
    stream.write_all(&[&bytes, &b"connection: close\r\n\r\n"[..]].concat()).unwrap();
    let mut reader = BufReader::new(stream);
    let lines = head(&mut reader).unwrap_or_else(|| panic!("{sent:?} is not answered"));
    // Envoy closes a connection of which it has not read all a second later: the answer is whole before.
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).unwrap();
    let [status, headers @ ..] = &*sorted(&lines) else { panic!("{sent:?} is answered with nothing") };
    let body = body.iter().map(|byte| char::from(*byte)).collect();
    Got { status: status.clone(), headers: headers.to_vec(), body }
}

/// Puts what `more` has into `into`, objects into objects.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, more) in more {
                merge(into.entry(name.clone()).or_insert(Value::Null), more);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// The route of the case, as Istio writes it.
fn native(case: &Case) -> Value {
    let mut route = json!({"match": {"prefix": "/"}});
    if case.native.get("redirect").is_none() && case.native.get("direct_response").is_none() {
        route["route"] = json!({
            "cluster": CLUSTER, "timeout": "0s", "max_grpc_timeout": "0s",
            "retry_policy": {
                "retry_on": "connect-failure,refused-stream,unavailable,cancelled", "num_retries": 2,
                "host_selection_retry_max_attempts": 5,
            },
        });
    }
    merge(&mut route, &case.native);
    route
}

/// An Envoy that has the cases twice, in the listeners `filter` and `native`; where it `trusts` callers, their own `x-envoy-*`
/// count.
async fn envoy(cases: &[Case], trusts: bool) -> (Process, SocketAddr, SocketAddr) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("canary.wasm");
    std::fs::write(&file, Module::Canary.bytes()).unwrap();
    let mut texts = vec![Text::new(
        "w.yaml",
        "{apiVersion: v1, kind: Service, metadata: {name: w}, spec: {selector: {app: w}, ports: [{name: http, port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: w}, spec: {template: {metadata: {labels: {app: w}}}}}
",
    )];
    for (place, case) in cases.iter().enumerate() {
        let mut rule = case.rule.clone();
        if rule.get("redirect").is_none() && rule.get("directResponse").is_none() {
            merge(&mut rule, &json!({"route": [{"destination": {"host": "w"}}]}));
        }
        let manifest = json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": format!("h{place}")},
            "spec": {"hosts": [format!("h{place}.example")], "http": [rule]},
        });
        texts.push(Text::new(format!("h{place}.yaml"), manifest.to_string()));
    }
    let world = World::parse("default", &texts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let pod =
        Replica { namespace: "default".to_owned(), kind: "Deployment".to_owned(), workload: "w".to_owned(), number: 0 };
    let options = Options {
        filters: vec![Filter { name: "canary".to_owned(), file }],
        source: Source::default(),
        endpoints: Endpoints::Addresses(BTreeMap::from([(pod, upstream())])),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    let mut configuration = render(&world, &options).unwrap_or_else(|mistakes| panic!("{mistakes}")).configuration;
    let filter = &mut configuration["static_resources"]["listeners"][0];
    filter["name"] = "filter".into();
    if trusts {
        let manager = &mut filter["filter_chains"][0]["filters"][0]["typed_config"];
        manager["use_remote_address"] = true.into();
        manager["internal_address_config"] = json!({"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]});
    }
    let mut other = filter.clone();
    other["name"] = "native".into();
    let manager = &mut other["filter_chains"][0]["filters"][0]["typed_config"];
    let router = manager["http_filters"].as_array().unwrap().last().unwrap().clone();
    let cors = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors"});
    manager["http_filters"] = json!([{"name": "envoy.filters.http.cors", "typed_config": cors}, router]);
    let hosts = cases.iter().enumerate().map(|(place, case)| {
        let host = format!("h{place}.example");
        json!({"name": host, "domains": [host], "routes": [native(case)]})
    });
    manager["route_config"]["virtual_hosts"] = hosts.collect();
    manager["route_config"]["max_direct_response_body_size_bytes"] = (1 << 20).into();
    configuration["static_resources"]["listeners"].as_array_mut().unwrap().push(other);
    let process = Process::start(&find(None).unwrap(), &configuration, 1, directory).await;
    let process = process.unwrap_or_else(|failure| panic!("{failure}"));
    let (filter, native) = (process.listeners()["filter"], process.listeners()["native"]);
    (process, filter, native)
}

/// Has both listeners answer the requests of all cases; both must do the same.
async fn assert_same(cases: Vec<Case>, trusts: bool) {
    let (process, filter, native) = envoy(&cases, trusts).await;
    let mut wrong = Vec::new();
    let mut count = 0;
    for (place, case) in cases.iter().enumerate() {
        for sent in &case.requests {
            count += 1;
            let (theirs, ours) = (ask(native, place, sent), ask(filter, place, sent));
            if theirs != ours {
                wrong.push(format!("{}\n{sent:?}\nnative {theirs:#?}\nfilter {ours:#?}", case.rule));
            }
        }
    }
    let log = process.log();
    process.stop().await;
    assert!(!log.contains("panicked"), "{log}");
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n\n"));
}

/// Headers that are set, as Istio hands them to Envoy.
fn set(headers: &Value) -> Value {
    let headers = headers.as_object().unwrap().iter();
    let option = |(name, value): (&String, &Value)| json!({"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"});
    headers.map(option).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn values_with_operators_are_those_of_envoys_own_routes() {
    let request = [
        "%REQ(x-a)%",
        "%REQ(X-A)%|%REQ(host)%|%REQ(:PATH)%|%REQ(:METHOD)%|%REQ(:AUTHORITY)%|%REQ(:SCHEME)%",
        "%REQ(nope)%",
        "a%REQ(nope)%b",
        "%REQ(nope?x-a)%|%REQ(x-empty?x-a)%|%REQ(x-a?nope)%|%REQ(x-two)%",
        "%PATH%|%PATH(NQ)%|%PATH(WQ:PATH)%|%PATH(NQ:ORIG_OR_PATH)%|%PATH(WQ:ORIG)%",
        "%QUERY_PARAMS%|%QUERY_PARAMS(ORIG)%|%QUERY_PARAM(q)%|%QUERY_PARAM(q q)%|%QUERY_PARAM(nope)%|%QUERY_PARAM(flag)%",
        "%PROTOCOL%",
        "%HOSTNAME%|%ENVIRONMENT(PATH)%|%ENVIRONMENT(SERIN_NO_SUCH_VARIABLE)%",
        "%START_TIME(%Y-%j %a %b %F plain)%",
        "%START_TIME_LOCAL(%Y)%|%EMIT_TIME(%F %H)%",
        "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
        "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%|%FILTER_CHAIN_NAME%",
        "%REQUESTED_SERVER_NAME%|%DOWNSTREAM_TLS_VERSION%|%DOWNSTREAM_PEER_URI_SAN%|%DOWNSTREAM_TLS_CIPHER%",
        "%DOWNSTREAM_PEER_SUBJECT%|%DOWNSTREAM_PEER_CERT_V_END(%b %d %H:%M:%S %Y %Z)%|%DOWNSTREAM_LOCAL_DNS_SAN%",
        "%UPSTREAM_CLUSTER%|%UPSTREAM_CLUSTER_RAW%|%UPSTREAM_HOST%|%UPSTREAM_REMOTE_ADDRESS%|%UPSTREAM_LOCAL_PORT%",
        "%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%RESP(x-up)%|%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "%DYNAMIC_METADATA(ns:k)%|%DYNAMIC_METADATA(ns)%|%DYNAMIC_METADATA([\"ns\", \"k\"])%|%UPSTREAM_METADATA(ns:k)%",
        "%FILTER_STATE(none:PLAIN)%|%FILTER_STATE(none)%|%PER_REQUEST_STATE(none)%",
        "%CEL(request.method)%|%TRACE_ID%",
        "100%%|%%REQ(x-a)%%|%%%PROTOCOL%%%",
        "",
    ];
    let response = [
        "%REQ(x-a)%|%REQ(:PATH)%|%REQ(:AUTHORITY)%|%REQ(x-given)%|%REQ(nope)%",
        "%RESP(x-up)%|%RESP(:STATUS)%|%RESP(nope?x-up)%|%RESP(nope)%",
        "%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "%UPSTREAM_HOST%|%UPSTREAM_REMOTE_ADDRESS%|%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%UPSTREAM_REMOTE_PORT%",
        "%UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%|%UPSTREAM_TRANSPORT_FAILURE_REASON%|%UPSTREAM_CLUSTER%",
        "%PROTOCOL%|%HOSTNAME%|%START_TIME(%F)%|%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%|%PATH(NQ)%|%QUERY_PARAM(q)%",
        "%CLUSTER_METADATA(ns:k)%|%UPSTREAM_METADATA(ns:k)%|%DYNAMIC_METADATA(ns:k)%",
    ];
    let named = |values: &[&str], prefix: &str| -> Value {
        let named = values.iter().enumerate().map(|(place, value)| (format!("{prefix}-{place}"), json!(value)));
        named.collect::<serde_json::Map<_, _>>().into()
    };
    let mut given = named(&request, "x-q");
    merge(&mut given, &json!({"x-given": "%REQ(x-a)%2", "x-a": "other", "x-two": "%REQ(x-two)%-"}));
    let answered = named(&response, "x-s");
    let requests = || {
        let plain = get("/p/a?q=1%20+&flag&q=2&q%20q=x#f");
        let plain = Sent { target: plain.target.replace("#f", ""), ..plain };
        [
            plain.clone().with("x-a", "AAA").with("x-empty", "").with("x-two", "1").with("x-two", "2"),
            plain.with("x-q-2", "old").with("x-status", "503"),
            get("/").with("x-a", "é"),
            get("/?").by("POST"),
        ]
    };
    let headers = json!({"request": {"set": given, "remove": ["x-gone"]}, "response": {"set": answered}});
    let both = json!({
        "request_headers_to_add": set(&given), "request_headers_to_remove": ["x-gone"],
        "response_headers_to_add": set(&answered),
    });
    let rewritten = json!({"prefix_rewrite": "/new/", "host_rewrite_literal": "other.example"});
    let mut native_rewrite = both.clone();
    merge(&mut native_rewrite, &json!({"route": rewritten}));
    assert_same(
        vec![
            case(json!({"headers": headers}), both, requests()),
            case(
                json!({"headers": headers, "rewrite": {"uri": "/new/", "authority": "other.example"}}),
                native_rewrite,
                requests(),
            ),
            case(
                json!({
                    "directResponse": {"status": 418, "body": {"string": "tea"}},
                    "headers": {"response": {"set": {"x-b": "%REQ(x-a)%|%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%PROTOCOL%|%RESP(:status)%|%RESP(content-type)%"}}},
                }),
                json!({
                    "direct_response": {"status": 418, "body": {"inline_string": "tea"}},
                    "response_headers_to_add":
                        set(&json!({"x-b": "%REQ(x-a)%|%RESPONSE_CODE%|%RESPONSE_CODE_DETAILS%|%PROTOCOL%|%RESP(:status)%|%RESP(content-type)%"})),
                }),
                [get("/").with("x-a", "AAA"), get("/x")],
            ),
        ],
        false,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rewrites_are_those_of_envoys_own_routes() {
    let targets = || {
        let targets = ["/v1", "/v1/x", "/v1x", "/v1/x?q=1", "/v1?q=1", "/v1//", "/v1?", "/v1/v1"];
        targets.map(get)
    };
    let prefix = |uri: &str| {
        case(
            json!({"match": [{"uri": {"prefix": "/v1"}}], "rewrite": {"uri": uri}}),
            json!({"match": {"prefix": "/v1"}, "route": {"prefix_rewrite": uri}}),
            targets(),
        )
    };
    let pattern = |regex: &str, rewrite: &str| {
        case(
            json!({"rewrite": {"uriRegexRewrite": {"match": regex, "rewrite": rewrite}}}),
            json!({"route": {"regex_rewrite": {"pattern": {"regex": regex}, "substitution": rewrite}}}),
            targets(),
        )
    };
    let uris = ["v2", "/v2", "?x", "#f", "//x", "http://b.example/y", "*", ".", "v2?y=1", "/", "x#f?y"];
    let patterns = [
        ("^/v1/(.*)$", r"\1"),
        (".*()", r"\1"),
        ("/()", r"\1"),
        ("^/v1()", r"\1"),
        ("^/v1", "x"),
        ("1", "?"),
        ("^", "x"),
    ];
    let cases = uris.map(prefix).into_iter().chain(patterns.map(|(regex, rewrite)| pattern(regex, rewrite)));
    assert_same(cases.collect(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_and_direct_responses_are_those_of_envoys_own_routes() {
    let targets = || {
        let targets = ["/old", "/old/x", "/oldx", "/old/x?q=1", "/old?q=1", "/old?"];
        targets.map(get)
    };
    let whole =
        |uri: &str| case(json!({"redirect": {"uri": uri}}), json!({"redirect": {"path_redirect": uri}}), targets());
    let prefix = |uri: &str| {
        case(
            json!({"match": [{"uri": {"prefix": "/old"}}], "redirect": {"prefixRewrite": uri}}),
            json!({"match": {"prefix": "/old"}, "redirect": {"prefix_rewrite": uri}}),
            targets(),
        )
    };
    let uris = ["login", "/login", "?x", "#f", "//x", "http://b.example/y", "*", "login?z", "a#f", "."];
    let direct = |bytes: usize, status: u16| {
        let body = "a".repeat(bytes);
        case(
            json!({"directResponse": {"status": status, "body": {"string": body}}}),
            json!({"direct_response": {"status": status, "body": {"inline_string": body}}}),
            [get("/"), get("/x?y").by("POST")],
        )
    };
    let sizes = [(5_000, 200), (100_000, 404), (1 << 20, 200)];
    let mut cases: Vec<Case> = uris.map(whole).into_iter().chain(uris.map(prefix)).collect();
    cases.extend(sizes.map(|(bytes, status)| direct(bytes, status)));
    assert_same(cases, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_across_origins_are_answered_as_by_envoys_cors_filter() {
    let list = |items: &Value| -> String {
        items.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(",")
    };
    let requests = || {
        let origins = ["http://a.example", "http://ab.example", "http://z.example", "", "*", "null"];
        let headers = [None, Some(""), Some("Authorization, x-b"), Some("*")];
        let mut requests = Vec::new();
        for origin in origins {
            for asked in headers {
                let preflight =
                    get("/").by("OPTIONS").with("origin", origin).with("access-control-request-method", "PUT");
                requests.push(match asked {
                    Some(asked) => preflight.with("access-control-request-headers", asked),
                    None => preflight,
                });
            }
            requests.push(get("/").with("origin", origin));
            requests.push(get("/").by("OPTIONS").with("origin", origin));
            requests.push(get("/").by("OPTIONS").with("origin", origin).with("access-control-request-method", ""));
            let private = get("/").by("OPTIONS").with("origin", origin).with("access-control-request-method", "GET");
            requests.push(private.with("access-control-request-private-network", "true"));
            requests.push(get("/").with("origin", origin).with("origin", "http://a.example"));
        }
        requests.extend([get("/"), get("/").by("OPTIONS")]);
        requests
    };
    let origins = [
        json!([{"exact": "*"}]),
        json!([{"exact": "http://a.example"}, {"prefix": "http://ab"}]),
        json!([{"regex": "http://[a-c]+\\.example"}]),
        json!([{"regex": ".*"}]),
    ];
    let policies = origins.iter().flat_map(|origins| {
        let native: Value = origins
            .as_array()
            .unwrap()
            .iter()
            .map(|origin| match origin.get("regex") {
                Some(regex) => json!({"safe_regex": {"regex": regex}}),
                None => origin.clone(),
            })
            .collect();
        let more = [
            json!({"allowMethods": ["*"], "allowHeaders": ["*"], "allowCredentials": true, "exposeHeaders": ["*"]}),
            json!({"allowMethods": ["GET", "*"], "allowHeaders": ["x-b", "*"], "maxAge": "5s"}),
            json!({"allowMethods": ["*"], "allowHeaders": ["*"], "unmatchedPreflights": "IGNORE"}),
            json!({"allowCredentials": false, "unmatchedPreflights": "FORWARD"}),
        ];
        more.map(|more| {
            let mut policy = json!({"allowOrigins": origins});
            merge(&mut policy, &more);
            let mut cors = json!({
                "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
                "filter_enabled": {"default_value": {"numerator": 100}},
                "allow_origin_string_match": native,
                "forward_not_matching_preflights": policy.get("unmatchedPreflights") != Some(&json!("IGNORE")),
            });
            for (field, theirs) in [
                ("allowMethods", "allow_methods"),
                ("allowHeaders", "allow_headers"),
                ("exposeHeaders", "expose_headers"),
            ] {
                if let Some(items) = policy.get(field) {
                    cors[theirs] = list(items).into();
                }
            }
            if let Some(credentials) = policy.get("allowCredentials") {
                cors["allow_credentials"] = credentials.clone();
            }
            if policy.get("maxAge").is_some() {
                cors["max_age"] = "5".into();
            }
            let native = json!({"typed_per_filter_config": {"envoy.filters.http.cors": cors}});
            case(json!({"corsPolicy": policy}), native, requests())
        })
    });
    assert_same(policies.collect(), false).await;
}

/// Rules about time and retries, with requests that say something of them too.
fn timeouts_and_retries() -> Vec<Case> {
    let tries = json!({"x-tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"});
    let with_tries = |mut rule: Value, mut native: Value, requests: Vec<Sent>| {
        merge(&mut rule, &json!({"headers": {"response": {"set": tries}}}));
        merge(&mut native, &json!({"response_headers_to_add": set(&tries)}));
        case(rule, native, requests)
    };
    const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";
    let grpc = || get("/s/m").by("POST").with("content-type", "application/grpc");
    let deadlines = || {
        let mut requests = vec![get("/"), grpc(), get("/").with("grpc-timeout", "300m")];
        for text in [
            "300m",
            "0m",
            "3S",
            "bad",
            "1H",
            "99999999H",
            "123456789m",
            "99999999n",
            "250000u",
            "",
            "-1S",
            "+7S",
            "1 S",
        ] {
            requests.push(grpc().with("grpc-timeout", text));
        }
        for kind in ["application/grpc+proto", "application/grpc-web", "application/grpc;x", "application/json"] {
            requests.push(get("/").with("content-type", kind).with("grpc-timeout", "4S"));
        }
        for text in ["700", "0", "soon", "", "+800", "-8", "18446744073709551616"] {
            requests.push(get("/").with(TIMEOUT, text));
            requests.push(grpc().with("grpc-timeout", "3S").with(TIMEOUT, text));
        }
        requests.push(get("/").with("x-envoy-expected-rq-timeout-ms", "7"));
        requests.push(get("/").with("x-envoy-upstream-rq-per-try-timeout-ms", "60"));
        requests.push(grpc().with("grpc-timeout", "100m").with("x-after", "1500"));
        requests.push(get("/").with(TIMEOUT, "100").with("x-after", "1500"));
        requests
    };
    let retries = || {
        let mut requests = Vec::new();
        for status in ["200", "404", "409", "503"] {
            let plain = get("/").with("x-status", status);
            requests.push(plain.clone());
            for (name, value) in [
                ("x-envoy-max-retries", "3"),
                ("x-envoy-max-retries", "0"),
                ("x-envoy-max-retries", "many"),
                ("x-envoy-retry-on", "5xx"),
                ("x-envoy-retry-on", "retriable-4xx"),
                ("x-envoy-retry-on", "retriable-status-codes"),
                ("x-envoy-retry-on", "nonsense"),
                ("x-envoy-retry-on", ""),
                ("x-envoy-retriable-status-codes", "404"),
            ] {
                requests.push(plain.clone().with(name, value));
            }
            let both =
                plain.clone().with("x-envoy-retry-on", "5xx,retriable-status-codes").with("x-envoy-max-retries", "4");
            requests.push(both.clone());
            requests.push(both.with("x-envoy-retriable-status-codes", "404,409"));
        }
        requests.push(grpc().with("x-grpc", "13").with("x-envoy-retry-grpc-on", "internal"));
        requests.push(grpc().with("x-grpc", "13"));
        requests
    };
    let policy = |fields: Value| json!({"route": {"retry_policy": fields}});
    vec![
        with_tries(json!({}), json!({}), [deadlines(), retries()].concat()),
        with_tries(
            json!({"timeout": "5s"}),
            json!({"route": {"timeout": "5s", "max_grpc_timeout": "5s"}}),
            deadlines(),
        ),
        with_tries(
            json!({"timeout": "0.5s"}),
            json!({"route": {"timeout": "0.5s", "max_grpc_timeout": "0.5s"}}),
            deadlines(),
        ),
        with_tries(
            json!({"timeout": "5s", "retries": {"attempts": 1, "perTryTimeout": "2s", "retryOn": "5xx"}}),
            {
                let mut native = policy(json!({"retry_on": "5xx", "num_retries": 1, "per_try_timeout": "2s"}));
                merge(&mut native, &json!({"route": {"timeout": "5s", "max_grpc_timeout": "5s"}}));
                native
            },
            [deadlines(), retries()].concat(),
        ),
        with_tries(
            json!({"retries": {"attempts": 2, "retryOn": "connect-failure,404"}}),
            policy(json!({
                "retry_on": "connect-failure,retriable-status-codes", "retriable_status_codes": [404], "num_retries": 2,
            })),
            retries(),
        ),
        with_tries(json!({"retries": {"attempts": 0}}), json!({"route": {"retry_policy": null}}), retries()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_and_retries_of_trusted_callers_count_as_with_envoys_own_routes() {
    assert_same(timeouts_and_retries(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_and_retries_of_other_callers_do_not_count() {
    assert_same(timeouts_and_retries(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_header_says_of_retries_is_on_a_route_of_its_own() {
    let tries = json!({"headers": {"response": {"set": {"x-tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%"}}}});
    let with = |retries: Value| {
        let mut rule = json!({"retries": retries});
        merge(&mut rule, &tries);
        case(rule, json!({}), [])
    };
    let cases = [
        with(json!({"attempts": 4, "retryOn": "5xx"})),
        with(json!({"attempts": 4, "retryOn": "5xx", "backoff": "300ms"})),
        with(json!({"attempts": 1, "retryOn": "5xx", "retryRemoteLocalities": true})),
        with(json!({"attempts": 1, "retryOn": "5xx", "retryIgnorePreviousHosts": false})),
    ];
    let (process, filter, _) = envoy(&cases, false).await;
    let ask = |place: usize| {
        let started = Instant::now();
        let got = ask(filter, place, &get("/").with("x-status", "503"));
        assert!(!got.body.contains("x-serin-retry"), "the upstream does not see it: {}", got.body);
        (got.headers.iter().find(|header| header.starts_with("x-tries")).cloned(), started.elapsed())
    };
    let tries = |count: usize| Some(format!("x-tries: {count}"));
    // Envoy waits at random up to the interval, twice as long each time, but ten times the first at most: by default 25 ms.
    let (usual, least) = (Duration::from_millis(375), 3);
    let times: Vec<Duration> = (0..least)
        .map(|_| ask(1))
        .map(|(seen, time)| {
            assert_eq!(seen, tries(5));
            time
        })
        .collect();
    assert!(times.iter().max().is_some_and(|time| *time > usual), "{times:?} are no longer than without backoff");
    assert_eq!(ask(0).0, tries(5));
    assert_eq!(ask(2).0, tries(2));
    assert_eq!(ask(3).0, tries(2));
    process.stop().await;
}

//! What a rule does with a request beside routing it.

use crate::scene::{Get, arrived, decide, get, policy, refusal, rules, test};
use serde_json::{Value, json};
use serin_traffic::{Change, Outcome, Reply, Request, Ticket};
use std::time::Duration;

/// What becomes of a request.
struct Met {
    reply: Option<Reply>,
    /// The request as it leaves, after the destination's changes.
    upstream: Vec<(String, Vec<u8>)>,
    response: Vec<Change>,
}

impl Met {
    fn upstream(&self, name: &str) -> Option<String> {
        let values: Vec<_> =
            self.upstream.iter().filter(|(header, _)| header == name).map(|(_, value)| value).collect();
        (!values.is_empty())
            .then(|| values.iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>().join(","))
    }

    #[track_caller]
    fn location(&self) -> String {
        let reply = self.reply.as_ref().expect("it is answered");
        let location = reply.headers.iter().find(|(name, _)| name == "location").map(|(_, value)| value.clone());
        String::from_utf8(location.expect("it has a location")).expect("it is text")
    }

    fn answered(&self, name: &str) -> Option<String> {
        let mut headers = Vec::new();
        self.response.iter().for_each(|change| change.apply(&mut headers));
        let values: Vec<_> = headers.iter().filter(|(header, _)| header == name).map(|(_, value)| value).collect();
        (!values.is_empty())
            .then(|| values.iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>().join(","))
    }
}

#[track_caller]
fn meet(http: Value, request: &Get) -> Met {
    let policy = policy(rules(http));
    let decision = decide(&policy, request, 0);
    let mut upstream: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
        .collect();
    decision.request.iter().for_each(|change| change.apply(&mut upstream));
    Met { reply: decision.reply, upstream, response: decision.response.changes(&arrived(200, &[])) }
}

/// A rule with these fields beside an only destination.
fn with(mut fields: Value) -> Value {
    fields["route"] = json!([{"destination": {"host": "reviews"}}]);
    json!([fields])
}

fn reviews(target: &str) -> Get {
    get("reviews:9080", target)
}

#[test]
fn a_prefix_is_replaced_where_a_prefix_matched() {
    let rule = |uri: Value| json!([{"match": [{"uri": uri}], "rewrite": {"uri": "/v2"}, "route": [{"destination": {"host": "reviews"}}]}]);
    let path = |uri: Value, target: &str| meet(rule(uri), &reviews(target)).upstream(":path").expect("it has one");
    assert_eq!(path(json!({"prefix": "/api"}), "/api/cart?a=b"), "/v2/cart?a=b");
    assert_eq!(path(json!({"prefix": "/api/"}), "/api/cart"), "/v2cart");
    assert_eq!(path(json!({"exact": "/api"}), "/api?a"), "/v2?a");
    assert_eq!(path(json!({"regex": "/a.*"}), "/api/cart?a"), "/v2?a");
    assert_eq!(path(json!({}), "/foo"), "/v2foo", "without a match of the path Istio writes the prefix /");
}

#[test]
fn the_path_before_is_kept_as_envoy_keeps_it() {
    let met = meet(with(json!({"rewrite": {"uri": "/v2/"}})), &reviews("/cart"));
    assert_eq!(met.upstream("x-envoy-original-path").as_deref(), Some("/cart"));
}

#[test]
fn a_pattern_is_replaced_wherever_it_matches_in_the_path() {
    let rewrite = json!({"rewrite": {"uriRegexRewrite": {"match": "/v[0-9]+/([a-z]+)", "rewrite": "/\\1"}}});
    assert_eq!(
        meet(with(rewrite.clone()), &reviews("/v1/cart/v2/item?/v3/x")).upstream(":path").as_deref(),
        Some("/cart/item?/v3/x")
    );
}

#[test]
fn the_authority_comes_from_the_rewrite_or_the_headers() {
    let rewrite = json!({"rewrite": {"authority": "a.example"}});
    assert_eq!(meet(with(rewrite), &reviews("/")).upstream(":authority").as_deref(), Some("a.example"));
    let headers = json!({"headers": {"request": {"set": {":authority": "b.example"}}}});
    assert_eq!(meet(with(headers), &reviews("/")).upstream(":authority").as_deref(), Some("b.example"));
}

#[test]
fn headers_are_removed_then_set_then_added() {
    let headers = json!({"headers": {"request": {
        "remove": ["x-a", "X-B", "x-c"], "set": {"x-b": "set"}, "add": {"x-b": "added", "x-c": "added", "x-percent": "100%%"}}}});
    let met = meet(with(headers), &reviews("/").header("x-a", "1").header("x-b", "1").header("x-c", "1"));
    assert_eq!(met.upstream("x-a"), None);
    assert_eq!(met.upstream("x-b").as_deref(), Some("set,added"));
    assert_eq!(met.upstream("x-c").as_deref(), Some("added"));
    assert_eq!(met.upstream("x-percent").as_deref(), Some("100%"));
}

#[test]
fn an_only_destination_has_the_last_word_on_headers() {
    let rule = json!([{"headers": {"request": {"set": {"x-a": "rule"}}, "response": {"set": {"x-r": "rule"}}},
        "route": [{"destination": {"host": "reviews"}, "headers": {
            "request": {"set": {"x-a": "destination"}}, "response": {"set": {"x-r": "destination"}}}}]}]);
    let met = meet(rule, &reviews("/"));
    assert_eq!(met.upstream("x-a").as_deref(), Some("destination"));
    assert_eq!(met.answered("x-r").as_deref(), Some("destination"));
}

#[test]
fn among_several_destinations_the_rule_has_the_last_word() {
    let rule = json!([{"headers": {"request": {"set": {"x-a": "rule"}, "add": {"x-b": "rule"}}, "response": {"set": {"x-r": "rule"}}},
        "route": [
            {"destination": {"host": "reviews"}, "weight": 1, "headers": {
                "request": {"set": {"x-a": "destination", "x-b": "destination"}}, "response": {"set": {"x-r": "destination"}}}},
            {"destination": {"host": "ratings"}, "weight": 1}]}]);
    let met = meet(rule, &reviews("/").header("x-b", "client"));
    assert_eq!(met.upstream("x-a").as_deref(), Some("rule"));
    assert_eq!(met.upstream("x-b").as_deref(), Some("destination,rule"));
    assert_eq!(met.answered("x-r").as_deref(), Some("rule"));
}

#[test]
fn a_redirect_changes_what_it_names_and_keeps_the_rest() {
    let location = |redirect: Value, target: &str| {
        let rule = json!([{"match": [{"uri": {"prefix": "/a"}}], "redirect": redirect}]);
        meet(rule, &reviews(target)).location()
    };
    assert_eq!(location(json!({"uri": "/b"}), "/a/x?c=d"), "http://reviews:9080/b?c=d");
    assert_eq!(location(json!({"uri": "/b?e"}), "/a?c=d"), "http://reviews:9080/b?e");
    assert_eq!(location(json!({"prefixRewrite": "/b"}), "/a/x?c"), "http://reviews:9080/b/x?c");
    assert_eq!(location(json!({"authority": "b.example"}), "/a"), "http://b.example/a");
    assert_eq!(location(json!({"scheme": "https"}), "/a"), "https://reviews:9080/a");
    assert_eq!(location(json!({"port": 8443, "scheme": "https"}), "/a"), "https://reviews:8443/a");
    assert_eq!(
        location(json!({"authority": "b.example", "scheme": "https", "port": 443}), "/a"),
        "https://b.example/a"
    );
}

#[test]
fn a_redirect_to_the_requests_port_has_that_of_the_listener_where_the_configuration_says_none() {
    let rule = |redirect: Value| json!([{"redirect": redirect}]);
    let of_request = json!({"authority": "b.example", "derivePort": "FROM_REQUEST_PORT"});
    let met = |port: u16| meet(rule(of_request.clone()), &reviews("/a").port(port)).location();
    assert_eq!([met(8080), met(80)], ["http://b.example:8080/a", "http://b.example/a"]);
    // A proxy that says no port leaves that of the request's authority.
    assert_eq!(
        meet(rule(json!({"derivePort": "FROM_REQUEST_PORT"})), &reviews("/a")).location(),
        "http://reviews:9080/a"
    );
}

#[test]
fn a_redirect_is_301_unless_it_says_otherwise() {
    let status =
        |redirect: Value| meet(json!([{"redirect": redirect}]), &reviews("/")).reply.expect("it is answered").status;
    assert_eq!(status(json!({"uri": "/b"})), 301);
    assert_eq!(status(json!({"uri": "/b", "redirectCode": 307})), 307);
}

#[test]
fn a_direct_response_is_answered_with_the_rules_headers() {
    let rule = json!([{"directResponse": {"status": 503, "body": {"string": "closed"}}, "headers": {"response": {"set": {"retry-after": "60"}}}}]);
    let reply = meet(rule, &reviews("/")).reply.expect("it is answered");
    assert_eq!((reply.status, &*reply.body), (503, &b"closed"[..]));
    assert_eq!(reply.headers, [("retry-after".to_owned(), b"60".to_vec())]);
    let bytes = json!([{"directResponse": {"status": 200, "body": {"bytes": "/wA="}}}]);
    assert_eq!(meet(bytes, &reviews("/")).reply.expect("it is answered").body, b"\xff\x00");
    let long = "a".repeat(1 << 20);
    let rule = json!([{"directResponse": {"status": 200, "body": {"string": long}}}]);
    assert_eq!(meet(rule, &reviews("/")).reply.expect("it is answered").body.len(), 1 << 20);
}

#[test]
fn a_fault_is_for_its_share_and_without_percentage_for_nobody() {
    let fault = |fault: Value| {
        let policy = policy(rules(with(json!({"fault": fault}))));
        let Outcome::Rule(applied) = policy.route(&reviews("/")) else { panic!("a rule applies") };
        policy.rule(applied.rule).and_then(|rule| rule.fault()).expect("it has one").clone()
    };
    let half = fault(
        json!({"abort": {"httpStatus": 418, "percentage": {"value": 50}}, "delay": {"fixedDelay": "1.5s", "percent": 100}}),
    );
    assert_eq!(half.abort(|| Ticket(0)).map(|reply| reply.status), Some(418));
    assert_eq!(half.abort(|| Ticket(u64::MAX)), None);
    assert_eq!(half.delay(|| Ticket(u64::MAX)), Some(Duration::from_millis(1_500)));
    let never = fault(json!({"abort": {"grpcStatus": "UNAVAILABLE"}, "delay": {"fixedDelay": "1s"}}));
    assert_eq!((never.abort(|| Ticket(0)), never.delay(|| Ticket(0))), (None, None));
    let grpc = fault(json!({"abort": {"grpcStatus": "UNAVAILABLE", "percentage": {"value": 100}}}));
    assert_eq!(grpc.abort(|| Ticket(0)).and_then(|reply| reply.grpc_status), Some(14));
}

#[test]
fn timeout_and_retries_are_said_in_envoys_headers() {
    let met = meet(
        with(
            json!({"timeout": "1.5s", "retries": {"attempts": 3, "perTryTimeout": "250ms", "retryOn": "5xx,unavailable,503"}}),
        ),
        &reviews("/"),
    );
    assert_eq!(met.upstream("x-envoy-upstream-rq-timeout-ms").as_deref(), Some("1500"));
    assert_eq!(met.upstream("x-envoy-upstream-rq-per-try-timeout-ms").as_deref(), Some("250"));
    assert_eq!(met.upstream("x-envoy-max-retries").as_deref(), Some("3"));
    assert_eq!(met.upstream("x-envoy-retry-on").as_deref(), Some("5xx,retriable-status-codes"));
    assert_eq!(met.upstream("x-envoy-retry-grpc-on").as_deref(), Some("unavailable"));
    assert_eq!(met.upstream("x-envoy-retriable-status-codes").as_deref(), Some("503"));
    let never = meet(with(json!({"retries": {"attempts": 0}})), &reviews("/"));
    assert_eq!(never.upstream("x-envoy-max-retries").as_deref(), Some("0"));
}

fn cors() -> Value {
    with(json!({"corsPolicy": {
        "allowOrigins": [{"exact": "https://a.example"}, {"regex": "https://[a-z]+\\.b\\.example"}],
        "allowMethods": ["GET", "POST"], "allowHeaders": ["x-a"], "exposeHeaders": ["x-b"], "maxAge": "24h", "allowCredentials": true}}))
}

#[test]
fn a_preflight_of_an_allowed_origin_is_answered() {
    let preflight = |origin: &str| {
        let mut request = reviews("/").header("origin", origin).header("access-control-request-method", "POST");
        request = request.method("OPTIONS");
        meet(cors(), &request).reply
    };
    let reply = preflight("https://x.b.example").expect("it is answered");
    let header = |name: &str| {
        reply
            .headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
    };
    assert_eq!(reply.status, 200);
    assert_eq!(header("access-control-allow-origin").as_deref(), Some("https://x.b.example"));
    assert_eq!(header("access-control-allow-methods").as_deref(), Some("GET,POST"));
    assert_eq!(header("access-control-max-age").as_deref(), Some("86400"));
    assert_eq!(preflight("https://c.example"), None, "it goes on to the upstream");
}

#[test]
fn answers_to_an_allowed_origin_say_so() {
    let met = meet(cors(), &reviews("/").header("origin", "https://a.example"));
    assert_eq!(met.answered("access-control-allow-origin").as_deref(), Some("https://a.example"));
    assert_eq!(met.answered("access-control-expose-headers").as_deref(), Some("x-b"));
    assert_eq!(
        meet(cors(), &reviews("/").header("origin", "https://c.example")).answered("access-control-allow-origin"),
        None
    );
}

#[test]
fn actions_that_cannot_be_are_refused() {
    let of = |rule: Value| {
        let text = refusal(rules(rule));
        text.strip_prefix("resources[0].spec.http[0]").map(str::to_owned).unwrap_or(text)
    };
    for (fields, reason) in [
        (json!({"timeout": "1"}), ".timeout: `1` is not a duration such as 90s or 1h30m"),
        (json!({"timeout": "1us"}), ".timeout: 1us is less than a millisecond"),
        (json!({"retries": {"attempts": -1}}), ".retries.attempts: -1 is negative"),
        (
            json!({"retries": {"attempts": 1, "retryOn": "5xxx"}}),
            ".retries.retryOn: `5xxx` is neither one of Envoy's conditions nor a status code",
        ),
        (json!({"retries": {"attempts": 0, "retryOn": "5xx"}}), ".retries.retryOn: has no effect: attempts is 0"),
        (
            json!({"retries": {"attempts": 0, "retryRemoteLocalities": false}}),
            ".retries.retryRemoteLocalities: has no effect: attempts is 0",
        ),
        (json!({"retries": {"attempts": 1, "backoff": "1us"}}), ".retries.backoff: 1us is less than a millisecond"),
        (json!({"rewrite": {}}), ".rewrite: must have uri, uriRegexRewrite or authority"),
        (
            json!({"rewrite": {"uri": "/a", "uriRegexRewrite": {"match": "a", "rewrite": "b"}}}),
            ".rewrite: has both uri and uriRegexRewrite",
        ),
        (
            json!({"headers": {"request": {"set": {"x-a": "%DURATION%"}}}}),
            ".headers.request.set.x-a: %DURATION% is not an operator that Serin serves (docs/header-values.md)",
        ),
        (
            json!({"headers": {"response": {"add": {"x-a": "%REQ(x-b):10%"}}}}),
            ".headers.response.add.x-a: %REQ(x-b): Istio takes no length behind an operator",
        ),
        (
            json!({"headers": {"request": {"set": {"x-a": "5%"}}}}),
            ".headers.request.set.x-a: `%` is not one of Envoy's operators; a per cent sign is written %%",
        ),
        (
            json!({"headers": {"request": {"set": {":path": "/"}}}}),
            ".headers.request.set.:path: :path is a pseudo-header: of those only :authority can be changed",
        ),
        (
            json!({"headers": {"request": {"remove": [""]}}}),
            ".headers.request.remove[0]: `` is not the name of a header",
        ),
        (json!({"fault": {}}), ".fault: must have delay or abort"),
        (
            json!({"fault": {"abort": {"httpStatus": 42}}}),
            ".fault.abort.httpStatus: 42 is not a status code from 200 to 600",
        ),
        (
            json!({"fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 101}}}}),
            ".fault.delay.percentage.value: 101 is not from 0 to 100",
        ),
        (json!({"fault": {"delay": {"percent": 101}}}), ".fault.delay.percent: 101 is not from 0 to 100"),
        (
            json!({"corsPolicy": {"allowOrigins": [{}]}}),
            ".corsPolicy.allowOrigins[0]: must have exact, prefix or regex",
        ),
        (
            json!({"corsPolicy": {"unmatchedPreflights": "DROP"}}),
            ".corsPolicy.unmatchedPreflights: DROP is not one of UNSPECIFIED, FORWARD, IGNORE",
        ),
    ] {
        assert_eq!(of(with(fields)), reason);
    }
    for (rule, reason) in [
        (json!({"redirect": {}}), ".redirect: must have uri, authority, scheme or port"),
        (
            json!({"redirect": {"uri": "/", "redirectCode": 304}}),
            ".redirect.redirectCode: 304 is not one of 301, 302, 303, 307, 308",
        ),
        (json!({"redirect": {"uri": "/", "scheme": "ftp"}}), ".redirect.scheme: ftp is neither http nor https"),
        (json!({"redirect": {"uri": "/", "prefixRewrite": "/"}}), ".redirect: has both uri and prefixRewrite"),
        (json!({"directResponse": {"status": 99}}), ".directResponse.status: 99 is not a status code from 200 to 599"),
        (
            json!({"directResponse": {"status": 200, "body": {"string": "a".repeat((1 << 20) + 1)}}}),
            ".directResponse.body: 1048577 bytes are more than 1048576",
        ),
    ] {
        assert_eq!(of(json!([rule])), reason);
    }
}

//! RouteRules: what is refused, what is only warned of, and that nothing depends on the order of manifests.
//!
//! What is refused is what Istio 0.6 refused (`pilot/pkg/model/validation.go`, `ValidateRouteRule`), unless a test says
//! otherwise.

use crate::scene::{cluster, compiled, get, policy, refusal, test, virtual_service, warnings};
use proptest::prelude::*;
use serde_json::{Value, json};
use serin_traffic::{Outcome, Policy};

/// A RouteRule `default/{name}`.
fn route_rule(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "config.istio.io/v1alpha2", "kind": "RouteRule",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    })
}

/// A rule for `reviews` that says this besides.
fn spec(mut more: Value) -> Value {
    let fields = more.as_object_mut().expect("it is an object");
    fields.entry("destination").or_insert_with(|| json!({"name": "reviews"}));
    more
}

/// The refusal of a rule that says this besides, without the path of the rule.
#[track_caller]
fn refused(more: Value) -> String {
    let text = refusal(json!({"resources": [route_rule("a", spec(more))]}));
    text.strip_prefix("resources[0].spec.").map(str::to_owned).unwrap_or(text)
}

#[track_caller]
fn taken(more: Value) -> Policy {
    policy(json!({"resources": [route_rule("a", spec(more))]}))
}

/// What is suspect about a rule that says this besides, without the path of the rule.
#[track_caller]
fn warned(more: Value) -> Vec<String> {
    let warnings = warnings(json!({"resources": [route_rule("a", spec(more))]}));
    warnings.iter().map(|text| text.strip_prefix("resources[0].spec.").unwrap_or(text).to_owned()).collect()
}

#[test]
fn weights_that_do_not_add_up_to_100_are_refused() {
    let route = |weights: &[i64]| {
        let entry = |weight: &i64| json!({"labels": {"version": format!("v{weight}")}, "weight": weight});
        json!({"route": weights.iter().map(entry).collect::<Vec<_>>()})
    };
    assert_eq!(refused(route(&[50, 40])), "route: the weights add up to 90, not to 100");
    assert_eq!(refused(route(&[50])), "route: the weights add up to 50, not to 100");
    assert_eq!(refused(route(&[0, 0])), "route: the weights add up to 0, not to 100");
    assert_eq!(refused(json!({"route": []})), "route: the weights add up to 0, not to 100");
    assert_eq!(refused(route(&[100, 1])), "route: the weights add up to 101, not to 100");
    assert_eq!(refused(route(&[-1, 101])), "route[0].weight: -1 is not from 0 to 100");
    assert_eq!(refused(route(&[200, -100])), "route[0].weight: 200 is not from 0 to 100");
    taken(route(&[100]));
    taken(route(&[0]));
    taken(route(&[1, 99]));
}

#[test]
fn a_service_that_is_not_named_once_is_refused() {
    let of = |service: Value| refused(json!({"destination": service}));
    assert_eq!(
        refusal(json!({"resources": [route_rule("a", json!({}))]})),
        "resources[0].spec.destination: must not be missing"
    );
    assert_eq!(of(json!({})), "destination: must have name or service");
    assert_eq!(of(json!({"name": "a", "service": "a.b"})), "destination: has both name and service");
    assert_eq!(of(json!({"name": "a.b"})), "destination.name: a.b is not a label of RFC 1123");
    assert_eq!(of(json!({"name": "A"})), "destination.name: A is not a label of RFC 1123");
    assert_eq!(of(json!({"name": "a", "namespace": "b_c"})), "destination.namespace: b_c is not a label of RFC 1123");
    assert_eq!(of(json!({"name": "a", "domain": "b..c"})), "destination.domain: b..c is not a domain");
    let beside = "cannot stand beside service, which is a full name";
    assert_eq!(of(json!({"service": "a.b", "namespace": "c"})), format!("destination.namespace: {beside}"));
    assert_eq!(of(json!({"service": "a.b", "domain": "c"})), format!("destination.domain: {beside}"));
    assert!(of(json!({"service": "a b"})).starts_with("destination.service: a b is not a host name"));
    assert!(of(json!({"service": "10.0.0.0/99"})).starts_with("destination.service: 10.0.0.0/99 is neither"));
    assert_eq!(
        of(json!({"name": "a", "labels": {"version": "v1"}})),
        "destination.labels: must be empty: labels stand in route"
    );
    assert_eq!(refused(json!({"mirror": {}})), "mirror: must have name or service");
    assert_eq!(
        refused(json!({"match": {"source": {"labels": {"a": "b"}}}})),
        "match.source: must have name or service"
    );
    let entry = json!({"destination": {}, "weight": 100});
    assert_eq!(refused(json!({"route": [entry]})), "route[0].destination: must have name or service");
}

#[test]
fn labels_that_no_pod_has_are_refused() {
    let reason = "has a character that is not one of letters, digits and -_./";
    let labels = json!({"version": "v 1"});
    assert_eq!(refused(json!({"route": [{"labels": labels}]})), format!("route[0].labels.version: `v 1` {reason}"));
    let mirror = json!({"name": "a", "labels": {"b|c": "d"}});
    assert_eq!(refused(json!({"mirror": mirror})), format!("mirror.labels.b|c: `b|c` {reason}"));
    taken(json!({"route": [{"labels": {"app.kubernetes.io/version": "1.0_a-b"}}]}));
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let of = |name: &str, text: Value| refused(json!({"match": {"request": {"headers": {name: text}}}}));
    assert_eq!(of("X-A", json!({"exact": "b"})), "match.request.headers.X-A: `X-A` must be in lower case");
    assert_eq!(of("", json!({"exact": "b"})), "match.request.headers.: `` is not the name of a header");
    assert_eq!(of("x-a", json!({})), "match.request.headers.x-a: must have exact, prefix or regex");
    let both = json!({"exact": "b", "regex": "b"});
    assert_eq!(of("x-a", both), "match.request.headers.x-a: has more than one of exact, prefix and regex");
    for way in ["exact", "prefix", "regex"] {
        assert_eq!(of("uri", json!({way: ""})), format!("match.request.headers.uri.{way}: must not be empty"));
    }
    assert_eq!(refused(json!({"match": {"udp": {}}})), "match.udp: is not implemented, in Istio neither");
    let subnet = json!({"match": {"tcp": {"sourceSubnet": ["10.0.0.0/8", "fd00::/8"]}}});
    assert!(refused(subnet).starts_with("match.tcp.sourceSubnet[1]: fd00::/8 is neither an IPv4 address nor a subnet"));
}

/// Istio handed them to Envoy, which refused the whole configuration.
#[test]
fn a_regular_expression_that_cannot_be_is_refused_where_it_stands() {
    let of = |name: &str| refused(json!({"match": {"request": {"headers": {name: {"regex": "a("}}}}}));
    for name in ["uri", "method", "x-a"] {
        let text = of(name);
        assert!(text.starts_with(&format!("match.request.headers.{name}.regex: `a(`: ")), "{text}");
    }
}

#[test]
fn a_redirect_stands_alone() {
    let redirect = |more: Value| {
        let mut spec = more;
        spec["redirect"] = json!({"uri": "/b"});
        refused(spec)
    };
    assert_eq!(redirect(json!({"route": [{"weight": 100}]})), "route: cannot stand beside redirect");
    assert_eq!(redirect(json!({"rewrite": {"uri": "/c"}})), "rewrite: cannot stand beside redirect");
    assert_eq!(redirect(json!({"websocketUpgrade": true})), "websocketUpgrade: cannot stand beside redirect");
    assert_eq!(redirect(json!({"httpFault": {}})), "httpFault: cannot stand beside redirect");
    assert_eq!(refused(json!({"redirect": {}})), "redirect: must have uri or authority");
    assert_eq!(refused(json!({"rewrite": {"uri": ""}})), "rewrite: must have uri or authority");
}

#[test]
fn times_that_are_missing_or_too_short_are_refused() {
    let timeout = |simple: Value| refused(json!({"httpReqTimeout": {"simpleTimeout": simple}}));
    assert_eq!(timeout(json!({})), "httpReqTimeout.simpleTimeout.timeout: must not be missing");
    for text in ["0s", "500us", "1d", "soon"] {
        let shown = timeout(json!({"timeout": text}));
        assert!(shown.starts_with("httpReqTimeout.simpleTimeout.timeout: "), "{shown}");
    }
    let retry = |simple: Value| refused(json!({"httpReqRetries": {"simpleRetry": simple}}));
    assert_eq!(retry(json!({"attempts": 3})), "httpReqRetries.simpleRetry.perTryTimeout: must not be missing");
    let negative = json!({"attempts": -1, "perTryTimeout": "1s"});
    assert_eq!(retry(negative), "httpReqRetries.simpleRetry.attempts: -1 is negative");
    let delay = |delay: Value| refused(json!({"httpFault": {"delay": delay}}));
    assert_eq!(delay(json!({"percent": 10})), "httpFault.delay.fixedDelay: must not be missing");
    assert_eq!(
        delay(json!({"percent": 10, "exponentialDelay": "1s"})),
        "httpFault.delay.exponentialDelay: is not implemented, in Istio neither"
    );
}

#[test]
fn faults_that_cannot_be_are_refused() {
    let abort = |abort: Value| refused(json!({"httpFault": {"abort": abort}}));
    assert_eq!(abort(json!({"percent": 101, "httpStatus": 500})), "httpFault.abort.percent: 101 is not from 0 to 100");
    assert_eq!(abort(json!({"percent": -0.5})), "httpFault.abort.percent: -0.5 is not from 0 to 100");
    assert_eq!(
        abort(json!({"percent": 1, "httpStatus": 601})),
        "httpFault.abort.httpStatus: 601 is not a status code from 200 to 600"
    );
    assert_eq!(
        abort(json!({"percent": 1, "grpcStatus": "UNAVAILABLE"})),
        "httpFault.abort.grpcStatus: is not implemented, in Istio neither"
    );
    assert_eq!(refused(json!({"l4Fault": {}})), "l4Fault: is not implemented, in Istio neither");
}

#[test]
fn headers_that_cannot_be_appended_are_refused() {
    let of = |name: &str, value: &str| refused(json!({"appendHeaders": {name: value}}));
    assert_eq!(of("X-A", "b"), "appendHeaders.X-A: `X-A` must be in lower case");
    assert_eq!(of("x-a", ""), "appendHeaders.x-a: must not be empty");
    // Istio took it, and requests had two hosts.
    assert_eq!(of("host", "b"), "appendHeaders.host: cannot be appended: rewrite.authority sets the authority");
}

#[test]
fn origins_that_cannot_be_are_refused() {
    let of = |cors: Value| refused(json!({"corsPolicy": cors}));
    assert_eq!(of(json!({"maxAge": "1.5s"})), "corsPolicy.maxAge: 1.5s is not a number of whole seconds");
    assert_eq!(of(json!({"allowHeaders": ["X-A"]})), "corsPolicy.allowHeaders[0]: `X-A` must be in lower case");
    assert_eq!(
        of(json!({"exposeHeaders": ["x-a", "X-B"]})),
        "corsPolicy.exposeHeaders[1]: `X-B` must be in lower case"
    );
    assert!(
        of(json!({"allowMethods": ["get"]})).starts_with("corsPolicy.allowMethods[0]: get is not one of GET, HEAD")
    );
}

#[test]
fn a_field_that_a_route_rule_does_not_have_is_refused() {
    assert!(refused(json!({"mirorr": {}})).starts_with("mirorr: unknown field `mirorr`"));
    assert!(refused(json!({"route": [{"tags": {}}]})).starts_with("route[0].tags: unknown field `tags`"));
    let old = json!({"apiVersion": "networking.istio.io/v1", "kind": "RouteRule", "metadata": {"name": "a"}});
    // Nothing says in which words, but it is refused or passed by, and never taken for a rule.
    let resources = json!({"resources": [old]});
    let configuration = serin_traffic::written::Configuration::from_value(resources).expect("it is a configuration");
    if let Ok(compiled) = Policy::compile(&configuration, &Default::default()) {
        assert_eq!(cluster(&compiled.policy, &get("reviews:9080", "/")), "-");
    }
}

#[test]
fn what_istio_did_not_look_at_is_warned_of() {
    let ignored = "has no effect, as in Istio";
    let spec = json!({
        "httpReqTimeout": {"custom": {}, "simpleTimeout": {"timeout": "1s", "overrideHeaderName": "x"}},
        "httpReqRetries": {"custom": {}, "simpleRetry": {"attempts": 1, "perTryTimeout": "1s", "overrideHeaderName": "x"}},
        "httpFault": {
            "delay": {"percent": 1, "fixedDelay": "1s", "overrideHeaderName": "x"},
            "abort": {"percent": 1, "httpStatus": 500, "overrideHeaderName": "x"},
        },
    });
    let fields = [
        "httpReqTimeout.custom",
        "httpReqTimeout.simpleTimeout.overrideHeaderName",
        "httpReqRetries.custom",
        "httpReqRetries.simpleRetry.overrideHeaderName",
        "httpFault.delay.overrideHeaderName",
        "httpFault.abort.overrideHeaderName",
    ];
    assert_eq!(warned(spec), fields.map(|field| format!("{field}: {ignored}")));
    let inner = json!({"name": "critics", "labels": {"version": "v1"}});
    assert_eq!(
        warned(json!({"route": [{"destination": inner}]})),
        ["route[0].destination.labels: has no effect: labels stand beside destination"]
    );
}

#[test]
fn a_rule_without_effect_is_warned_of() {
    assert_eq!(
        warned(json!({"httpFault": {"abort": {"httpStatus": 500}}})),
        ["httpFault.abort: has no effect without a percent and an httpStatus above 0"]
    );
    assert_eq!(
        warned(json!({"match": {"tcp": {}}})),
        ["match.tcp: is about TCP, and nothing is about requests: the rule is left out"]
    );
    assert_eq!(
        warned(json!({"destination": {"service": "*.example.com"}})),
        ["destination.service: is not one service: the rule is left out"]
    );
    assert_eq!(
        warned(json!({"match": {"source": {"name": "web"}}})),
        [
            "match.source: never applies: neither the Service web.default.svc.cluster.local is here nor has the caller a label \
          service.istio.io/canonical-name, app.kubernetes.io/name, app"
        ]
    );
    let rule = |precedence: i32| spec(json!({"precedence": precedence, "route": [{"labels": {"version": "v1"}}]}));
    let resources = json!([route_rule("low", rule(1)), route_rule("high", rule(2))]);
    assert_eq!(
        warnings(json!({"resources": resources})),
        ["resources[0].spec: can never apply: RouteRule default/high applies to every request"]
    );
}

#[test]
fn labels_without_a_destination_rule_are_not_suspect() {
    assert!(
        warned(json!({"route": [{"labels": {"version": "v1"}}], "mirror": {"name": "a", "labels": {"b": "c"}}}))
            .is_empty()
    );
}

#[test]
fn a_route_rule_of_a_host_that_has_a_virtual_service_is_warned_of() {
    let to_v2 = json!({"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]});
    let rule = route_rule("a", spec(json!({})));
    assert_eq!(
        warnings(json!({"resources": [rule, virtual_service("shop", to_v2)]})),
        [
            "resources[0].spec.destination: reviews.default.svc.cluster.local is default/shop's already: a VirtualService of a \
          host wins"
        ]
    );
}

#[test]
fn a_rule_is_known_by_its_name_and_by_its_namespace_if_two_have_one_name() {
    let rule = |namespace: &str, name: &str, precedence: i32| {
        let destination = json!({"name": "reviews", "namespace": "default"});
        let condition = json!({"request": {"headers": {"x-a": {"exact": namespace}}}});
        json!({"kind": "RouteRule", "metadata": {"name": name, "namespace": namespace},
            "spec": {"destination": destination, "precedence": precedence, "match": condition}})
    };
    let policy = policy(json!({"resources": [rule("one", "a", 1), rule("two", "a", 2), rule("two", "b", 3)]}));
    let [only] = policy.virtual_services() else { panic!("one service has rules") };
    assert_eq!(only.name, "reviews.default.svc.cluster.local");
    let names: Vec<&str> = only.rules().iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["b", "two/a", "one/a", "default-route"]);
}

/// What becomes of some requests: which rule they meet, where they go, and what is copied.
fn outcomes(policy: &Policy) -> Vec<String> {
    let mut outcomes = Vec::new();
    for host in ["reviews", "ratings", "details"] {
        for value in ["a", "b"] {
            let request = get(&format!("{host}:9080"), "/").header("x-a", value);
            let rule = match policy.route(&request) {
                Outcome::Rule(applied) => policy.rule(applied.rule),
                _ => None,
            };
            let copies: Vec<String> = rule
                .iter()
                .flat_map(|rule| rule.mirrors())
                .map(|mirror| mirror.cluster.with_port(Some(9080)).into_owned())
                .collect();
            let names = rule.map_or("-", |rule| &rule.name);
            let slot = rule.filter(|rule| !rule.mirrors().is_empty()).map(|rule| rule.first_slot());
            outcomes.push(format!("{host} {value}: {names} {} {copies:?} {slot:?}", cluster(policy, &request)));
        }
    }
    outcomes
}

fn any_rule() -> impl Strategy<Value = Value> {
    let labels = prop_oneof![Just("v1"), Just("v2"), Just("v3")];
    let condition = proptest::option::of(prop_oneof![Just("a"), Just("b")]);
    let host = prop_oneof![Just("reviews"), Just("ratings")];
    let mirror = proptest::option::of(prop_oneof![Just("v1"), Just("v9")]);
    (host, -1..2i32, condition, labels, mirror).prop_map(|(host, precedence, condition, labels, mirror)| {
        let mut rule = json!({
            "destination": {"name": host}, "precedence": precedence, "route": [{"labels": {"version": labels}}],
        });
        if let Some(value) = condition {
            rule["match"] = json!({"request": {"headers": {"x-a": {"exact": value}}}});
        }
        if let Some(version) = mirror {
            rule["mirror"] = json!({"name": host, "labels": {"version": version}});
        }
        rule
    })
}

/// Rules, subsets for some of their labels, and a VirtualService, in two orders.
fn two_orders() -> impl Strategy<Value = (Vec<Value>, Vec<Value>)> {
    let rules = proptest::collection::vec(any_rule(), 1..7);
    rules.prop_flat_map(|rules| {
        let subsets = |name: &str, subset: &str| {
            json!({"kind": "DestinationRule", "metadata": {"name": name}, "spec": {
                "host": "reviews", "subsets": [{"name": subset, "labels": {"version": "v2"}}]}})
        };
        let mut resources = vec![subsets("one", "zwei"), subsets("two", "deux")];
        resources.push(virtual_service("details", json!({
            "hosts": ["details"], "http": [{"route": [{"destination": {"host": "details"}}], "mirror": {"host": "audit"}}]})));
        resources.extend(rules.into_iter().enumerate().map(|(number, rule)| route_rule(&format!("rule-{number}"), rule)));
        let shuffled = Just(resources.clone()).prop_shuffle();
        (Just(resources), shuffled)
    })
}

proptest! {
    #[test]
    fn the_order_of_manifests_never_matters((first, second) in two_orders()) {
        let of = |resources: Vec<Value>| outcomes(&compiled(json!({"resources": resources})).policy);
        prop_assert_eq!(of(first), of(second));
    }
}

//! Whose rules a request meets.

use crate::scene::{cluster, get, policy, test, virtual_service, warnings};
use serde_json::{Value, json};

fn to(name: &str, hosts: &[&str], gateways: &[&str]) -> Value {
    let http = json!([{"route": [{"destination": {"host": format!("{name}.to")}}]}]);
    virtual_service(name, json!({"hosts": hosts, "gateways": gateways, "http": http}))
}

#[test]
fn a_service_is_called_by_each_of_its_names() {
    let policy = policy(json!({"resources": [to("reviews", &["reviews"], &[])], "port": 9080}));
    for host in [
        "reviews",
        "Reviews:9080",
        "reviews.default",
        "reviews.default.svc",
        "reviews.default.svc.cluster.local",
        "reviews.default.svc.cluster.local.:9080",
        "reviews:http",
    ] {
        assert_eq!(cluster(&policy, &get(host, "/")), "outbound|9080||reviews.to", "{host}");
    }
    for host in ["ratings", "reviews.prod", "reviews.default.svc.cluster", "xreviews", ""] {
        assert_eq!(cluster(&policy, &get(host, "/")), "-", "{host}");
    }
}

#[test]
fn another_namespaces_service_has_no_short_name() {
    let policy = policy(json!({
        "resources": [to("reviews", &["reviews"], &[])], "source": {"namespace": "prod"},
    }));
    assert_eq!(cluster(&policy, &get("reviews", "/")), "-");
    assert_eq!(cluster(&policy, &get("reviews.default", "/")), "outbound|9080||reviews.to");
}

#[test]
fn the_most_specific_host_wins() {
    let policy = policy(json!({"gateway": "default/edge", "port": 80, "resources": [
        to("any", &["*"], &["edge"]), to("com", &["*.example.com"], &["edge"]), to("api", &["api.example.com"], &["edge"]),
    ]}));
    assert_eq!(cluster(&policy, &get("api.example.com", "/")), "outbound|80||api.to");
    assert_eq!(cluster(&policy, &get("a.b.example.com:8080", "/")), "outbound|80||com.to");
    assert_eq!(cluster(&policy, &get("example.com", "/")), "outbound|80||any.to");
}

#[test]
fn rules_of_another_gateway_are_not_asked() {
    let resources = json!([to("edge", &["a.example"], &["edge"]), to("both", &["b.example"], &["mesh", "edge"])]);
    let mesh = policy(json!({"resources": resources}));
    assert_eq!(cluster(&mesh, &get("a.example", "/")), "-");
    assert_eq!(cluster(&mesh, &get("b.example", "/")), "outbound|9080||both.to");
    let edge = policy(json!({"resources": resources, "gateway": "default/edge"}));
    assert_eq!(cluster(&edge, &get("a.example", "/")), "outbound|9080||edge.to");
}

#[test]
fn at_a_gateway_the_rules_of_one_host_are_asked_together_and_catch_alls_last() {
    let one = virtual_service(
        "one",
        json!({"hosts": ["a.example"], "gateways": ["edge"], "http": [
        {"route": [{"destination": {"host": "rest.to"}}]}]}),
    );
    let two = virtual_service(
        "two",
        json!({"hosts": ["a.example"], "gateways": ["edge"], "http": [
        {"match": [{"uri": {"prefix": "/two"}}], "route": [{"destination": {"host": "two.to"}}]}]}),
    );
    let policy = policy(json!({"gateway": "default/edge", "port": 80, "resources": [one, two]}));
    assert_eq!(cluster(&policy, &get("a.example", "/two")), "outbound|80||two.to");
    assert_eq!(cluster(&policy, &get("a.example", "/")), "outbound|80||rest.to");
}

#[test]
fn in_the_mesh_the_first_virtual_service_of_a_host_wins() {
    let configuration =
        json!({"port": 80, "resources": [to("one", &["a.example"], &[]), to("two", &["a.example"], &[])]});
    assert_eq!(
        warnings(configuration.clone()),
        [
            "resources[1].spec.hosts[0]: a.example is default/one's already: in a mesh the first VirtualService of a host wins"
        ]
    );
    assert_eq!(cluster(&policy(configuration), &get("a.example", "/")), "outbound|80||one.to");
}

#[test]
fn the_port_is_the_destinations_else_the_services_else_the_listeners() {
    let rules = virtual_service(
        "reviews",
        json!({"hosts": ["reviews"], "http": [
        {"match": [{"uri": {"exact": "/own"}}], "route": [{"destination": {"host": "reviews", "port": {"number": 1}}}]},
        {"route": [{"destination": {"host": "reviews"}}]}]}),
    );
    let service = |ports: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "reviews"},
               "spec": {"ports": ports, "selector": {"app": "reviews"}, "type": "ClusterIP"}, "status": {"loadBalancer": {}}})
    };
    let one = policy(json!({"resources": [rules, service(json!([{"port": 2, "name": "http"}]))]}));
    assert_eq!(cluster(&one, &get("reviews", "/own")), "outbound|1||reviews.default.svc.cluster.local");
    assert_eq!(cluster(&one, &get("reviews", "/")), "outbound|2||reviews.default.svc.cluster.local");
    let two = policy(json!({"resources": [rules, service(json!([{"port": 2}, {"port": 3}]))]}));
    assert_eq!(cluster(&two, &get("reviews", "/").port(4)), "outbound|4||reviews.default.svc.cluster.local");
    let fixed = policy(json!({"resources": [rules], "port": 5}));
    assert_eq!(cluster(&fixed, &get("reviews", "/").port(4)), "outbound|5||reviews.default.svc.cluster.local");
}

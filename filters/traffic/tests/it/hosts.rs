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
            "resources[1].spec.hosts[0]: default/one has a.example already: in the mesh the oldest VirtualService of a host wins"
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

/// The same VirtualService, in that namespace and created at that time.
fn placed(mut manifest: Value, namespace: &str, created: Value) -> Value {
    manifest["metadata"]["namespace"] = json!(namespace);
    manifest["metadata"]["creationTimestamp"] = created;
    manifest
}

fn exported(mut manifest: Value, to: Value) -> Value {
    manifest["spec"]["exportTo"] = to;
    manifest
}

const MAY: &str = "2026-05-01T10:00:00Z";
const JUNE: &str = "2026-06-01T10:00:00Z";

#[test]
fn the_oldest_virtual_service_of_a_host_comes_first_in_whatever_order_they_stand() {
    let young = |gateways: &[&str]| placed(to("a", &["a.example"], gateways), "default", json!(JUNE));
    let old = |gateways: &[&str]| placed(to("b", &["a.example"], gateways), "default", json!(MAY));
    let unborn = |gateways: &[&str]| to("c", &["a.example"], gateways);
    for gateways in [&[][..], &["edge"]] {
        let gateway = if gateways.is_empty() { "mesh" } else { "default/edge" };
        let all = [unborn(gateways), young(gateways), old(gateways)];
        for resources in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]].map(|order| order.map(|place| all[place].clone()))
        {
            let policy = policy(json!({"port": 80, "gateway": gateway, "resources": resources}));
            assert_eq!(cluster(&policy, &get("a.example", "/")), "outbound|80||b.to", "{gateway}");
        }
        let resources = json!([unborn(gateways), young(gateways)]);
        let policy = policy(json!({"port": 80, "gateway": gateway, "resources": resources}));
        assert_eq!(cluster(&policy, &get("a.example", "/")), "outbound|80||a.to", "{gateway}");
    }
}

#[test]
fn of_two_created_in_one_second_the_name_decides_and_then_the_namespace() {
    let at = |name: &str, namespace: &str| placed(to(name, &["a.example"], &[]), namespace, json!(MAY));
    let first =
        |resources: Value| cluster(&policy(json!({"port": 80, "resources": resources})), &get("a.example", "/"));
    assert_eq!(first(json!([at("z", "a"), at("b", "z")])), "outbound|80||b.to");
    let mut other = at("b", "y");
    other["spec"]["http"][0]["route"][0]["destination"]["host"] = json!("y.to");
    assert_eq!(first(json!([at("b", "z"), other])), "outbound|80||y.to");
}

#[test]
fn a_time_of_creation_that_is_none_is_warned_of() {
    let resources = json!([placed(to("a", &["a.example"], &[]), "default", json!("null"))]);
    assert_eq!(
        warnings(json!({"resources": resources})),
        [
            "resources[0].metadata.creationTimestamp: `null` is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z; \
             the manifest counts as new"
        ]
    );
    let unsaid = json!([placed(to("a", &["a.example"], &[]), "default", json!(null))]);
    assert_eq!(warnings(json!({"resources": unsaid})), [""; 0]);
}

#[test]
fn a_virtual_service_that_is_not_exported_to_the_proxys_namespace_is_not_there() {
    let resources = |to_whom: Value| {
        json!([exported(placed(to("a", &["a.example"], &["mesh", "web/edge"]), "web", json!(null)), to_whom)])
    };
    for (to_whom, from_web, from_prod) in [
        (json!(null), true, true),
        (json!(["*"]), true, true),
        (json!(["."]), true, false),
        (json!(["web"]), true, false),
        (json!(["prod"]), false, true),
        (json!([".", "prod"]), true, true),
    ] {
        let seen = |settings: Value| {
            let mut configuration = json!({"port": 80, "resources": resources(to_whom.clone())});
            configuration.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
            cluster(&policy(configuration), &get("a.example", "/")) != "-"
        };
        assert_eq!(seen(json!({"source": {"namespace": "web"}})), from_web, "{to_whom}");
        assert_eq!(seen(json!({"source": {"namespace": "prod"}})), from_prod, "{to_whom}");
        // A gateway's own namespace stands in where nothing is said about the proxy.
        assert_eq!(seen(json!({"gateway": "web/edge"})), from_web, "{to_whom}");
        assert_eq!(seen(json!({"gateway": "web/edge", "source": {"namespace": "prod"}})), from_prod, "{to_whom}");
    }
}

#[test]
fn what_names_the_proxys_namespace_comes_before_what_is_for_everybody() {
    let public = placed(to("public", &["a.example"], &[]), "b", json!(MAY));
    let named = exported(placed(to("named", &["a.example"], &[]), "b", json!(JUNE)), json!(["web"]));
    let private = exported(placed(to("private", &["a.example"], &[]), "web", json!(JUNE)), json!(["."]));
    let first = |resources: Value| {
        let configuration = json!({"port": 80, "resources": resources, "source": {"namespace": "web"}});
        cluster(&policy(configuration), &get("a.example", "/"))
    };
    assert_eq!(first(json!([public, named, private])), "outbound|80||private.to");
    assert_eq!(first(json!([public, named])), "outbound|80||named.to");
}

#[test]
fn a_delegate_that_is_not_exported_to_the_namespace_of_the_root_never_applies() {
    let root = virtual_service(
        "root",
        json!({"hosts": ["a.example"], "http": [{"delegate": {"name": "part", "namespace": "web"}}]}),
    );
    let part = |to_whom: Value| {
        let rules = json!({"http": [{"route": [{"destination": {"host": "part.to"}}]}], "exportTo": to_whom});
        placed(virtual_service("part", rules), "web", json!(null))
    };
    let configuration = |to_whom: Value| json!({"port": 80, "resources": [root, part(to_whom)]});
    assert_eq!(cluster(&policy(configuration(json!(["default"]))), &get("a.example", "/")), "outbound|80||part.to");
    assert_eq!(
        warnings(configuration(json!(["."]))),
        ["resources[0].spec.http[0].delegate: web/part is not exported to default: the rule never applies"]
    );
    assert_eq!(cluster(&policy(configuration(json!(["."]))), &get("a.example", "/")), "-");
}

fn gateway(servers: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "edge", "namespace": "default"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": servers},
    })
}

fn server(port: u16, protocol: &str, hosts: &[&str]) -> Value {
    let tls = if protocol == "HTTPS" { json!({"mode": "SIMPLE", "credentialName": "cert"}) } else { json!(null) };
    // Names are each server's own, as Istio wants them.
    let name = format!("{protocol}-{port}-{}", hosts.concat());
    json!({"port": {"number": port, "name": name, "protocol": protocol}, "hosts": hosts, "tls": tls})
}

/// The cluster that each host's request goes to at the gateway `default/edge`.
fn at_edge(port: u16, resources: &[Value], hosts: &[&str]) -> Vec<String> {
    let policy = policy(json!({"port": port, "gateway": "default/edge", "resources": resources}));
    hosts.iter().map(|host| cluster(&policy, &get(host, "/")).replace(&format!("outbound|{port}||"), "")).collect()
}

#[test]
fn a_gateway_serves_what_its_hosts_and_those_of_the_virtual_service_have_in_common() {
    let servers = gateway(json!([server(80, "HTTP", &["a.example", "*.w.example", "other/c.example", "./d.example"])]));
    let rules = [
        servers,
        to("own", &["a.example", "b.example", "c.example", "d.example"], &["edge"]),
        to("wide", &["*.example"], &["edge"]),
        placed(to("theirs", &["c.example", "d.example"], &["default/edge"]), "other", json!(null)),
    ];
    let hosts = ["a.example", "b.example", "c.example", "d.example", "x.w.example", "w.example", "A.Example:8080"];
    assert_eq!(at_edge(80, &rules, &hosts), ["own.to", "-", "theirs.to", "own.to", "wide.to", "-", "own.to"]);
}

#[test]
fn only_servers_that_speak_http_at_the_listeners_port_serve_hosts() {
    let servers = gateway(json!([
        server(80, "HTTP", &["a.example"]),
        server(443, "HTTPS", &["b.example"]),
        server(9000, "TCP", &["*"]),
    ]));
    let rules = [servers, to("any", &["*"], &["edge"])];
    assert_eq!(at_edge(80, &rules, &["a.example", "b.example"]), ["any.to", "-"]);
    assert_eq!(at_edge(443, &rules, &["a.example", "b.example"]), ["-", "any.to"]);
    // The pods' port, which stands for any of the servers.
    assert_eq!(at_edge(8080, &rules, &["a.example", "b.example", "c.example"]), ["any.to", "any.to", "-"]);
}

#[test]
fn a_virtual_service_that_the_gateway_serves_nothing_of_is_warned_of() {
    let servers = gateway(json!([server(80, "HTTP", &["a.example"]), server(443, "HTTPS", &["b.example"])]));
    let resources = json!([servers, to("b", &["b.example"], &["edge"]), to("c", &["c.example"], &["edge"])]);
    assert_eq!(
        warnings(json!({"gateway": "default/edge", "port": 80, "resources": resources})),
        ["resources[2].spec.hosts: none of them is a host that the Gateway serves"]
    );
}

#[test]
fn the_servers_come_first_and_then_the_age_of_the_virtual_services() {
    let servers = gateway(json!([server(80, "HTTP", &["other/a.example"]), server(80, "HTTP", &["*"])]));
    let old = placed(to("old", &["a.example"], &["edge"]), "default", json!(MAY));
    let young = placed(to("young", &["a.example"], &["default/edge"]), "other", json!(JUNE));
    assert_eq!(at_edge(80, &[servers, old, young], &["a.example"]), ["young.to"]);
}

#[test]
fn a_cluster_has_its_destinations_name_as_it_is_written() {
    let to_nacos = virtual_service(
        "nacos",
        json!({"hosts": ["Nacos.Example"], "http": [{"route": [
        {"destination": {"host": "demo-gateway.DEFAULT-GROUP.public.nacos", "subset": "v1"}}]}]}),
    );
    let rule = json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "nacos"},
        "spec": {"host": "demo-gateway.DEFAULT-GROUP.public.nacos", "subsets": [{"name": "v1"}]}});
    let configuration = json!({"port": 80, "resources": [to_nacos, rule]});
    assert_eq!(warnings(configuration.clone()), [""; 0]);
    let policy = policy(configuration);
    for host in ["nacos.example", "NACOS.EXAMPLE:80"] {
        assert_eq!(cluster(&policy, &get(host, "/")), "outbound|80|v1|demo-gateway.DEFAULT-GROUP.public.nacos");
    }
}

#[test]
fn an_address_of_ipv6_is_asked_for_in_brackets() {
    for gateway in ["mesh", "default/edge"] {
        let gateways: &[&str] = if gateway == "mesh" { &[] } else { &["edge"] };
        let policy = policy(json!({"port": 80, "gateway": gateway, "resources": [to("six", &["FD00::1"], gateways)]}));
        for host in ["[fd00::1]", "[fd00::1]:80", "[FD00::1]:8080"] {
            assert_eq!(cluster(&policy, &get(host, "/")), "outbound|80||six.to", "{host}");
        }
        assert_eq!(cluster(&policy, &get("[fd00::2]:80", "/")), "-");
    }
}

#[test]
fn a_short_and_a_full_name_of_one_service_are_one_host() {
    let full = "reviews.default.svc.cluster.local";
    let configuration = json!({"port": 80, "resources": [to("both", &["reviews", full], &[])]});
    assert_eq!(warnings(configuration.clone()), [""; 0]);
    assert_eq!(cluster(&policy(configuration), &get("reviews.default", "/")), "outbound|80||both.to");
    let two = json!({"port": 80, "resources": [to("short", &["reviews"], &[]), to("full", &[full], &[])]});
    assert_eq!(cluster(&policy(two), &get(full, "/")), "outbound|80||short.to");
}

#[test]
fn a_wildcard_may_begin_a_label_and_cover_the_services_of_its_namespace() {
    let policy = policy(json!({"port": 80, "resources": [
        to("canary", &["*-canary.example"], &[]), to("shadow", &["*-shadow"], &[]), to("example", &["*.example"], &[]),
    ]}));
    for (host, seen) in [
        ("a-canary.example", "canary.to"),
        ("x.a-canary.example", "canary.to"),
        ("canary.example", "example.to"),
        ("target.default-shadow", "shadow.to"),
        ("web-shadow.default.svc.cluster.local", "shadow.to"),
    ] {
        assert_eq!(cluster(&policy, &get(host, "/")), format!("outbound|80||{seen}"), "{host}");
    }
    assert_eq!(cluster(&policy, &get("-shadow", "/")), "-");
}

#[test]
fn a_wildcard_covers_a_known_service_by_all_its_names() {
    let service = |name: &str, to_whom: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
               "metadata": {"name": name, "namespace": "default", "annotations": {"networking.istio.io/exportTo": to_whom}}})
    };
    let all = to("all", &["*.default.svc.cluster.local"], &[]);
    let one = to("one", &["ratings"], &[]);
    let policy = policy(json!({"port": 80, "resources": [
        all, one, service("reviews", json!("*")), service("ratings", json!(null)), service("hidden", json!("prod, test")),
    ]}));
    for (host, seen) in [
        ("reviews", "outbound|80||all.to"),
        ("reviews.default.svc", "outbound|80||all.to"),
        ("ratings.default", "outbound|80||one.to"),
        ("details", "-"),
        ("hidden", "-"),
        ("details.default.svc.cluster.local", "outbound|80||all.to"),
    ] {
        assert_eq!(cluster(&policy, &get(host, "/")), seen, "{host}");
    }
}

#[test]
fn a_destination_may_be_the_wildcard_host_of_a_service_entry() {
    let rules = virtual_service(
        "a",
        json!({"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "*.eu.bookinfo.com"}}]}]}),
    );
    let policy = policy(json!({"resources": [rules]}));
    assert_eq!(cluster(&policy, &get("reviews", "/")), "outbound|9080||*.eu.bookinfo.com");
}

#[test]
fn a_service_that_is_not_exported_to_the_proxy_gives_no_port() {
    let service = |to_whom: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 7}]},
               "metadata": {"name": "reviews", "annotations": {"networking.istio.io/exportTo": to_whom}}})
    };
    let rules = virtual_service(
        "a",
        json!({"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews"}}]}]}),
    );
    let port = |to_whom: &str| {
        let policy = policy(json!({"resources": [rules, service(to_whom)], "source": {"namespace": "web"}}));
        cluster(&policy, &get("reviews.default", "/"))
    };
    assert_eq!(port("*"), "outbound|7||reviews.default.svc.cluster.local");
    assert_eq!(port("prod, web"), "outbound|7||reviews.default.svc.cluster.local");
    for hidden in [".", "~", "prod"] {
        assert_eq!(port(hidden), "outbound|9080||reviews.default.svc.cluster.local", "{hidden}");
    }
}

#[test]
fn a_subset_is_declared_by_a_destination_rule_that_the_proxy_sees() {
    let rules = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "a", "namespace": "b"},
        "spec": {"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "reviews", "subset": "v1"}}]}]}});
    let rule = |namespace: &str, to_whom: Value| {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
               "metadata": {"name": "reviews", "namespace": namespace},
               "spec": {"host": "reviews.b.svc.cluster.local", "subsets": [{"name": "v1"}], "exportTo": to_whom}})
    };
    let warned = |rule: Value| {
        let configuration = json!({"resources": [rules, rule], "source": {"namespace": "web"}});
        !warnings(configuration).is_empty()
    };
    assert!(
        !warned(rule("b", json!(null))) && !warned(rule("web", json!(["."]))) && !warned(rule("b", json!(["web"])))
    );
    assert!(warned(rule("b", json!(["."]))) && warned(rule("third", json!(null))));
}

#[test]
fn the_subsets_of_a_service_entry_are_declared_in_its_namespace_or_that_of_the_proxy() {
    // https://github.com/istio/istio/issues/40195, where all four are of namespaces of their own.
    let host = "demo-gateway.DEFAULT-GROUP.public.nacos";
    let resource = |kind: &str, namespace: &str, spec: Value| {
        json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": kind,
               "metadata": {"name": "demo-gateway", "namespace": namespace}, "spec": spec})
    };
    let rules = json!({"hosts": ["demo.example"], "gateways": ["default/gw"],
                       "http": [{"route": [{"destination": {"host": host, "subset": "v1"}}]}]});
    let entry = json!({"hosts": [host], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]});
    let warned = |namespace: &str| {
        let declared = json!({"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]});
        warnings(json!({"gateway": "default/gw", "resources": [
            resource("VirtualService", "istio-demo", rules.clone()), resource("ServiceEntry", "public", entry.clone()),
            resource("DestinationRule", namespace, declared),
        ]}))
    };
    for namespace in ["public", "default", "istio-system"] {
        assert_eq!(warned(namespace), [""; 0], "{namespace}");
    }
    let [only] = warned("istio-demo").try_into().expect("one warning");
    assert!(only.ends_with(&format!("no DestinationRule here declares the subset v1 of {host}")), "{only}");
}

#[test]
fn whether_a_subset_is_declared_is_asked_of_rules_that_the_proxy_has() {
    let rules = |namespace: &str, export_to: &str, gateway: &str| {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
               "metadata": {"name": "a", "namespace": namespace},
               "spec": {"hosts": ["reviews.example"], "exportTo": [export_to], "gateways": [gateway],
                        "http": [{"route": [{"destination": {"host": "reviews.example", "subset": "v1"}}]}]}})
    };
    let warned = |rules: Value| warnings(json!({"resources": [rules], "source": {"namespace": "web"}})).len();
    assert_eq!(warned(rules("web", ".", "mesh")), 1);
    assert_eq!((warned(rules("prod", ".", "mesh")), warned(rules("web", ".", "front"))), (0, 0));
}

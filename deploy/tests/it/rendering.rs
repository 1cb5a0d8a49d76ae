//! What is drawn from a world: facts about Envoy's configuration.

use serde_json::{Value, json};
use serin::manifests::{Mistakes, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_traffic::written::Source;
use std::collections::BTreeMap;

const SHOP: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {replicas: 2, template: {metadata: {labels: {app: reviews, version: v1}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v2}
spec: {template: {metadata: {labels: {app: reviews, version: v2}}}}
";

const SUBSETS: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  subsets: [{name: v1, labels: {version: v1}}, {name: v3, labels: {version: v3}}]
";

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example, 'default/*.shop.example']}]}
";

fn options(world: &World) -> Options {
    let pods = world.workloads.iter().flat_map(|workload| workload.pods());
    let addresses = pods.zip(41_000..).map(|(pod, port)| (pod, ([127, 0, 0, 1], port).into()));
    Options {
        filters: vec![Filter { name: "canary".into(), file: "/modules/canary.wasm".into() }],
        source: Source::default(),
        endpoints: Endpoints::Addresses(addresses.collect::<BTreeMap<_, _>>()),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    }
}

fn read(texts: &[&str]) -> Result<World, Mistakes> {
    let texts: Vec<Text> = texts.iter().enumerate().map(|(n, text)| Text::new(format!("{n}.yaml"), *text)).collect();
    World::parse("default", &texts)
}

fn world(texts: &[&str]) -> World {
    read(texts).unwrap()
}

fn rendered(texts: &[&str]) -> Value {
    let world = world(texts);
    render(&world, &options(&world)).unwrap().configuration
}

fn refused(texts: &[&str]) -> String {
    read(texts).and_then(|world| render(&world, &options(&world))).unwrap_err().to_string()
}

fn cluster<'a>(configuration: &'a Value, name: &str) -> &'a Value {
    let clusters = configuration["static_resources"]["clusters"].as_array().unwrap();
    clusters
        .iter()
        .find(|cluster| cluster["name"] == name)
        .unwrap_or_else(|| panic!("no cluster {name} in {clusters:#?}"))
}

fn ports(cluster: &Value) -> Vec<u64> {
    let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array().unwrap();
    let port = |endpoint: &Value| endpoint["endpoint"]["address"]["socket_address"]["port_value"].as_u64().unwrap();
    endpoints.iter().map(port).collect()
}

/// The HTTP connection manager of a listener.
fn manager<'a>(configuration: &'a Value, name: &str) -> &'a Value {
    let listeners = configuration["static_resources"]["listeners"].as_array().unwrap();
    let listener = listeners.iter().find(|listener| listener["name"] == name);
    let listener = listener.unwrap_or_else(|| panic!("no listener {name} in {listeners:#?}"));
    assert_eq!(listener["address"]["socket_address"], json!({"address": "127.0.0.1", "port_value": 0}));
    &listener["filter_chains"][0]["filters"][0]["typed_config"]
}

fn destination_rule(traffic_policy: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews}}\n\
         spec: {{host: reviews, trafficPolicy: {traffic_policy}}}\n"
    )
}

#[test]
fn a_service_and_its_subsets_are_clusters_of_the_pods_with_the_labels() {
    let configuration = rendered(&[SHOP, SUBSETS]);
    let ports = |name: &str| ports(cluster(&configuration, name));
    assert_eq!(ports("outbound|9080||reviews.default.svc.cluster.local"), [41_000, 41_001, 41_002]);
    assert_eq!(ports("outbound|9080|v1|reviews.default.svc.cluster.local"), [41_000, 41_001]);
    assert!(ports("outbound|9080|v3|reviews.default.svc.cluster.local").is_empty(), "no pod has the label");
}

const ROUTE_RULE: &str = "
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: reviews}
spec:
  destination: {name: reviews}
  route: [{labels: {version: v1}, weight: 100}, {labels: {version: v2, app: reviews}, weight: 0}]
  mirror: {name: reviews, labels: {version: v9}}
";

#[test]
fn the_labels_of_a_route_rule_are_a_cluster_of_the_pods_that_have_them() {
    let configuration = rendered(&[SHOP, ROUTE_RULE]);
    let ports = |name: &str| ports(cluster(&configuration, name));
    assert_eq!(ports("outbound|9080|version=v1|reviews.default.svc.cluster.local"), [41_000, 41_001]);
    assert_eq!(ports("outbound|9080|app=reviews,version=v2|reviews.default.svc.cluster.local"), [41_002]);
    assert!(ports("outbound|9080|version=v9|reviews.default.svc.cluster.local").is_empty(), "no pod has the label");
}

#[test]
fn labels_that_a_subset_has_get_no_cluster_of_their_own() {
    let configuration = rendered(&[SHOP, SUBSETS, ROUTE_RULE]);
    let clusters = configuration["static_resources"]["clusters"].as_array().unwrap();
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster["name"].as_str().unwrap()).collect();
    let subsets: Vec<&str> = names.iter().filter_map(|name| name.split('|').nth(2)).collect();
    assert_eq!(subsets, ["", "v1", "v3", "app=reviews,version=v2", "version=v9"]);
}

#[test]
fn the_policy_of_a_service_is_that_of_the_clusters_of_labels_too() {
    let policy = destination_rule("{connectionPool: {tcp: {maxConnections: 7}}}");
    let configuration = rendered(&[SHOP, &policy, ROUTE_RULE]);
    let cluster = cluster(&configuration, "outbound|9080|version=v1|reviews.default.svc.cluster.local");
    assert_eq!(cluster["circuit_breakers"]["thresholds"][0]["max_connections"], 7);
}

#[test]
fn a_host_that_only_a_route_rule_has_is_served_by_the_mesh() {
    let configuration = rendered(&["
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: old}
spec: {destination: {service: old.example}, redirect: {authority: new.example}}
"]);
    let hosts = manager(&configuration, "mesh:80")["route_config"]["virtual_hosts"].as_array().unwrap();
    assert!(hosts.iter().any(|host| host["domains"] == json!(["old.example", "old.example."])), "{hosts:#?}");
}

#[test]
fn without_a_policy_a_cluster_has_istios_defaults() {
    let configuration = rendered(&[SHOP]);
    let cluster = cluster(&configuration, "outbound|9080||reviews.default.svc.cluster.local");
    assert_eq!(cluster["lb_policy"], "LEAST_REQUEST");
    assert_eq!(cluster["connect_timeout"], "10s");
    assert_eq!(cluster["circuit_breakers"]["thresholds"][0]["max_connections"], u32::MAX);
    assert!(cluster.get("outlier_detection").is_none());
}

#[test]
fn connection_pool_and_outlier_detection_are_translated_as_istio_does() {
    let policy = destination_rule(
        "{connectionPool: {tcp: {maxConnections: 1, connectTimeout: 30ms, tcpKeepalive: {time: 2h, interval: 75s}}, \
         http: {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1, http2MaxRequests: 5, idleTimeout: 1m}}, \
         outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 3m, maxEjectionPercent: 100, \
         consecutiveGatewayErrors: 0}}",
    );
    let configuration = rendered(&[SHOP, &policy]);
    let cluster = cluster(&configuration, "outbound|9080||reviews.default.svc.cluster.local");
    let threshold = &cluster["circuit_breakers"]["thresholds"][0];
    assert_eq!(
        *threshold,
        json!({"max_connections": 1, "max_pending_requests": 1, "max_requests": 5, "max_retries": u32::MAX, "track_remaining": true})
    );
    assert_eq!(cluster["connect_timeout"], "0.03s");
    assert_eq!(
        cluster["upstream_connection_options"]["tcp_keepalive"],
        json!({"keepalive_time": 7200, "keepalive_interval": 75})
    );
    let http = &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
    assert_eq!(http["common_http_protocol_options"], json!({"max_requests_per_connection": 1, "idle_timeout": "60s"}));
    assert_eq!(
        cluster["outlier_detection"],
        json!({
            "enforcing_success_rate": 0,
            "consecutive_5xx": 1,
            "enforcing_consecutive_5xx": 100,
            "consecutive_gateway_failure": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "interval": "1s",
            "base_ejection_time": "180s",
            "max_ejection_percent": 100,
        })
    );
    assert_eq!(cluster["common_lb_config"]["healthy_panic_threshold"]["value"], 0);
}

#[test]
fn the_most_particular_policy_wins_and_a_ports_policy_replaces_all_of_it() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: RANDOM}
    connectionPool: {tcp: {maxConnections: 7}}
  subsets:
  - {name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
  - name: v2
    labels: {version: v2}
    trafficPolicy: {portLevelSettings: [{port: {number: 9080}, outlierDetection: {consecutive5xxErrors: 3}}]}
";
    let configuration = rendered(&[SHOP, rule]);
    let of =
        |subset: &str| cluster(&configuration, &format!("outbound|9080|{subset}|reviews.default.svc.cluster.local"));
    let most = |subset: &str| of(subset)["circuit_breakers"]["thresholds"][0]["max_connections"].clone();
    assert_eq!((&of("")["lb_policy"], most("")), (&json!("RANDOM"), json!(7)));
    assert_eq!((&of("v1")["lb_policy"], most("v1")), (&json!("ROUND_ROBIN"), json!(7)));
    assert_eq!((&of("v2")["lb_policy"], most("v2")), (&json!("LEAST_REQUEST"), json!(u32::MAX)));
}

#[test]
fn a_consistent_hash_is_a_ring_in_the_cluster_and_a_key_on_routes_of_its_own() {
    let policy = destination_rule("{loadBalancer: {consistentHash: {httpHeaderName: end-user}}}");
    let configuration = rendered(&[SHOP, &policy]);
    let name = "outbound|9080||reviews.default.svc.cluster.local";
    assert_eq!(cluster(&configuration, name)["lb_policy"], "RING_HASH");
    assert_eq!(cluster(&configuration, name)["ring_hash_lb_config"]["minimum_ring_size"], 1024);
    let routes = &manager(&configuration, "mesh:9080")["route_config"]["virtual_hosts"][0]["routes"];
    let key = json!([{"header": {"header_name": "end-user"}}]);
    assert_eq!(routes[0]["match"]["headers"][0], json!({"name": "x-serin-cluster", "string_match": {"exact": name}}));
    assert_eq!(routes[0]["route"]["hash_policy"], key);
    assert!(routes[1]["route"].get("hash_policy").is_none(), "other clusters have no key");
    assert_eq!((&routes[2]["route"]["cluster"], &routes[2]["route"]["hash_policy"]), (&json!(name), &key));
}

/// What is said about a world that is drawn all the same.
fn warned(texts: &[&str]) -> Vec<String> {
    let world = world(texts);
    render(&world, &options(&world)).unwrap().warnings.iter().map(ToString::to_string).collect()
}

/// `ISTIO_MUTUAL` is what people are told to write: https://istio.io/latest/docs/ops/common-problems/network-issues/, "503 errors
/// after setting destination rule".
#[test]
fn what_only_istio_does_is_left_to_it_with_a_warning() {
    let cases = [
        ("{tls: {mode: ISTIO_MUTUAL}}", "tls"),
        ("{tunnel: {protocol: CONNECT, targetHost: a.example, targetPort: 443}}", "tunnel"),
        ("{proxyProtocol: {version: V2}}", "proxyProtocol"),
        ("{loadBalancer: {simple: PASSTHROUGH}}", "loadBalancer.simple"),
        ("{loadBalancer: {localityLbSetting: {enabled: true}}}", "loadBalancer.localityLbSetting"),
        ("{loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 30s}}}", "loadBalancer.warmup"),
        ("{loadBalancer: {simple: ROUND_ROBIN, warmupDurationSecs: 30s}}", "loadBalancer.warmupDurationSecs"),
        ("{connectionPool: {http: {maxConcurrentStreams: 3}}}", "connectionPool.http.maxConcurrentStreams"),
        ("{connectionPool: {http: {useClientProtocol: true}}}", "connectionPool.http.useClientProtocol"),
        ("{outlierDetection: {consecutiveErrors: 3}}", "outlierDetection.consecutiveErrors"),
        ("{portLevelSettings: [{port: {number: 9080}, tls: {mode: ISTIO_MUTUAL}}]}", "portLevelSettings[0].tls"),
    ];
    for (policy, path) in cases {
        let expected = format!(
            "1.yaml: DestinationRule default/reviews: spec.trafficPolicy.{path}: is left to Istio: an Envoy without it does \
             without this"
        );
        assert_eq!(warned(&[SHOP, &destination_rule(policy)]), [expected], "{policy}");
    }
    assert!(warned(&[SHOP, &destination_rule("{tls: {mode: DISABLE}}")]).is_empty());
    assert!(
        warned(&[SHOP, &destination_rule("{portLevelSettings: [{port: {number: 1}, tls: {mode: ISTIO_MUTUAL}}]}")])
            .is_empty()
    );
}

#[test]
fn what_cannot_be_meant_is_refused_by_its_path() {
    let cases = [
        ("{loadBalancer: {simple: FASTEST}}", "spec.trafficPolicy.loadBalancer.simple: `FASTEST` is not one of"),
        ("{tls: {mode: SECRET}}", "spec.trafficPolicy.tls.mode: `SECRET` is not one of"),
        ("{tls: {mode: SIMPLE, snii: a}}", "spec.trafficPolicy.tls.snii: unknown field `snii`"),
        (
            "{connectionPool: {tcp: {connectTimeout: soon}}}",
            "spec.trafficPolicy.connectionPool.tcp.connectTimeout: `soon` is not",
        ),
    ];
    for (policy, expected) in cases {
        let shown = refused(&[SHOP, &destination_rule(policy)]);
        assert!(shown.starts_with("1.yaml: DestinationRule default/reviews: ") && shown.contains(expected), "{shown}");
    }
}

#[test]
fn a_retry_budget_is_translated_as_istio_does() {
    let budget = |policy: &str| {
        let configuration = rendered(&[SHOP, &destination_rule(policy)]);
        let name = "outbound|9080||reviews.default.svc.cluster.local";
        cluster(&configuration, name)["circuit_breakers"]["thresholds"][0]["retry_budget"].clone()
    };
    let defaults = json!({"budget_percent": {"value": 20.0}, "min_retry_concurrency": 3});
    assert_eq!(budget("{retryBudget: {}}"), defaults);
    let own = json!({"budget_percent": {"value": 5.0}, "min_retry_concurrency": 10});
    assert_eq!(budget("{retryBudget: {percent: 5, minRetryConcurrency: 10}}"), own);
}

#[test]
fn a_rule_for_other_workloads_is_not_for_this_proxy() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  workloadSelector: {matchLabels: {app: web}}
  trafficPolicy: {loadBalancer: {simple: RANDOM}}
";
    let world = world(&[SHOP, rule]);
    let policy_for = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let source = Source { labels, ..Source::default() };
        let configuration = render(&world, &Options { source, ..options(&world) }).unwrap().configuration;
        cluster(&configuration, "outbound|9080||reviews.default.svc.cluster.local")["lb_policy"].clone()
    };
    assert_eq!((policy_for(&[("app", "web")]), policy_for(&[])), (json!("RANDOM"), json!("LEAST_REQUEST")));
}

#[test]
fn what_the_filters_would_refuse_is_refused_here_by_file_and_path() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews}, weight: -1}]}]}
";
    let shown = refused(&[SHOP, rule]);
    assert!(
        shown.starts_with("1.yaml: VirtualService default/reviews: spec.http[0].route[0].weight: -1 is negative"),
        "{shown}"
    );
}

#[test]
fn a_service_of_the_mesh_is_known_by_its_names_and_has_a_default() {
    let configuration = rendered(&[SHOP]);
    let routes = &manager(&configuration, "mesh:9080")["route_config"];
    assert_eq!(routes["ignore_port_in_host_matching"], true);
    let host = &routes["virtual_hosts"][0];
    assert_eq!(
        host["domains"],
        json!([
            "reviews",
            "reviews.default",
            "reviews.default.svc",
            "reviews.default.svc.cluster.local",
            "reviews.default.svc.cluster.local."
        ])
    );
    assert_eq!(host["routes"][0]["match"]["headers"][0], json!({"name": "x-serin-cluster", "present_match": true}));
    assert_eq!(host["routes"][0]["route"]["cluster_header"], "x-serin-cluster");
    assert_eq!(host["routes"][0]["route"]["timeout"], "0s");
    assert_eq!(host["routes"][1]["route"]["cluster"], "outbound|9080||reviews.default.svc.cluster.local");
}

#[test]
fn a_host_without_a_service_is_served_at_port_80_without_a_default() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec: {hosts: [shop.example], http: [{route: [{destination: {host: reviews}}]}]}
";
    let configuration = rendered(&[SHOP, rule]);
    let host = &manager(&configuration, "mesh:80")["route_config"]["virtual_hosts"][0];
    assert_eq!(host["domains"], json!(["shop.example", "shop.example."]));
    assert_eq!(names_of_routes(host), ["chosen", "none"]);
}

#[test]
fn a_host_of_which_all_rules_are_for_tcp_or_tls_has_no_listener_and_no_virtual_host() {
    let of = |name: &str, rules: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\n\
             spec: {{hosts: [{name}.example], {rules}: [{{match: [{{port: 443, sniHosts: [{name}.example]}}], \
                    route: [{{destination: {{host: reviews}}}}]}}]}}\n"
        )
    };
    let tcp = of("mongo", "tcp").replace(", sniHosts: [mongo.example]", "");
    // With a gateway at port 80, a listener of the mesh there would be one too many.
    let world = world(&[SHOP, &tcp, &of("bank", "tls"), GATEWAY]);
    let own_port = Options { listen: Listen::OwnPort([127, 0, 0, 1].into()), ..options(&world) };
    let listeners = render(&world, &own_port).unwrap().listeners;
    assert_eq!(listeners.iter().map(ToString::to_string).collect::<Vec<_>>(), ["default/shop:80", "mesh:9080"]);
}

#[test]
fn a_gateway_lets_its_hosts_in_and_has_no_default() {
    let configuration = rendered(&[SHOP, GATEWAY]);
    let hosts = &manager(&configuration, "default/shop:80")["route_config"]["virtual_hosts"];
    assert_eq!(hosts[0]["domains"], json!(["shop.example", "*.shop.example"]));
    assert_eq!(names_of_routes(&hosts[0]), ["chosen", "none"]);
    assert_eq!((&hosts[1]["domains"], names_of_routes(&hosts[1])), (&json!(["*"]), vec!["none"]));
}

fn names_of_routes(virtual_host: &Value) -> Vec<&str> {
    let routes = virtual_host["routes"].as_array().unwrap();
    routes.iter().map(|route| route["name"].as_str().unwrap()).collect()
}

#[test]
fn connection_managers_remove_the_filters_headers_and_gateways_the_mark_of_shadows_too() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews, shop.example]
  gateways: [mesh, shop]
  http: [{route: [{destination: {host: reviews}}], mirror: {host: reviews}}]
";
    let configuration = rendered(&[SHOP, GATEWAY, rule]);
    let removed = |listener: &str| {
        let early = &manager(&configuration, listener)["early_header_mutation_extensions"][0]["typed_config"];
        let mutations = early["mutations"].as_array().unwrap();
        mutations.iter().map(|mutation| mutation["remove"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let own = ["x-serin-cluster", "x-serin-subset", "x-serin-retry", "x-serin-shadow-1"];
    assert_eq!(removed("mesh:9080"), own);
    assert_eq!(removed("default/shop:80"), own.into_iter().chain(["x-shadowed-by"]).collect::<Vec<_>>());
    let routes = &manager(&configuration, "mesh:9080")["route_config"];
    assert_eq!(routes["request_headers_to_remove"], json!(["x-serin-cluster", "x-serin-subset", "x-serin-retry"]));
    let chosen = &routes["virtual_hosts"][0]["routes"][0]["match"];
    assert_eq!(chosen["filter_state"][0]["key"], "wasm.serin.route");
}

#[test]
fn streams_may_be_idle_for_ever_unless_a_fault_delays_requests_which_then_end_if_their_vm_is_lost() {
    let idle = |fault: &str| {
        let rule = format!(
            "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec: {{hosts: [reviews], http: [{{{fault}route: [{{destination: {{host: reviews}}}}]}}]}}
"
        );
        let configuration = rendered(&[SHOP, &rule]);
        let manager = manager(&configuration, "mesh:9080");
        let routes = &manager["route_config"]["virtual_hosts"][0]["routes"];
        let of = |route: &str| {
            let route = routes.as_array().unwrap().iter().find(|other| other["name"] == route).unwrap();
            route["route"]["idle_timeout"].clone()
        };
        (manager["stream_idle_timeout"].clone(), of("chosen"), of("plain"))
    };
    assert_eq!(idle(""), (json!("0s"), Value::Null, Value::Null));
    let delayed = idle("fault: {delay: {fixedDelay: 90s, percentage: {value: 1}}}, ");
    assert_eq!(delayed, (json!("390s"), json!("0s"), Value::Null), "a held request has no chosen route yet");
}

#[test]
fn a_route_has_as_many_mirrors_as_a_rule_has_at_most() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route: [{destination: {host: reviews}}]
    mirrors: [{destination: {host: reviews}}, {destination: {host: reviews}, percentage: {value: 5}}]
";
    let configuration = rendered(&[SHOP, rule]);
    let route = &manager(&configuration, "mesh:9080")["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
    let mark = json!({"append": {
        "header": {"key": "x-shadowed-by", "value": "serin"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}});
    let mutations = json!([
        {"remove": "x-serin-cluster"}, {"remove": "x-serin-subset"}, {"remove": "x-serin-retry"},
        {"remove": "x-serin-shadow-1"}, {"remove": "x-serin-shadow-2"}, mark,
    ]);
    let policy = |slot: &str| json!({"cluster_header": slot, "disable_shadow_host_suffix_append": true, "request_headers_mutations": mutations});
    assert_eq!(route["request_mirror_policies"], json!([policy("x-serin-shadow-1"), policy("x-serin-shadow-2")]));
}

#[test]
fn each_filter_has_a_vm_of_its_own_and_the_manifests_as_they_were_written() {
    let configuration = rendered(&[SHOP, SUBSETS, GATEWAY]);
    let filters = |listener: &str| manager(&configuration, listener)["http_filters"].as_array().unwrap().clone();
    let mesh = &filters("mesh:9080")[0]["typed_config"]["config"];
    assert_eq!(mesh["vm_config"]["vm_id"], "mesh:9080/canary");
    assert_eq!(mesh["vm_config"]["code"]["local"]["filename"], "/modules/canary.wasm");
    let written: Value = serde_json::from_str(mesh["configuration"]["value"].as_str().unwrap()).unwrap();
    assert_eq!((&written["gateway"], &written["port"]), (&json!("mesh"), &json!(9080)));
    let kinds: Vec<&str> =
        written["resources"].as_array().unwrap().iter().map(|resource| resource["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Service", "DestinationRule", "Gateway"]);
    assert_eq!(written["resources"][1]["spec"]["subsets"][1]["labels"]["version"], "v3");
    assert_eq!(filters("default/shop:80")[0]["typed_config"]["config"]["vm_config"]["vm_id"], "default/shop:80/canary");
    assert_eq!(filters("mesh:9080")[1]["name"], "envoy.filters.http.router");
}

#[test]
fn at_their_own_ports_two_gateways_cannot_share_one() {
    let on_80 = SHOP.replace("9080", "80");
    let world = world(&[&on_80, GATEWAY]);
    let mut options =
        Options { listen: Listen::OwnPort([0, 0, 0, 0].into()), endpoints: Endpoints::Names, ..options(&world) };
    let shown = render(&world, &options).unwrap_err().to_string();
    assert_eq!(shown, "both default/shop and mesh listen on port 80; choose one with --gateway");

    options.gateway = Some("default/shop".into());
    let configuration = render(&world, &options).unwrap().configuration;
    let address = &configuration["static_resources"]["listeners"][0]["address"]["socket_address"];
    assert_eq!(*address, json!({"address": "0.0.0.0", "port_value": 80}));
    let cluster = cluster(&configuration, "outbound|80||reviews.default.svc.cluster.local");
    assert_eq!(cluster["type"], "STRICT_DNS");
    let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array().unwrap();
    let names: Vec<&Value> =
        endpoints.iter().map(|it| &it["endpoint"]["address"]["socket_address"]["address"]).collect();
    assert_eq!(names, ["reviews-v1", "reviews-v2"]);

    options.gateway = Some("default/none".into());
    let shown = render(&world, &options).unwrap_err().to_string();
    assert_eq!(shown, "the manifests have no gateway default/none; they have default/shop, mesh");
}

#[test]
fn a_gateway_has_a_route_for_each_authority_that_a_rule_writes_but_lets_no_further_host_in() {
    let rule = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example, own.example]
  gateways: [shop]
  http:
  - match: [{uri: {prefix: /a}}]
    rewrite: {authority: 'A.example:8080'}
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /own}}]
    rewrite: {authority: own.example}
    route: [{destination: {host: reviews}}]
  - headers: {request: {set: {Host: b.example}}}
    route: [{destination: {host: reviews}, headers: {request: {set: {':authority': c.example}}}}]
";
    let configuration = rendered(&[SHOP, GATEWAY, rule]);
    let hosts = &manager(&configuration, "default/shop:80")["route_config"]["virtual_hosts"];
    assert_eq!(hosts[1]["domains"], json!(["a.example", "b.example", "c.example"]));
    assert_eq!(names_of_routes(&hosts[1]), ["chosen", "none"]);
}

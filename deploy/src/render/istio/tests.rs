//! What is rendered for Istio, and what is not.

use super::*;
use crate::manifests::Text;

const RULES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: api}, spec: {ports: [{port: 80}, {port: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: versions}
spec: {host: api, subsets: [{name: v1}, {name: v2}, {name: v3}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: inside}
spec:
  hosts: [api]
  http:
  - route: [{destination: {host: api, subset: v1}}]
    mirrors: [{destination: {host: api, subset: v2}}, {destination: {host: api, subset: v3}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec:
  hosts: ['*']
  gateways: [front]
  http: [{route: [{destination: {host: other}}]}]
";

fn sidecars() -> Options {
    let callers = BTreeMap::from([("app".to_owned(), "web".to_owned())]);
    Options { selector: Some(callers), ..Options::default() }
}

fn front() -> Options {
    Options { gateway: Some("default/front".into()), namespace: "istio-system".into(), ..sidecars() }
}

fn world(more: &str) -> World {
    World::parse("default", &[Text::new("rules.yaml", format!("{RULES}---{more}"))]).unwrap()
}

fn rendered(options: &Options) -> Vec<Value> {
    let rendered = istio(&world(""), options).unwrap();
    assert_eq!(rendered.warnings, []);
    rendered.manifests
}

fn refused(more: &str, options: &Options) -> String {
    istio(&world(more), options).unwrap_err().to_string()
}

fn names_of_resources(plugin: &Value) -> Vec<&str> {
    let resources = plugin["spec"]["pluginConfig"]["resources"].as_array().unwrap();
    resources.iter().map(|resource| resource["metadata"]["name"].as_str().unwrap()).collect()
}

fn patches(rendered: &[Value]) -> &[Value] {
    rendered.last().unwrap()["spec"]["configPatches"].as_array().unwrap()
}

/// The headers that the connection managers of the context remove.
fn removed<'a>(patch: &'a Value, context: &str) -> Vec<&'a str> {
    assert_eq!((&patch["applyTo"], &patch["match"]["context"]), (&json!("NETWORK_FILTER"), &json!(context)));
    let early = &patch["patch"]["value"]["typed_config"]["early_header_mutation_extensions"][0];
    let mutations = early["typed_config"]["mutations"].as_array().unwrap();
    mutations.iter().map(|mutation| mutation["remove"].as_str().unwrap()).collect()
}

#[test]
fn sidecars_get_the_rules_of_the_mesh_and_a_route_for_each_port_of_its_hosts() {
    let rendered = rendered(&sidecars());
    assert_eq!(rendered[0]["metadata"]["name"], "canary");
    assert_eq!(names_of_resources(&rendered[0]), ["api", "versions", "inside"]);
    let [first, routes @ ..] = patches(&rendered) else { panic!("no patches") };
    assert_eq!(
        removed(first, "SIDECAR_OUTBOUND"),
        ["x-serin-cluster", "x-serin-subset", "x-serin-retry", "x-serin-shadow-1", "x-serin-shadow-2"]
    );
    let host = |patch: &Value| patch["match"]["routeConfiguration"]["vhost"]["name"].clone();
    let hosts = ["api.default.svc.cluster.local:80", "api.default.svc.cluster.local:8080"];
    assert_eq!(routes.iter().map(host).collect::<Vec<_>>(), hosts);
    let copies = &routes[0]["patch"]["value"]["route"]["request_mirror_policies"];
    assert_eq!(copies.as_array().unwrap().len(), 2);
    assert_eq!(copies[1]["cluster_header"], "x-serin-shadow-2");
}

#[test]
fn a_gateway_gets_its_own_rules_and_a_route_in_every_virtual_host() {
    let rendered = rendered(&front());
    assert_eq!(names_of_resources(&rendered[0]), ["other", "outside"]);
    assert_eq!(rendered[0]["spec"]["pluginConfig"]["gateway"], "default/front");
    assert_eq!(rendered[0]["metadata"]["namespace"], "istio-system");
    let [first, route] = patches(&rendered) else { panic!("not two patches") };
    assert_eq!(removed(first, "GATEWAY"), ["x-serin-cluster", "x-serin-subset", "x-serin-retry", "x-shadowed-by"]);
    assert_eq!(route["match"], json!({"context": "GATEWAY"}));
    assert_eq!(route["patch"]["value"]["route"].get("request_mirror_policies"), None);
}

#[test]
fn delegates_go_with_those_that_delegate_to_them() {
    let delegated = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop},
 spec: {hosts: [shop.example], gateways: [front], http: [{delegate: {name: part}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: part},
 spec: {http: [{route: [{destination: {host: api}}]}]}}
";
    let names = |options: &Options| {
        let manifests = istio(&world(delegated), options).unwrap().manifests;
        names_of_resources(&manifests[0]).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&front()), ["api", "other", "versions", "outside", "shop", "part"]);
    assert_eq!(names(&sidecars()), ["api", "versions", "inside"]);
}

#[test]
fn rules_for_tcp_and_tls_are_no_business_of_the_filters() {
    let left = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: mongo},
 spec: {hosts: [mongo.example], tcp: [{route: [{destination: {host: mongo.example}}]}]}}
";
    let rendered = istio(&world(left), &sidecars()).unwrap();
    let warnings: Vec<String> = rendered.warnings.iter().map(Mistake::to_string).collect();
    let said = "rules.yaml: VirtualService default/mongo: spec.tcp: is left to Istio: Serin's filters see HTTP only";
    assert_eq!(warnings, [said]);
    // The virtual hosts are still known: none is that of a host of which the ports are not.
    assert_eq!(names_of_resources(&rendered.manifests[0]), ["api", "versions", "inside"]);
    let hosts: Vec<&Value> = patches(&rendered.manifests)[1..]
        .iter()
        .map(|patch| &patch["match"]["routeConfiguration"]["vhost"]["name"])
        .collect();
    assert_eq!(hosts, ["api.default.svc.cluster.local:80", "api.default.svc.cluster.local:8080"]);
}

#[test]
fn three_filters_come_in_the_order_of_their_priorities() {
    let rendered = rendered(&Options { filters: Module::CHAIN.to_vec(), ..sidecars() });
    let plugins = rendered.iter().filter(|manifest| manifest["kind"] == "WasmPlugin");
    let plugins: Vec<_> = plugins.map(|it| (it["metadata"]["name"].clone(), it["spec"]["priority"].clone())).collect();
    let expected = [("header-router", 30), ("subset-picker", 20), ("shadow-mirror", 10)];
    assert_eq!(plugins, expected.map(|(name, priority)| (json!(name), json!(priority))));
}

#[test]
fn what_the_filters_would_refuse_is_refused_and_told_of_its_manifest() {
    let negative = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: negative}
spec: {hosts: [api], http: [{route: [{destination: {host: api}, weight: -1}]}]}
";
    let reason = "rules.yaml: VirtualService default/negative: spec.http[0].route[0].weight: -1 is negative";
    assert!(refused(negative, &sidecars()).starts_with(reason), "{}", refused(negative, &sidecars()));
    // Wherever the rule is for, and although nobody has said which proxies get it.
    assert!(refused(negative, &front()).starts_with(reason));
    assert!(refused(negative, &Options::default()).starts_with(reason));
}

#[test]
fn suspicious_manifests_are_warned_about() {
    let policy = "
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: lost}
spec: {virtualService: nobody}
";
    let warnings = istio(&world(policy), &sidecars()).unwrap().warnings;
    let warnings: Vec<String> = warnings.iter().map(Mistake::to_string).collect();
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("rules.yaml: CanaryPolicy default/lost: spec.virtualService"),
        "{warnings:?}"
    );
}

#[test]
fn a_policy_for_a_rule_that_is_not_there_is_refused_or_warned_of() {
    let policy = "
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: lost}
spec: {virtualService: inside, routes: [{route: nothing, split: {mode: exact}}]}
";
    let said = match istio(&world(policy), &sidecars()) {
        Ok(rendered) => rendered.warnings.iter().map(Mistake::to_string).collect::<Vec<_>>().join("\n"),
        Err(mistakes) => mistakes.to_string(),
    };
    assert!(said.contains("CanaryPolicy default/lost: spec.routes[0].route"), "{said}");
}

#[test]
fn an_unknown_gateway_is_refused_by_name() {
    let unknown = Options { gateway: Some("default/frnt".into()), ..sidecars() };
    assert_eq!(refused("", &unknown), "the manifests have no gateway default/frnt; they have default/front");
}

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
";

#[test]
fn a_gateways_own_selector_says_which_proxies_get_the_filters() {
    let options = Options { selector: None, ..front() };
    let rendered = istio(&world(GATEWAY), &options).unwrap().manifests;
    assert_eq!(rendered[0]["spec"]["selector"]["matchLabels"], json!({"istio": "ingressgateway"}));
    assert_eq!(rendered[1]["spec"]["workloadSelector"]["labels"], json!({"istio": "ingressgateway"}));
}

#[test]
fn all_proxies_of_a_namespace_are_taken_only_if_that_is_said() {
    let sidecars_unsaid = refused("", &Options::default());
    assert_eq!(
        sidecars_unsaid,
        "which proxies get the filters is not said: give a label of the callers' Pods with --selector NAME=VALUE, or \
             say --selector '*' for every proxy of the namespace default"
    );
    assert!(refused("", &Options { selector: None, ..front() }).contains("the gateway's Pods"));
    let all = Options { selector: Some(BTreeMap::new()), ..Options::default() };
    for manifest in rendered(&all) {
        assert_eq!((manifest["spec"].get("selector"), manifest["spec"].get("workloadSelector")), (None, None));
    }
}

#[test]
fn proxies_without_a_rule_are_warned_of() {
    let options = Options { gateway: Some("default/back".into()), ..sidecars() };
    let back = GATEWAY.replace("front", "back");
    let warnings = istio(&world(&back), &options).unwrap().warnings;
    assert_eq!(
        warnings.iter().map(Mistake::to_string).collect::<Vec<_>>(),
        ["no rule is for the gateway default/back: the filters have nothing to do"]
    );
}

const ROUTE_RULES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: menu}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: shop}, ports: [{port: 8080}]}}
---
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: menu}
spec:
  destination: {name: menu}
  match: {source: {name: web}}
  route: [{labels: {version: v1}}]
  mirror: {name: menu, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: menu}
spec: {host: menu, subsets: [{name: one, labels: {version: v1}}]}
";

#[test]
fn sidecars_get_route_rules_with_the_services_that_they_name() {
    let world = World::parse("default", &[Text::new("menu.yaml", ROUTE_RULES)]).unwrap();
    let rendered = istio(&world, &sidecars()).unwrap().manifests;
    assert_eq!(names_of_resources(&rendered[0]), ["menu", "web", "menu", "menu"]);
    let [_, route] = patches(&rendered) else { panic!("not two patches") };
    let vhost = &route["match"]["routeConfiguration"]["vhost"]["name"];
    assert_eq!(vhost, "menu.default.svc.cluster.local:80");
    let with_gateway = format!("{ROUTE_RULES}---{GATEWAY}");
    let world = World::parse("default", &[Text::new("menu.yaml", with_gateway)]).unwrap();
    let of_gateway = istio(&world, &front()).unwrap().manifests;
    assert_eq!(names_of_resources(&of_gateway[0]), ["front"], "the Gateway alone");
}

#[test]
fn labels_without_a_subset_are_warned_of_with_the_subset_to_declare() {
    let world = World::parse("default", &[Text::new("menu.yaml", ROUTE_RULES)]).unwrap();
    let warnings = istio(&world, &sidecars()).unwrap().warnings;
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "menu.yaml: RouteRule default/menu: no subset of menu.default.svc.cluster.local has just the labels version=v2, so \
              Istio has no cluster for them: declare a subset {name: …, labels: {version: \"v2\"}} in a DestinationRule"
        ]
    );
}

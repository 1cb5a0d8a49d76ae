//! `deploy/bookinfo`: Istio takes it, the modules and Envoy take what it carries, and it says what the example says.

use crate::backend::{Backend, Behaviour, ask};
use crate::files::{documents, repository, value};
use crate::mesh::{self, Context};
use host_test::{Filter, Proxy, get};
use serde::Deserialize;
use serde_json::{Value, json};
use serin::envoy;
use serin::manifests::{Text, World, load};
use serin::render::istio::{Options, istio};
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const FILTERS: [&str; 1] = ["canary"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Manifest<S> {
    api_version: String,
    kind: String,
    metadata: Metadata,
    spec: S,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WasmPlugin {
    selector: MatchLabels,
    r#match: Vec<TrafficSelector>,
    #[serde(rename = "priority")]
    _priority: i32,
    url: String,
    fail_strategy: String,
    #[serde(rename = "vmConfig")]
    _vm_config: Value,
    plugin_config: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct MatchLabels {
    match_labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TrafficSelector {
    mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvoyFilter {
    workload_selector: Labels,
    config_patches: Vec<ConfigPatch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigPatch {
    apply_to: String,
    r#match: PatchMatch,
    patch: Patch,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PatchMatch {
    context: String,
    listener: Option<Value>,
    route_configuration: Option<RouteConfigurationMatch>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RouteConfigurationMatch {
    vhost: VirtualHostMatch,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VirtualHostMatch {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    operation: String,
    #[serde(rename = "value")]
    _value: Value,
}

fn plugin(filter: &str) -> Manifest<WasmPlugin> {
    serde_json::from_value(value(&format!("deploy/bookinfo/{filter}.yaml"))).unwrap()
}

fn envoy_filter() -> Manifest<EnvoyFilter> {
    serde_json::from_value(value("deploy/bookinfo/envoyfilter.yaml")).unwrap()
}

fn bookinfo() -> World {
    let files = ["bookinfo", "destination-rule", "reviews-canary"]
        .map(|file| repository().join(format!("examples/bookinfo/{file}.yaml")));
    World::parse("default", &load(&files).unwrap()).unwrap()
}

fn of_productpage() -> Options {
    Options { selector: Some(productpage()), ..Options::default() }
}

fn productpage() -> BTreeMap<String, String> {
    BTreeMap::from([("app".to_owned(), "productpage".to_owned())])
}

#[test]
fn the_filter_stands_before_what_productpage_asks() {
    let plugins = FILTERS.map(plugin);
    for (filter, plugin) in FILTERS.iter().zip(&plugins) {
        assert_eq!((plugin.api_version.as_str(), plugin.kind.as_str()), ("extensions.istio.io/v1alpha1", "WasmPlugin"));
        assert_eq!((plugin.metadata.name.as_str(), plugin.metadata.namespace.as_str()), (*filter, "default"));
        assert_eq!(plugin.spec.selector.match_labels, productpage());
        assert_eq!(plugin.spec.r#match.iter().map(|it| it.mode.as_str()).collect::<Vec<_>>(), ["CLIENT"]);
        assert_eq!(plugin.spec.fail_strategy, "FAIL_OPEN");
        assert!(plugin.spec.url.starts_with("oci://") && plugin.spec.url.contains(filter), "{}", plugin.spec.url);
    }
}

#[test]
fn no_two_filters_share_a_vm() {
    let world = bookinfo();
    for filters in [vec![Module::Canary], Module::CHAIN.to_vec()] {
        let options = Options { filters, ..of_productpage() };
        let rendered = istio(&world, &options).unwrap().manifests;
        let environments: Vec<&Value> =
            rendered.iter().filter_map(|manifest| manifest["spec"].get("vmConfig")).collect();
        let different: BTreeSet<String> = environments.iter().map(ToString::to_string).collect();
        assert_eq!((environments.len(), different.len()), (options.filters.len(), options.filters.len()));
    }
}

#[test]
fn the_filters_have_the_rules_of_the_example() {
    let is_reviews = |manifest: &Value| manifest["kind"] == "Service" && manifest["metadata"]["name"] == "reviews";
    let service = documents("examples/bookinfo/bookinfo.yaml").into_iter().find(is_reviews).unwrap();
    let rules = ["destination-rule", "reviews-canary"].map(|file| value(&format!("examples/bookinfo/{file}.yaml")));
    let expected = json!({"resources": [service, rules[0], rules[1]]});
    for filter in FILTERS {
        assert_eq!(plugin(filter).spec.plugin_config, expected, "{filter}");
    }
}

#[test]
fn the_modules_take_their_configuration_and_decide() {
    let chain = FILTERS.map(|filter| {
        let module = Module::named(filter).unwrap();
        Filter::from_bytes(module.bytes()).named(filter).configured(plugin(filter).spec.plugin_config.to_string())
    });
    let mut proxy = Proxy::of(chain).start();
    let reviews = || get("http://reviews:9080/reviews/1");
    let cluster = |subset: &str| format!("outbound|9080|{subset}|reviews.default.svc.cluster.local");

    let jason = proxy.send(reviews().header("end-user", "jason").header("x-serin-shadow-1", "made-up"));
    assert_eq!(jason.upstream_header("x-serin-cluster"), Some(cluster("v2").as_str()));
    assert_eq!(jason.upstream_header("x-serin-shadow-1"), None);

    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let anybody = proxy.send(reviews());
        seen.insert(anybody.upstream_header("x-serin-cluster").unwrap().to_owned());
        assert_eq!(anybody.upstream_header("x-serin-shadow-1"), Some(cluster("v3").as_str()));
    }
    assert_eq!(seen, BTreeSet::from([cluster("v1"), cluster("v2")]));

    let elsewhere = proxy.send(get("http://details:9080/details/1").header("x-serin-cluster", "made-up"));
    assert_eq!(elsewhere.upstream_header("x-serin-cluster"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_takes_what_is_patched_and_sends_requests_where_the_filter_says() {
    let manifest = envoy_filter();
    assert_eq!(
        (manifest.api_version.as_str(), manifest.kind.as_str()),
        ("networking.istio.io/v1alpha3", "EnvoyFilter")
    );
    assert_eq!((manifest.metadata.name.as_str(), manifest.metadata.namespace.as_str()), ("serin-reviews", "default"));
    assert_eq!(manifest.spec.workload_selector.labels, productpage());
    let [removal, route] = manifest.spec.config_patches.as_slice() else { panic!("two patches") };
    assert_eq!((removal.apply_to.as_str(), removal.patch.operation.as_str()), ("NETWORK_FILTER", "MERGE"));
    assert!(removal.r#match.listener.is_some());
    assert_eq!((route.apply_to.as_str(), route.patch.operation.as_str()), ("HTTP_ROUTE", "INSERT_FIRST"));
    let host = "reviews.default.svc.cluster.local:9080";
    assert_eq!(route.r#match.route_configuration.as_ref().unwrap().vhost.name, host);
    assert!([removal, route].iter().all(|patch| patch.r#match.context == "SIDECAR_OUTBOUND"));

    // As istiod would leave it: the filter before the router, the patched route before its own.
    let names = ["v1", "v2", "v3", "details"];
    let upstreams = names.map(|name| Backend::start(name, Behaviour::Status(200)));
    let of_reviews = |subset: &str| format!("outbound|9080|{subset}|reviews.default.svc.cluster.local");
    let clusters: Vec<Value> = upstreams
        .iter()
        .zip(["v1", "v2", "v3"].map(of_reviews).into_iter().chain(["details".to_owned()]))
        .map(|(upstream, name)| cluster(&name, upstream))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("canary.wasm"), Module::Canary.bytes()).unwrap();
    let mut outbound = mesh::listener("outbound", host, &["*"], "details");
    mesh::add_plugins(&mut outbound, &[&value("deploy/bookinfo/canary.yaml")], |module| {
        directory.path().join(format!("{module}.wasm"))
    });
    assert_eq!(mesh::apply(&value("deploy/bookinfo/envoyfilter.yaml"), Context::Sidecar, &mut outbound), 2);
    let configuration = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"clusters": clusters, "listeners": [outbound]},
    });
    let envoy = envoy::Process::start(&envoy::find(None).unwrap(), &configuration, 1, directory).await;
    let envoy = envoy.unwrap_or_else(|failure| panic!("{failure}"));
    let outbound = envoy.listeners()["outbound"];
    let answers = tokio::task::spawn_blocking(move || {
        let reviews = ("host", "reviews:9080");
        let forged = ("x-serin-cluster", "outbound|9080|v3|reviews.default.svc.cluster.local");
        let others: BTreeSet<String> = (0..20).map(|_| ask(outbound, "/", &[reviews, forged])).collect();
        let jason = ask(outbound, "/", &[reviews, ("end-user", "jason"), forged]);
        let elsewhere = ask(outbound, "/", &[("host", "details:9080"), forged, ("x-serin-shadow-1", forged.1)]);
        (others, jason, elsewhere)
    });
    let (others, jason, elsewhere) = answers.await.unwrap();
    assert!(others.iter().all(|answer| answer == "v1" || answer == "v2"), "{others:?}");
    assert_eq!((jason.as_str(), elsewhere.as_str()), ("v2", "details"));
    assert_eq!(upstreams[2].requests_of(20), 20, "v3 gets a copy of what the others ask");
    envoy.stop().await;
}

fn cluster(name: &str, upstream: &Backend) -> Value {
    let address = json!({"address": upstream.address.ip().to_string(), "port_value": upstream.address.port()});
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}}]}],
        },
    })
}

#[test]
fn serin_render_istio_writes_the_same() {
    let rendered = istio(&bookinfo(), &of_productpage()).unwrap().manifests;
    let files = FILTERS.into_iter().chain(["envoyfilter"]);
    let written: Vec<Value> = files.map(|file| value(&format!("deploy/bookinfo/{file}.yaml"))).collect();
    assert_eq!(rendered, written);
}

#[test]
fn a_canary_policy_goes_with_its_virtual_service() {
    let files = ["bookinfo/bookinfo", "bookinfo/destination-rule", "sticky/virtual-service", "sticky/canary-policy"]
        .map(|file| repository().join(format!("examples/{file}.yaml")));
    let mut texts = load(&files).unwrap();
    let other =
        "{apiVersion: serin.dev/v1alpha1, kind: CanaryPolicy, metadata: {name: other}, spec: {virtualService: other}}";
    texts.push(Text::new("other.yaml", other));
    let world = World::parse("default", &texts).unwrap();
    let rendered = istio(&world, &of_productpage()).unwrap().manifests;
    for plugin in &rendered[..FILTERS.len()] {
        let resources = plugin["spec"]["pluginConfig"]["resources"].as_array().unwrap();
        let policies: Vec<&Value> = resources.iter().filter(|resource| resource["kind"] == "CanaryPolicy").collect();
        assert_eq!(policies, [&value("examples/sticky/canary-policy.yaml")]);
    }
}

#[test]
fn the_kustomization_has_every_manifest_and_says_where_every_module_is() {
    let kustomization = value("deploy/bookinfo/kustomization.yaml");
    let listed: BTreeSet<&str> =
        kustomization["resources"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let there = fs::read_dir(repository().join("deploy/bookinfo")).unwrap().flatten();
    let there: BTreeSet<String> = there.map(|entry| entry.file_name().into_string().unwrap()).collect();
    let manifests = there.iter().filter(|name| name.ends_with(".yaml") && *name != "kustomization.yaml");
    assert_eq!(listed, manifests.map(String::as_str).collect());

    let patches = kustomization["patches"].as_array().unwrap();
    let urls = patches.iter().map(|patch| {
        let operations: Value = serde_saphyr::from_str(patch["patch"].as_str().unwrap()).unwrap();
        assert_eq!((&operations[0]["op"], &operations[0]["path"]), (&json!("replace"), &json!("/spec/url")));
        assert_eq!(patch["target"]["kind"], "WasmPlugin");
        (patch["target"]["name"].as_str().unwrap().to_owned(), operations[0]["value"].as_str().unwrap().to_owned())
    });
    let expected = FILTERS.map(|filter| (filter.to_owned(), plugin(filter).spec.url));
    assert_eq!(urls.collect::<Vec<_>>(), expected);
}

#[test]
fn no_image_is_pulled_from_a_registry_of_ours() {
    for folder in ["deploy/bookinfo", "examples"] {
        for (file, text) in texts_below(&repository().join(folder)) {
            for image in text.lines().filter_map(|line| line.trim_start_matches([' ', '-']).strip_prefix("image: ")) {
                let first = image.split_once('/').map_or("", |(first, _)| first);
                assert!(!first.contains(['.', ':']), "{file}: {image} names a registry");
            }
            for url in text.split("oci://").skip(1) {
                assert!(
                    url.starts_with("registry.example/"),
                    "{file}: oci://{}",
                    url.lines().next().unwrap_or_default()
                );
            }
        }
    }
}

/// The schemas of Istio's CRDs of the kinds that are rendered and shown; the file says where they are from.
struct Crds(BTreeMap<(String, String), jsonschema::Validator>);

impl Crds {
    fn of_istio() -> Self {
        let crds: Value = serde_json::from_str(include_str!("istio-crds.json")).unwrap();
        let mut validators = BTreeMap::new();
        for crd in crds["kinds"].as_array().unwrap() {
            let (group, kind) = (crd["group"].as_str().unwrap(), crd["kind"].as_str().unwrap());
            let mut schema = crd["schema"].clone();
            // What Kubernetes adds to every kind.
            for field in ["apiVersion", "kind", "metadata"] {
                schema["properties"][field] = json!({});
            }
            make_strict(&mut schema);
            for version in crd["versions"].as_array().unwrap() {
                let api_version = format!("{group}/{}", version.as_str().unwrap());
                validators.insert((api_version, kind.to_owned()), jsonschema::validator_for(&schema).unwrap());
            }
        }
        Self(validators)
    }

    /// What is wrong with `manifest`.
    #[track_caller]
    fn mistakes_of(&self, manifest: &Value) -> Vec<String> {
        let text = |field: &str| manifest[field].as_str().unwrap_or_default().to_owned();
        match self.0.get(&(text("apiVersion"), text("kind"))) {
            Some(validator) => {
                validator.iter_errors(manifest).map(|error| format!("{}: {error}", error.instance_path())).collect()
            }
            None => vec![format!("Istio has no {} of {}", text("kind"), text("apiVersion"))],
        }
    }
}

/// A structural schema prunes what it does not list; here that is a mistake.
fn make_strict(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    let is_open = fields.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    if fields.contains_key("properties") && !fields.contains_key("additionalProperties") && !is_open {
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if let Some(properties) = fields.get_mut("properties").and_then(Value::as_object_mut) {
        properties.values_mut().for_each(make_strict);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = fields.get_mut(inner) {
            make_strict(inner);
        }
    }
}

#[test]
fn istios_crds_allow_every_manifest() {
    let crds = Crds::of_istio();
    let mut kinds = BTreeMap::<String, usize>::new();
    for folder in ["deploy/bookinfo", "examples"] {
        for (file, text) in texts_below(&repository().join(folder)) {
            if !file.ends_with(".yaml") {
                continue;
            }
            for manifest in
                serde_saphyr::from_multiple::<Value>(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
            {
                // Istio has had no CRDs of config.istio.io since RouteRules went.
                let version = manifest["apiVersion"].as_str().unwrap_or_default();
                if version.contains("istio.io/") && !version.starts_with("config.istio.io/") {
                    assert_eq!(crds.mistakes_of(&manifest), [""; 0], "{file}");
                    *kinds.entry(manifest["kind"].as_str().unwrap().to_owned()).or_default() += 1;
                }
            }
        }
    }
    let found: Vec<&str> = kinds.keys().map(String::as_str).collect();
    assert_eq!(found, ["DestinationRule", "EnvoyFilter", "Gateway", "VirtualService", "WasmPlugin"]);
}

#[test]
fn a_planted_unknown_field_is_found() {
    let crds = Crds::of_istio();
    let plant = |file: &str, at: &str| {
        let mut manifest = value(file);
        let place =
            manifest.pointer_mut(at).and_then(Value::as_object_mut).unwrap_or_else(|| panic!("{file} has {at}"));
        place.insert("planted".to_owned(), json!(1));
        crds.mistakes_of(&manifest)
    };
    for (file, at) in [
        ("deploy/bookinfo/canary.yaml", ""),
        ("deploy/bookinfo/canary.yaml", "/spec"),
        ("deploy/bookinfo/canary.yaml", "/spec/vmConfig/env/0"),
        ("deploy/bookinfo/envoyfilter.yaml", "/spec/configPatches/0/match/listener/filterChain"),
        ("deploy/bookinfo/envoyfilter.yaml", "/spec/configPatches/1/match/routeConfiguration/vhost"),
        ("examples/bookinfo/destination-rule.yaml", "/spec/trafficPolicy/loadBalancer"),
        ("examples/bookinfo/reviews-jason.yaml", "/spec/http/0/match/0"),
        ("examples/bookinfo/reviews-jason.yaml", "/spec/http/0/route/0/destination"),
        ("examples/micro-api/gateway.yaml", "/spec/servers/0/port"),
    ] {
        let mistakes = plant(file, at);
        assert!(mistakes.iter().any(|mistake| mistake.contains("planted")), "{file} {at}: {mistakes:?}");
    }
    // Two places are anybody's: the plug-in's configuration, and Envoy's own part.
    assert_eq!(plant("deploy/bookinfo/canary.yaml", "/spec/pluginConfig"), [""; 0]);
    assert_eq!(plant("deploy/bookinfo/envoyfilter.yaml", "/spec/configPatches/0/patch/value"), [""; 0]);
}

fn texts_below(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            texts.extend(texts_below(&path));
        } else if let Ok(text) = fs::read_to_string(&path) {
            texts.push((path.display().to_string(), text));
        }
    }
    texts
}

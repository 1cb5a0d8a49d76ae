//! What a real Envoy tells Prometheus.

use super::guest::{VALUE, guest};
use super::page::istios_tags;
use super::query::series;
use crate::backend::{Backend, Behaviour, TOLD, ask};
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::manifests::{Text, World};
use serin::pocket::{Options, Pocket};
use serin::render::{self, Endpoints, Filter, Listen, envoy};
use serin_modules::Module;
use serin_traffic::metrics::{Kind, Label, Metric};
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SHOP: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {template: {metadata: {labels: {app: reviews, version: v1}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v2}
spec: {template: {metadata: {labels: {app: reviews, version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: jason
    match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - match: [{uri: {prefix: /any}}]
    route: [{destination: {host: reviews}}]
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 50}
    - {destination: {host: reviews, subset: v2}, weight: 50}
";

/// A value as hostile as those of manifests get, and as it arrives.
const VALUES: [(Label, &str, &str); 7] = [
    (Label::VirtualService, "default/reviews", "default/reviews"),
    (Label::Route, "\"a\\b\" ;.;subset=.=v9 é", "\"a\\b\" _._subset_._v9 \\u{e9}"),
    (Label::Subset, "reviews.default.svc.cluster.local", "reviews.default.svc.cluster.local"),
    (Label::Transition, "withdrawn", "withdrawn"),
    (
        Label::ShadowCluster,
        "outbound|9080|v2|redis-cache.default.svc.cluster.local",
        "outbound|9080|v2|redis-cache.default.svc.cluster.local",
    ),
    (Label::Reason, "too_many", "too_many"),
    (Label::Result, "status_mismatch", "status_mismatch"),
];

type Series = BTreeMap<(String, BTreeMap<String, String>), f64>;

/// Everything at `/stats/prometheus`.
fn prometheus(admin: SocketAddr) -> Series {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(b"GET /stats/prometheus HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let (head, body) = answer.split_at(head);
    let is_chunked = String::from_utf8_lossy(head).to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if is_chunked { dechunked(body) } else { body.to_vec() };
    series(std::str::from_utf8(&body).unwrap())
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

/// The series of the filters, once those of `metrics` are there: Envoy shows histograms with a delay.
fn serins(admin: SocketAddr, metrics: &[Metric]) -> Series {
    let started = Instant::now();
    loop {
        let mut all = prometheus(admin);
        all.retain(|(name, _), _| name.contains("serin_") && !name.starts_with("envoy_wasm_serin_"));
        let is_there = |metric: &Metric| all.keys().any(|(name, _)| name.starts_with(metric.name()));
        if metrics.iter().all(is_there) {
            return all;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{all:#?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_are_counted_by_virtual_service_route_and_subset() {
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    for modules in [Module::CHAIN.to_vec(), vec![Module::Canary]] {
        let pocket = Pocket::start(&world, &Options { modules, ..Options::default() }).await.unwrap();
        let proxy = pocket.listener("mesh", 9080).unwrap();
        let send = |path: &str, headers: &[(&str, &str)]| ask(proxy, path, &[&[("host", "reviews")], headers].concat());
        for _ in 0..5 {
            send("/", &[("end-user", "jason")]);
        }
        for _ in 0..3 {
            send("/any", &[]);
        }
        for _ in 0..40 {
            send("/", &[]);
        }
        tokio::time::sleep(TOLD).await;
        let seen = serins(pocket.envoy().admin(), &[Metric::Requests]);
        let count = |route: &str, subset: &str| {
            let labels = labels(&[("virtual_service", "default/reviews"), ("route", route), ("subset", subset)]);
            seen.get(&("serin_requests_total".to_owned(), labels)).copied().unwrap_or_default()
        };
        assert_eq!(seen.len(), 4, "{seen:#?}");
        assert_eq!(count("jason", "v2"), 5.0, "{seen:#?}");
        assert_eq!(count("http[1]", "reviews.default.svc.cluster.local"), 3.0, "it has no subset");
        assert_eq!(count("http[2]", "v1") + count("http[2]", "v2"), 40.0);
        pocket.stop().await;
    }
}

/// The configuration of an Envoy with that filter, and with all pods at one address, if at any.
fn rendered(filter: Filter, pods: Option<SocketAddr>) -> Value {
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    let all = world.workloads.iter().flat_map(|workload| workload.pods());
    let options = envoy::Options {
        filters: vec![filter],
        source: Source::default(),
        endpoints: Endpoints::Addresses(all.filter_map(|pod| Some((pod, pods?))).collect()),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    envoy::render(&world, &options).unwrap().configuration
}

/// What an Envoy shows whose only filter counts each metric once; `change` is made to its configuration.
async fn shown(change: impl FnOnce(&mut Value)) -> Series {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("guest.wasm");
    let values: Vec<(Label, &str)> = VALUES.iter().map(|(label, value, _)| (*label, *value)).collect();
    std::fs::write(&file, guest(&values)).unwrap();
    let mut configuration = rendered(Filter { name: "guest".into(), file }, None);
    configuration["stats_flush_interval"] = json!("0.1s");
    change(&mut configuration);
    let process = Process::start(&find(None).unwrap(), &configuration, 1, directory).await.unwrap();
    ask(process.listeners()["mesh:9080"], "/", &[("host", "reviews")]);
    let seen = serins(process.admin(), &Metric::ALL);
    process.stop().await;
    seen
}

/// All metrics are there, with their names, labels and values, and nothing else, not even other labels unless `also` has
/// them.
#[track_caller]
fn assert_all_arrived(seen: &Series, also: &[(&str, &str)]) {
    let mut expected = 0;
    for metric in Metric::ALL {
        let mut labels: BTreeMap<String, String> = VALUES
            .iter()
            .filter(|(label, ..)| metric.labels().contains(label))
            .map(|(label, _, value)| (label.name().to_owned(), (*value).to_owned()))
            .collect();
        if metric.labels().contains(&Label::ShadowCluster) {
            labels.extend(also.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        }
        let value = |suffix: &str, labels: &BTreeMap<String, String>| {
            seen.get(&(format!("{}{suffix}", metric.name()), labels.clone())).copied()
        };
        if metric.kind() == Kind::Histogram {
            assert_eq!(value("_count", &labels), Some(1.0), "{metric:?} {labels:?} in {seen:#?}");
            let sum = value("_sum", &labels).unwrap();
            assert!((sum - VALUE as f64).abs() < 0.5, "{sum}");
            labels.insert("le".to_owned(), "10".to_owned());
            assert_eq!(value("_bucket", &labels), Some(1.0), "{seen:#?}");
            let of_metric = |(name, _): &&(String, _)| name.starts_with(metric.name());
            expected += seen.keys().filter(of_metric).count();
        } else {
            assert_eq!(value("", &labels), Some(VALUE as f64), "{metric:?} {labels:?} in {seen:#?}");
            expected += 1;
        }
    }
    assert_eq!(seen.len(), expected, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rendered_envoy_shows_every_metric_with_its_labels() {
    assert_all_arrived(&shown(|_| {}).await, &[]);
}

/// The bootstrap that Istio gives its proxies, with the tags that docs/metrics.md asks for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_with_istios_bootstrap_and_the_tags_shows_the_same() {
    let tag = |name: &str, regex: &str| json!({"tag_name": name, "regex": regex});
    let mut tags = vec![
        tag("cluster_name", r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)"),
        tag("tcp_prefix", r"^tcp\.((.*?)\.)\w+?$"),
        tag("response_code", r"_rq(_(\d{3}))$"),
        tag("response_code_class", r"_rq(_(\dxx))$"),
    ];
    assert_eq!(istios_tags().join(","), render::extra_stat_tags());
    tags.extend(istios_tags().iter().map(|name| tag(name, &format!(r"({name}=\.=(.*?);\.;)"))));
    tags.extend([
        tag("cache", r"(cache\.(.+?)\.)"),
        tag("component", r"(component\.(.+?)\.)"),
        tag("tag", r"(tag\.(.+?);\.)"),
        tag("wasm_filter", r"(wasm_filter\.(.+?)\.)"),
        tag("authz_enforce_result", r"rbac(\.(allowed|denied))"),
        tag("authz_dry_run_action", r"(\.istio_dry_run_(allow|deny)_)"),
        tag("authz_dry_run_result", r"(\.shadow_(allowed|denied))"),
    ]);
    let prefixes = [
        "reporter=",
        "cluster_manager",
        "listener_manager",
        "server",
        "cluster.xds-grpc",
        "wasm",
        "component",
        "istio",
    ];
    let patterns = prefixes.map(|prefix| json!({"prefix": prefix}));
    let seen = shown(|configuration| {
        configuration["stats_config"] = json!({
            "use_all_default_tags": false,
            "stats_tags": tags,
            "stats_matcher": {"inclusion_list": {"patterns": patterns}},
        });
    });
    // A tag of Istio's own finds something in the name of a Service that ends in "cache", and takes nothing away.
    assert_all_arrived(&seen.await, &[("cache", "default")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_envoy_that_denies_metrics_is_asked_once_and_serves_all_the_same() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("canary.wasm");
    std::fs::write(&file, serin_modules::CANARY).unwrap();
    let upstream = Backend::start("reviews", Behaviour::Status(200));
    let mut configuration = rendered(Filter { name: "canary".into(), file }, Some(upstream.address));
    // Names of imports and exports stand in a module as they are.
    let names = regex::bytes::Regex::new("proxy_[a-z0-9_]+").unwrap();
    let names =
        names.find_iter(serin_modules::CANARY).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    let allowed: BTreeMap<String, Value> =
        names.filter(|name| name != "proxy_define_metric").map(|name| (name, json!({}))).collect();
    let manager = &mut configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    manager["typed_config"]["http_filters"][0]["typed_config"]["config"]["capability_restriction_config"] =
        json!({"allowed_capabilities": allowed});
    let process = Process::start(&find(None).unwrap(), &configuration, 1, directory).await.unwrap();
    for _ in 0..3 {
        let answered = ask(process.listeners()["mesh:9080"], "/", &[("host", "reviews"), ("end-user", "jason")]);
        assert_eq!(answered, "reviews");
    }
    tokio::time::sleep(TOLD).await;
    let log = process.log();
    assert_eq!(log.matches("proxy_define_metric").count(), 1, "{log}");
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoys_own_counters_that_the_alerts_ask_for_are_there() {
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    let pocket = Pocket::start(&world, &Options::default()).await.unwrap();
    ask(pocket.listener("mesh", 9080).unwrap(), "/", &[("host", "reviews")]);
    let all = prometheus(pocket.envoy().admin());
    let names: Vec<&str> = all.keys().map(|(name, _)| name.as_str()).collect();
    for pattern in super::query::envoys_own() {
        let pattern = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
        assert!(names.iter().any(|name| pattern.is_match(name)), "{pattern}: {names:#?}");
    }
    pocket.stop().await;
}

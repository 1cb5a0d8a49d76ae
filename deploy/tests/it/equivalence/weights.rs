//! The canary module's split against Envoy's own weighted clusters: both must give each destination its share.

use super::Manner;
use super::client::{Client, Message};
use super::proxies::{filter, listener, start_with};
use crate::backend::{Backend, Behaviour};
use serde_json::{Value, json};
use serin_modules::Module;
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::net::SocketAddr;
use std::thread;

/// How many requests are sent for each split, on either side.
const REQUESTS: usize = 6_000;

/// A right split fails with a probability of less than this.
const P_VALUE: f64 = 1e-6;

const SPLITS: [&[u32]; 5] = [&[90, 10], &[1, 1, 1], &[0, 25, 75], &[1, 2, 3, 994], &[7, 0, 13]];

/// How often each of the upstreams answered, by its place.
fn counts(proxy: SocketAddr, split: usize, upstreams: usize) -> Vec<u64> {
    let mut client = Client::to(proxy);
    let bytes = format!("GET / HTTP/1.1\r\nHost: w{split}.example\r\n\r\n").into_bytes();
    let message = Message { bytes, bodiless: false };
    let mut counts = vec![0; upstreams];
    for _ in 0..REQUESTS {
        let answer = client.ask(&message);
        let place =
            answer.rule.as_deref().and_then(|rule| rule.strip_prefix("u")?.strip_suffix(".example")?.parse().ok());
        let place: usize = place.unwrap_or_else(|| panic!("{answer:?} is nobody's answer"));
        counts[place] += 1;
    }
    counts
}

/// The probability that counts with these expectations are that far off.
fn p(cells: &[(u64, f64)], freedom: usize) -> f64 {
    let distance = cells.iter().map(|(seen, expected)| (*seen as f64 - expected).powi(2) / expected).sum();
    ChiSquared::new(freedom as f64).expect("there is a choice").sf(distance)
}

/// The probability that the seen counts come from a split with these weights.
#[track_caller]
fn p_of(counts: &[u64], weights: &[u32]) -> f64 {
    let total: u32 = weights.iter().sum();
    let cells = counts.iter().zip(weights).filter(|(seen, weight)| {
        assert!(**weight > 0 || **seen == 0, "{counts:?}: a weight of 0 takes nothing");
        **weight > 0
    });
    let cells: Vec<(u64, f64)> =
        cells.map(|(seen, weight)| (*seen, REQUESTS as f64 * f64::from(*weight) / f64::from(total))).collect();
    p(&cells, cells.len() - 1)
}

/// The probability that both come from one split, whatever it is.
fn p_of_one_split(one: &[u64], other: &[u64]) -> f64 {
    let both: Vec<(u64, u64)> = one.iter().copied().zip(other.iter().copied()).filter(|(a, b)| a + b > 0).collect();
    let cells = both.iter().flat_map(|(a, b)| [*a, *b].map(|seen| (seen, (a + b) as f64 / 2.0)));
    p(&cells.collect::<Vec<_>>(), both.len() - 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_modules_split_is_that_of_envoys_weighted_clusters() {
    let most = SPLITS.iter().map(|weights| weights.len()).max().unwrap_or_default();
    let names: Vec<String> = (0..most).map(|place| format!("u{place}.example")).collect();
    let upstreams: Vec<Backend> = names.iter().map(|name| Backend::start(name, Behaviour::Status(200))).collect();
    let clusters = names.iter().zip(&upstreams).map(|(name, upstream)| cluster(name, upstream.address)).collect();
    let weighted = |weights: &[u32]| -> Value {
        let clusters: Vec<Value> =
            names.iter().zip(weights).map(|(name, weight)| json!({"name": name, "weight": weight})).collect();
        json!([{"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}},
            "response_headers_to_add": answered_by()}])
    };
    let hosts = SPLITS.iter().enumerate().map(|(place, weights)| {
        let host = format!("w{place}.example");
        json!({"name": host, "domains": [host], "routes": weighted(weights)})
    });
    let resources = SPLITS.iter().enumerate().map(|(place, weights)| {
        let route = names.iter().zip(*weights);
        let route: Vec<Value> =
            route.map(|(name, weight)| json!({"destination": {"host": name}, "weight": weight})).collect();
        let spec = json!({"hosts": [format!("w{place}.example")], "http": [{"route": route}]});
        json!({"kind": "VirtualService", "metadata": {"name": format!("w{place}")}, "spec": spec})
    });
    let configuration = json!({"cluster": "{host}", "resources": resources.collect::<Vec<_>>()});
    let chosen = json!([{"match": {"prefix": "/"}, "route": {"cluster_header": "x-serin-cluster"},
        "response_headers_to_add": answered_by()}]);
    let (native, any) = (hosts.collect(), json!({"name": "any", "domains": ["*"], "routes": chosen}));
    let proxies = start_with(Manner::DEFAULT, &[Module::Canary], clusters, |modules| {
        vec![
            listener("native", vec![], native),
            listener("filter", vec![filter(&modules[0], &configuration)], vec![any]),
        ]
    })
    .await;

    let (native, filter) = (proxies.address("native"), proxies.address("filter"));
    for (place, weights) in SPLITS.iter().enumerate() {
        let (theirs, ours) = thread::scope(|scope| {
            let theirs = scope.spawn(|| counts(native, place, weights.len()));
            let ours = counts(filter, place, weights.len());
            (theirs.join().expect("the client got its answers"), ours)
        });
        let ps = [p_of(&theirs, weights), p_of(&ours, weights), p_of_one_split(&theirs, &ours)];
        println!("{weights:?}: envoy {theirs:?}, canary {ours:?}, p {ps:.3?}");
        assert!(ps.iter().all(|p| *p > P_VALUE), "{weights:?}: envoy {theirs:?}, canary {ours:?}, p {ps:?}");
    }
    proxies.stop().await;
}

/// Adds the cluster's name to the answer.
fn answered_by() -> Value {
    json!([{"header": {"key": "x-rule", "value": "%UPSTREAM_CLUSTER%"}}])
}

pub(super) fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}},
        }}]}]},
    })
}

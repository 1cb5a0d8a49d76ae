//! Which VirtualService a gateway's request meets, against the domains of Envoy's virtual hosts.

use super::client::{Answer, Client, Message};
use super::native::answering;
use super::proxies::{chosen, filter, listener, start};
use super::{Manner, generate, runner, seed};
use proptest::collection::{btree_set, vec};
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;
use serde_json::{Value, json};
use serin_modules::Module;
use std::collections::BTreeSet;
use std::path::Path;

/// How many gateways there are, each with a set of hosts of its own.
const GATEWAYS: usize = 24;

/// How many requests each of them gets.
const REQUESTS: usize = 300;

/// Labels, few and alike.
fn name() -> impl Strategy<Value = String> + Clone {
    vec(select(vec!["a", "b", "ab", "a-b", "example", "com"]), 1..5).prop_map(|labels| labels.join("."))
}

/// A host as a VirtualService may name it at a gateway; always with a dot, for a short name would be completed.
fn pattern() -> impl Strategy<Value = String> {
    let exact = name().prop_map(|name| format!("{name}.example"));
    prop_oneof![
        4 => exact.clone(),
        1 => exact.prop_map(|name| name.to_ascii_uppercase()),
        5 => name().prop_map(|name| format!("*.{name}")),
    ]
}

/// The hosts of a gateway's VirtualServices; in every other set everything has one.
fn patterns() -> impl Strategy<Value = Vec<String>> {
    (btree_set(pattern(), 1..30), proptest::bool::ANY).prop_map(|(patterns, any)| {
        let mut seen = BTreeSet::new();
        let any = any.then(|| "*".to_owned());
        patterns.into_iter().chain(any).filter(|pattern| seen.insert(pattern.to_ascii_lowercase())).collect()
    })
}

/// The authority of a request: a host of the set or one beside it, in any case, with a port or without.
fn authority(patterns: Vec<String>) -> impl Strategy<Value = String> {
    let near = (select(patterns), select(vec!["", "a", "b", "a.b", "x-"]), select(vec!["", "a.", "x"]));
    let near = near.prop_map(|(pattern, label, before)| format!("{before}{}", pattern.replacen('*', label, 1)));
    let other = name().prop_map(|name| format!("{name}.example"));
    let odd = select(vec!["127.0.0.1", "[::1]", "localhost", "", ".", "*.a.example", "a..example", ".example"]);
    let host = prop_oneof![10 => near, 4 => other, 1 => odd.prop_map(str::to_owned)];
    let port =
        prop_oneof![4 => select(vec!["", ":80"]), 1 => select(vec![":8080", ":443", ":", ":http", ":080", ":99999"])];
    (host, port, select(vec![false, false, true])).prop_map(|(host, port, upper)| {
        let authority = format!("{host}{port}");
        if upper { authority.to_ascii_uppercase() } else { authority }
    })
}

/// The listeners of one gateway: Envoy's own choice among the domains, and the filter's among the hosts.
fn listeners(gateway: usize, patterns: &[String], module: &Path) -> [Value; 2] {
    let native = patterns.iter().enumerate().map(|(place, pattern)| {
        let routes = json!([answering(json!({"prefix": "/"}), &format!("h{place}.example"))]);
        json!({"name": pattern, "domains": [pattern.to_ascii_lowercase()], "routes": routes})
    });
    let resources = patterns.iter().enumerate().map(|(place, pattern)| {
        let http = json!([{"route": [{"destination": {"host": format!("h{place}.example")}}]}]);
        let spec = json!({"hosts": [pattern], "gateways": ["edge"], "http": http});
        json!({"kind": "VirtualService", "metadata": {"name": format!("h{place}")}, "spec": spec})
    });
    let resources: Vec<Value> = resources.collect();
    let configuration = json!({"gateway": "default/edge", "cluster": "{host}", "resources": resources});
    let any = json!({"name": "any", "domains": ["*"], "routes": [chosen()]});
    [
        listener(&format!("native-{gateway}"), vec![], native.collect()),
        listener(&format!("filter-{gateway}"), vec![filter(module, &configuration)], vec![any]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn header_router_finds_the_host_that_envoys_domains_find() {
    let seed = seed();
    let mut runner = runner(seed);
    let gateways: Vec<Vec<String>> = (0..GATEWAYS).map(|_| generate(&mut runner, &patterns())).collect();
    let proxies = start(Manner::DEFAULT, &[Module::HeaderRouter], |modules| {
        gateways.iter().enumerate().flat_map(|(place, patterns)| listeners(place, patterns, &modules[0])).collect()
    })
    .await;
    let (mut exact, mut wildcard, mut none) = (0, 0, 0);
    for (place, patterns) in gateways.iter().enumerate() {
        let mut native = Client::to(proxies.address(&format!("native-{place}")));
        let mut filter = Client::to(proxies.address(&format!("filter-{place}")));
        for authority in generate(&mut runner, &vec(authority(patterns.clone()), REQUESTS)) {
            let bytes = format!("GET / HTTP/1.1\r\nHost: {authority}\r\n\r\n").into_bytes();
            let message = Message { bytes, bodiless: false };
            let (expected, found) = (native.ask(&message), filter.ask(&message));
            assert_eq!(found, expected, "seed {seed}: `{authority}` of {patterns:?}");
            match pattern_of(&expected, patterns) {
                Some(pattern) if pattern.contains('*') => wildcard += 1,
                Some(_) => exact += 1,
                None => none += 1,
            }
        }
    }
    proxies.stop().await;
    let enough = GATEWAYS * REQUESTS / 20;
    println!("seed {seed}, {GATEWAYS} gateways: {exact} exact, {wildcard} wildcard, {none} none");
    assert!(
        [exact, wildcard, none].iter().all(|count| *count > enough),
        "{exact} exact, {wildcard} wildcard, {none} none"
    );
}

/// The host of the VirtualService that was chosen.
fn pattern_of<'p>(answer: &Answer, patterns: &'p [String]) -> Option<&'p String> {
    let place = answer.rule.as_deref()?.strip_prefix('h')?.strip_suffix(".example")?;
    patterns.get(place.parse::<usize>().ok()?)
}

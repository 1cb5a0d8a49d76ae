//! A rollout under load: the filters of a real Envoy get another configuration one after the other, a hundred times each.

use crate::backend::{Backend, Behaviour, Client, changed_envoy, reviews};
use crate::swaps::{discovered, reconfigure};
use serde_json::{Value, json};
use serin_modules::Module;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const SWAPS: usize = 100;
const REQUESTS: usize = 30_000;
const CLIENTS: usize = 4;

/// The versions of the old configuration and of the new one: two that requests are split between, and one for copies.
const SIDES: [[&str; 3]; 2] = [["v1", "v2", "v3"], ["v4", "v5", "v6"]];

/// The one rule of a configuration: what it changes says which of the two it is, and so do its destinations.
fn rule(side: usize) -> Value {
    let [one, other, copy] = SIDES[side];
    let destination = |subset: &str| {
        json!({"destination": {"host": "reviews", "subset": subset}, "weight": 50,
               "headers": {"request": {"set": {"destination": subset}}}})
    };
    json!({
        "match": [{"uri": {"exact": "/"}}], "rewrite": {"uri": format!("/{side}")},
        "headers": {"request": {"set": {"rule": side.to_string()}}},
        "route": [destination(one), destination(other)], "mirror": {"host": "reviews", "subset": copy},
    })
}

fn manifest(side: usize) -> String {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "reviews"},
        "spec": {"hosts": ["reviews"], "http": [rule(side)]},
    })
    .to_string()
}

fn swap(directory: &Path, filter: &str, side: usize) {
    reconfigure(directory, filter, |document| {
        let resources = document["resources"].as_array_mut().unwrap();
        let service = resources.iter_mut().find(|resource| resource["kind"] == "VirtualService").unwrap();
        service["spec"]["http"] = json!([rule(side)]);
    });
}

/// How often Envoy has taken a configuration for the filter.
fn taken(admin: SocketAddr, filter: &str) -> u64 {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(stream, "GET /stats?filter=config_reload HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let name = format!("{filter}.config_reload: ");
    let value = text.lines().find_map(|line| line.split_once(&name)).unwrap_or_else(|| panic!("{name} in {text}")).1;
    value.trim().parse().unwrap()
}

/// Swaps each filter by itself, `SWAPS` times, evenly spread over the requests.
fn swap_each(directory: &Path, admin: SocketAddr, modules: &[Module], sent: &AtomicUsize) {
    let all = modules.len() * SWAPS;
    for (place, module) in modules.iter().enumerate() {
        let filter = format!("serin.{}", module.name());
        let begun = taken(admin, &filter);
        for number in 1..=SWAPS {
            while sent.load(Ordering::Relaxed) < REQUESTS * (place * SWAPS + number) / all {
                thread::sleep(Duration::from_millis(1));
            }
            swap(directory, &filter, number % 2);
            let started = Instant::now();
            while taken(admin, &filter) < begun + number as u64 {
                assert!(started.elapsed() < Duration::from_secs(20), "swap {number} of {filter} is not taken");
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Asks until `done`; the answers that were none of a backend's.
fn load(proxy: SocketAddr, done: &AtomicBool, sent: &AtomicUsize) -> Vec<String> {
    let mut client = Client::of(proxy);
    let mut failed = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let answer = client.get("/", &[]);
        if answer.status != 200 {
            failed.push(format!("{} {:?}", answer.status, answer.headers));
        }
        sent.fetch_add(1, Ordering::Relaxed);
    }
    failed
}

async fn nothing_fails_or_is_mixed(modules: &'static [Module]) {
    let versions = SIDES.as_flattened();
    let backends: Vec<(&str, Backend)> =
        versions.iter().map(|version| (*version, Backend::start(version, Behaviour::Status(200)))).collect();
    let addresses: Vec<_> = backends.iter().map(|(version, backend)| (*version, backend.address)).collect();
    let manifests = [reviews(versions), manifest(0)];
    let manifests = manifests.each_ref().map(String::as_str);
    let (envoy, proxy) = changed_envoy(modules, 2, &manifests, &addresses, discovered).await;
    let (directory, admin) = (envoy.directory(), envoy.admin());
    let (sent, failed) = tokio::task::spawn_blocking(move || {
        let (done, sent) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(|| load(proxy, &done, &sent))).collect();
            swap_each(&directory, admin, modules, &sent);
            done.store(true, Ordering::Relaxed);
            let failed: Vec<String> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
            (sent.load(Ordering::Relaxed), failed)
        })
    })
    .await
    .unwrap();
    assert!(sent >= REQUESTS, "{sent}");
    assert!(failed.is_empty(), "{} of {sent} failed, such as {}", failed.len(), failed[0]);
    for (side, [one, other, copy]) in SIDES.into_iter().enumerate() {
        let backend = |version| &backends.iter().find(|(name, _)| *name == version).unwrap().1;
        let line = |subset: &str| format!("GET /{side} HTTP/1.1 {side} {subset}");
        let (first, second) = (backend(one).requests(), backend(other).requests());
        assert!(first > 0 && second > 0, "both sides are met: {side}");
        // Copies arrive when they do.
        assert_eq!(backend(copy).requests_of(first + second), first + second, "copies of side {side}");
        assert_eq!(backend(one).marks(), BTreeMap::from([(line(one), first)]));
        assert_eq!(backend(other).marks(), BTreeMap::from([(line(other), second)]));
        assert_eq!(backend(copy).marks(), BTreeMap::from([(line(one), first), (line(other), second)]));
    }
    println!("{sent} requests, {SWAPS} swaps of each of {}", modules.len());
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_the_whole_of_one_configuration_while_the_filters_of_a_chain_are_swapped_one_by_one() {
    nothing_fails_or_is_mixed(&Module::CHAIN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gets_the_whole_of_one_configuration_while_canary_is_swapped() {
    nothing_fails_or_is_mixed(&[Module::Canary]).await;
}

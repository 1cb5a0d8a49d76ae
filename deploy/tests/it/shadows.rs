//! Copies in a real Envoy: they arrive whole, and cannot hurt.

use crate::backend::{Backend, Behaviour, Client, TOLD, envoy, metric, metric_of, results, reviews};
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

/// Everything to v1; what is below /mirrored is copied to `mirrors`, as `shadow` says.
fn rules(mirrors: &[&str], percentage: f64, shadow: &str) -> String {
    let mirror = |name: &&str| {
        format!("{{destination: {{host: reviews, subset: {name}}}, percentage: {{value: {percentage}}}}}")
    };
    let mirrors: Vec<String> = mirrors.iter().map(mirror).collect();
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:
  - name: mirrored
    match: [{{uri: {{prefix: /mirrored}}}}]
    route: [{{destination: {{host: reviews, subset: v1}}}}]
    mirrors: [{}]
  - name: plain
    route: [{{destination: {{host: reviews, subset: v1}}}}]
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {{name: reviews}}
spec: {{virtualService: reviews, routes: [{{route: mirrored, shadow: {shadow}}}]}}
",
        mirrors.join(", ")
    )
}

/// Sends `count` requests of each body, by four clients at a time.
fn send(proxy: SocketAddr, bodies: &[(usize, Vec<u8>)]) {
    thread::scope(|scope| {
        for client in 0..4 {
            scope.spawn(move || {
                let mut connection = Client::of(proxy);
                for (count, body) in bodies {
                    for _ in (client..*count).step_by(4) {
                        assert_eq!(connection.ask("POST", "/mirrored", &[], body).by(), "v1");
                    }
                }
            });
        }
    });
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_three_mirrors_gets_every_request_byte_for_byte() {
    let bodies: Vec<(usize, Vec<u8>)> =
        [(4_000, 0), (3_600, 1), (2_000, 1_000), (380, 70_000), (20, 1 << 20)].map(|(n, size)| (n, bytes(size))).into();
    let expected: BTreeMap<Vec<u8>, usize> = bodies.iter().map(|(count, body)| (body.clone(), *count)).collect();
    for (modules, shadow) in [
        (&Module::CHAIN[..], "{delivery: router}"),
        (&[Module::Canary], "{delivery: callout, maxInFlight: 10000, maxBodyBytes: 1048576}"),
    ] {
        let names = ["v1", "v2", "v3", "v4"];
        let backends = names.map(|name| Backend::start(name, Behaviour::Status(200)));
        let addresses: Vec<_> = names.iter().zip(&backends).map(|(name, backend)| (*name, backend.address)).collect();
        let rules = rules(&names[1..], 100.0, shadow);
        let (envoy, proxy) = envoy(modules, 2, &[&reviews(&names), &rules], &addresses).await;
        let sent = bodies.clone();
        tokio::task::spawn_blocking(move || send(proxy, &sent)).await.unwrap();
        for (name, backend) in names.iter().zip(&backends) {
            assert_eq!(backend.requests_of(10_000), 10_000, "{shadow} {name}");
            assert!(backend.bodies() == expected, "{shadow} {name}: the bodies are others");
        }
        for name in &names[1..] {
            let cluster = format!("outbound|9080|{name}|reviews.default.svc.cluster.local");
            let labels = [("shadow_cluster", cluster.as_str())];
            assert_eq!(metric_of(envoy.admin(), "serin_shadows_total", &labels, 10_000), 10_000, "{shadow}");
        }
        envoy.stop().await;
    }
}

/// How long the slowest hundredth of `count` requests takes at the least, two at a time; every one is answered by v1.
fn p99(proxy: SocketAddr, path: &str, count: usize) -> Duration {
    let latencies: Vec<Vec<Duration>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::of(proxy);
                    let one = |_| {
                        let started = Instant::now();
                        assert_eq!(client.get(path, &[]).by(), "v1");
                        let latency = started.elapsed();
                        // At a pace that leaves the machine time for the copies, as a proxy in use has it.
                        thread::sleep(Duration::from_millis(3));
                        latency
                    };
                    (0..count / 2).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let mut latencies = latencies.concat();
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}

/// The medians of the p99 without copies and with them, of interleaved rounds.
fn measured(proxy: SocketAddr, count: usize) -> (Duration, Duration) {
    let mut rounds: [Vec<Duration>; 2] = Default::default();
    for _ in 0..7 {
        for (round, path) in rounds.iter_mut().zip(["/plain", "/mirrored"]) {
            round.push(p99(proxy, path, count));
        }
    }
    let [plain, mirrored] = rounds.map(|mut round| {
        round.sort_unstable();
        round[round.len() / 2]
    });
    (plain, mirrored)
}

/// Whether the difference is what two measurements of the same thing differ by here: a fifth, or what a scheduler takes on a
/// machine on which other tests run.
fn is_noise(plain: Duration, mirrored: Duration) -> bool {
    mirrored.as_secs_f64() <= plain.as_secs_f64() * 1.2 || mirrored < plain + Duration::from_millis(1)
}

async fn misbehaving(delivery: &str) {
    let shadow = format!("{{delivery: {delivery}, timeout: 1s}}");
    // A server that is down: nobody listens at its port.
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let primary = Backend::start("v1", Behaviour::Status(200));
    let bad = Backend::start("v2", Behaviour::Hang);
    let worlds = [("down", down, None)].into_iter().chain(
        [
            ("hangs", Behaviour::Hang),
            ("answers after 10 s", Behaviour::After(Duration::from_secs(10))),
            ("answers 500", Behaviour::Status(500)),
            ("answers 100 MiB", Behaviour::Bytes(100 << 20)),
        ]
        .map(|(what, behaviour)| (what, bad.address, Some(behaviour))),
    );
    let rules = rules(&["v2"], 100.0, &shadow);
    let mut failures = Vec::new();
    for (what, address, behaviour) in worlds {
        if let Some(behaviour) = behaviour {
            bad.behave(behaviour);
        }
        let backends = [("v1", primary.address), ("v2", address)];
        let (envoy, proxy) = envoy(&[Module::Canary], 2, &[&reviews(&["v1", "v2"]), &rules], &backends).await;
        // A hundred megabytes for each of many requests would measure the machine.
        let count = if behaviour == Some(Behaviour::Bytes(100 << 20)) { 10 } else { 200 };
        // What is measured is small: several tries, since other work on the machine is in it.
        let mut tries = Vec::new();
        for _ in 0..8 {
            let (plain, mirrored) = tokio::task::spawn_blocking(move || measured(proxy, count)).await.unwrap();
            tries.push((plain, mirrored));
            if is_noise(plain, mirrored) {
                break;
            }
        }
        eprintln!("{delivery}, the shadow's backend {what}: p99 without copies and with them {tries:?}");
        if !tries.iter().any(|(plain, mirrored)| is_noise(*plain, *mirrored)) {
            failures.push(format!("{what}: {tries:?}"));
        }
        envoy.stop().await;
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shadow_that_envoy_sends_can_hurt_its_primary() {
    misbehaving("router").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_shadow_that_the_filter_sends_can_hurt_its_primary() {
    misbehaving("callout").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shadows_that_take_two_seconds_arrive_whole_and_are_all_counted() {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let shadow = Backend::start("v2", Behaviour::After(Duration::from_secs(2)));
    let rules = rules(&["v2"], 100.0, "{delivery: callout, compare: {status: true, body: true, sampleLog: 100}}");
    let backends = [("v1", primary.address), ("v2", shadow.address)];
    let (envoy, proxy) = envoy(&Module::CHAIN, 2, &[&reviews(&["v1", "v2"]), &rules], &backends).await;
    let content = bytes(5_000);
    let expected = BTreeMap::from([(content.clone(), 60)]);
    let started = Instant::now();
    tokio::task::spawn_blocking(move || send(proxy, &[(60, content)])).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "the primaries waited: {:?}", started.elapsed());
    assert_eq!(shadow.requests_of(60), 60);
    assert!(shadow.bodies() == expected, "the bodies are others");
    assert_eq!(results(&envoy, 60).await, [("body_mismatch", 60)], "v1 is not v2");
    assert!(envoy.log().contains("body_mismatch"), "{}", envoy.log());
    envoy.stop().await;
}

/// Who is shadowed, and how often, where the users whom `asked_by` says ask on each of four connections.
async fn shadowed(
    modules: &[Module],
    percentage: f64,
    asked_by: fn(usize) -> Box<dyn Iterator<Item = usize>>,
) -> BTreeMap<String, usize> {
    let rules = rules(&["v2"], percentage, "{key: [{header: user}]}");
    let primary = Backend::start("v1", Behaviour::Status(200));
    let shadow = Backend::start("v2", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", shadow.address)];
    let (envoy, proxy) = envoy(modules, 2, &[&reviews(&["v1", "v2"]), &rules], &backends).await;
    tokio::task::spawn_blocking(move || {
        thread::scope(|scope| {
            for connection in 0..4 {
                scope.spawn(move || {
                    let mut client = Client::of(proxy);
                    for user in asked_by(connection) {
                        client.get("/mirrored", &[("user", &format!("user-{user}"))]);
                    }
                });
            }
        });
    })
    .await
    .unwrap();
    tokio::time::sleep(TOLD).await;
    let copies = metric(envoy.admin(), "serin_shadows_total", &[]);
    assert_eq!(shadow.requests_of(copies as usize), copies as usize);
    envoy.stop().await;
    shadow.users()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_users_are_shadowed_by_every_envoy_and_worker() {
    let mut sampled: Vec<BTreeSet<String>> = Vec::new();
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        // Each asks for every user: on whichever worker, the answer is the same.
        let users = shadowed(modules, 10.0, |_| Box::new(0..2_000)).await;
        assert!(users.values().all(|count| *count == 4), "always or never: {users:?}");
        sampled.push(users.into_keys().collect());
    }
    assert_eq!(sampled[0], sampled[1]);
    // Three standard deviations of 2,000 users at 10 %.
    assert!((160..=240).contains(&sampled[0].len()), "{}", sampled[0].len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_percent_of_a_hundred_thousand_users_are_shadowed_and_always_the_same() {
    let here = shadowed(&Module::CHAIN, 1.0, |connection| Box::new((connection..100_000).step_by(4))).await;
    let there =
        shadowed(&[Module::Canary], 1.0, |connection| Box::new((connection * 25_000..(connection + 1) * 25_000).rev()));
    assert!(here == there.await, "two Envoys shadow other users");
    // Three standard deviations of 100,000 users at 1 %.
    assert!((906..=1_094).contains(&here.len()), "{}", here.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_tagged_and_carries_no_credentials() {
    for delivery in ["router", "callout"] {
        let shadow = format!(
            "{{delivery: {delivery}, authoritySuffix: true, headers: {{set: {{user: shadow}}, remove: [authorization]}}}}"
        );
        let rules = rules(&["v2"], 100.0, &shadow);
        let primary = Backend::start("v1", Behaviour::Status(200));
        let recording = Backend::start("v2", Behaviour::Status(200));
        let addresses = [("v1", primary.address), ("v2", recording.address)];
        let (envoy, proxy) = envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), &rules], &addresses).await;
        tokio::task::spawn_blocking(move || {
            Client::of(proxy).get("/mirrored", &[("user", "mary"), ("authorization", "Bearer secret")])
        })
        .await
        .unwrap();
        assert_eq!(recording.requests_of(1), 1);
        let heads = recording.heads();
        let head = &heads[0];
        assert_eq!(head.get("user").map(String::as_str), Some("shadow"), "{delivery} {head:?}");
        assert_eq!(head.get("x-shadowed-by").map(String::as_str), Some("serin"), "{delivery} {head:?}");
        assert_eq!(head.get("host").map(String::as_str), Some("reviews-shadow:9080"), "{delivery} {head:?}");
        for gone in ["authorization", "x-serin-cluster", "x-serin-subset", "x-serin-shadow-1"] {
            assert_eq!(head.get(gone), None, "{delivery} {gone}");
        }
        envoy.stop().await;
    }
}

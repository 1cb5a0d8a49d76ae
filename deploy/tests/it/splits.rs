//! Splits in a real Envoy: sticky on every worker, growing by the clock, withdrawn where a destination fails.

use crate::backend::{Backend, Behaviour, Client, envoy, metric, reviews};
use serin::envoy::Process;
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// All requests to v1 and v2 by these weights, and what a CanaryPolicy says of it.
fn rules(weights: [u32; 2], said: &str) -> String {
    let [one, two] = weights;
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:
  - name: all
    route:
    - {{destination: {{host: reviews, subset: v1}}, weight: {one}}}
    - {{destination: {{host: reviews, subset: v2}}, weight: {two}}}
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {{name: reviews}}
spec: {{virtualService: reviews, reveal: true, routes: [{{route: all, {said}}}]}}
"
    )
}

const STICKY: &str = "split: {mode: sticky, key: [{header: user}]}";

struct Shop {
    backends: [Backend; 2],
    envoy: Process,
    proxy: SocketAddr,
}

impl Shop {
    async fn open(modules: &[Module], concurrency: u32, rules: &str) -> Self {
        let backends = ["v1", "v2"].map(|name| Backend::start(name, Behaviour::Status(200)));
        let addresses = [("v1", backends[0].address), ("v2", backends[1].address)];
        let (envoy, proxy) = envoy(modules, concurrency, &[&reviews(&["v1", "v2"]), rules], &addresses).await;
        Self { backends, envoy, proxy }
    }
}

/// Who answers each of `count` users, asked by four clients on as many connections; all must say the same.
async fn who_answers(proxy: SocketAddr, count: usize) -> BTreeMap<usize, String> {
    let all = tokio::task::spawn_blocking(move || {
        thread::scope(|scope| {
            let clients: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(move || {
                        let mut client = Client::of(proxy);
                        let one = |user| (user, client.get("/", &[("user", &format!("user-{user}"))]).by());
                        (0..count).map(one).collect::<BTreeMap<_, _>>()
                    })
                })
                .collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect::<Vec<_>>()
        })
    });
    let all = all.await.unwrap();
    assert!(all.iter().all(|other| *other == all[0]), "two workers say different things");
    all.into_iter().next().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_meets_the_same_version_on_every_envoy_and_worker() {
    let mut seen = Vec::new();
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        let shop = Shop::open(modules, 2, &rules([90, 10], STICKY)).await;
        seen.push(who_answers(shop.proxy, 2_500).await);
        shop.envoy.stop().await;
    }
    assert!(seen[0] == seen[1], "two Envoys say different things");
    let of_v2 = seen[0].values().filter(|by| *by == "v2").count();
    // Three standard deviations of 2,500 users at 10 %.
    assert!((205..=295).contains(&of_v2), "{of_v2}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_requests_in_a_row_are_seven_and_three() {
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        let shop = Shop::open(modules, 1, &rules([70, 30], "split: {mode: exact}")).await;
        let proxy = shop.proxy;
        let seen = tokio::task::spawn_blocking(move || {
            let mut client = Client::of(proxy);
            (0..500).map(|_| client.get("/", &[]).by()).collect::<Vec<_>>()
        });
        for window in seen.await.unwrap().windows(10) {
            assert_eq!(window.iter().filter(|by| *by == "v1").count(), 7, "{window:?}");
        }
        shop.envoy.stop().await;
    }
}

/// `seconds` from now, in RFC 3339.
fn from_now(seconds: u64) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() + Duration::from_secs(seconds)).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_over_thirty_seconds_moves_users_one_way() {
    let said = format!("{STICKY}, ramp: {{subset: v2, from: 0, to: 100, start: \"{}\", duration: 30s}}", from_now(3));
    let shop = Shop::open(&[Module::Canary], 2, &rules([100, 0], &said)).await;
    let started = Instant::now();
    let (mut inside, mut shares): (BTreeSet<usize>, Vec<usize>) = Default::default();
    while started.elapsed() < Duration::from_secs(34) {
        // Workers and clients look at the clock one after the other: each is asked by itself.
        let proxy = shop.proxy;
        let answers = tokio::task::spawn_blocking(move || {
            let mut client = Client::of(proxy);
            (0..400).map(|user| client.get("/", &[("user", &format!("user-{user}"))]).by()).collect::<Vec<_>>()
        });
        let now: BTreeSet<usize> =
            answers.await.unwrap().iter().enumerate().filter(|(_, by)| *by == "v2").map(|(user, _)| user).collect();
        assert!(inside.is_subset(&now), "moved back: {:?}", inside.difference(&now).collect::<Vec<_>>());
        shares.push(now.len());
        inside = now;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(shares.last(), Some(&400), "at the end everybody is in: {shares:?}");
    let distinct: BTreeSet<&usize> = shares.iter().collect();
    assert!(distinct.len() > 10, "it grows all the time: {shares:?}");
    shop.envoy.stop().await;
}

/// Of requests within `time`, at some 400 a second by two clients, how many each version got.
async fn counted(shop: &Shop, time: Duration) -> [usize; 2] {
    let before = shop.backends.each_ref().map(Backend::requests);
    let proxy = shop.proxy;
    tokio::task::spawn_blocking(move || {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(move || {
                    let mut client = Client::of(proxy);
                    let started = Instant::now();
                    while started.elapsed() < time {
                        client.get("/", &[]);
                        thread::sleep(Duration::from_millis(4));
                    }
                });
            }
        });
    })
    .await
    .unwrap();
    let [one, two] = shop.backends.each_ref().map(Backend::requests);
    [one - before[0], two - before[1]]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_turns_bad_loses_its_share_and_gets_it_back_once_it_is_healthy() {
    let said = "guard: {subset: v2, maxErrorPercent: 10, minRequests: 20, window: 2s, hold: 4s}";
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        let shop = Shop::open(modules, 2, &rules([50, 50], said)).await;
        let [_, healthy] = counted(&shop, Duration::from_secs(1)).await;
        assert!(healthy > 50, "{healthy}");

        shop.backends[1].behave(Behaviour::Status(500));
        counted(&shop, Duration::from_secs(2)).await;
        let [stable, bad] = counted(&shop, Duration::from_secs(1)).await;
        assert_eq!(bad, 0, "within a window it has lost its share on both workers");
        assert!(stable > 100, "{stable}");

        shop.backends[1].behave(Behaviour::Status(200));
        // The rest of the hold, a trial of a window at the least, and then some.
        counted(&shop, Duration::from_secs(9)).await;
        let [_, again] = counted(&shop, Duration::from_secs(1)).await;
        assert!(again * 3 > healthy, "{again}, it was {healthy}");

        let log = shop.envoy.log();
        for transition in ["share withdrawn for 4s", "tried again with 10% of its share", "share restored"] {
            let told = log.lines().filter(|line| line.contains(transition)).count();
            assert_eq!(told, 1, "{transition}: {log}");
        }
        let labels = [("virtual_service", "default/reviews"), ("route", "all"), ("subset", "v2")];
        assert_eq!(metric(shop.envoy.admin(), "serin_guard_share", &labels), 100);
        assert_eq!(metric(shop.envoy.admin(), "serin_guard_transitions_total", &labels), 3);
        shop.envoy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_of_one_percent_in_a_hundred_thousand_requests_withdraws_nothing() {
    let said = "guard: {subset: v2, maxErrorPercent: 5, window: 2s, hold: 4s}";
    let shop = Shop::open(&[Module::Canary], 2, &rules([50, 50], said)).await;
    shop.backends.iter().for_each(|backend| backend.behave(Behaviour::Noise));
    let proxy = shop.proxy;
    let failed = tokio::task::spawn_blocking(move || {
        let ask = |_| {
            let mut client = Client::of(proxy);
            (0..25_000).filter(|_| client.get("/", &[]).status == 503).count()
        };
        thread::scope(|scope| {
            let clients = [(); 4].map(|()| scope.spawn(move || ask(())));
            clients.map(|client| client.join().unwrap()).iter().sum::<usize>()
        })
    });
    let failed = failed.await.unwrap();
    // Five standard deviations of 100,000 requests at 1 % are 157.
    assert!((843..=1_157).contains(&failed), "{failed}");
    assert!(shop.backends[1].requests() > 49_000, "it has all of its share");
    assert!(!shop.envoy.log().contains("share withdrawn"), "{}", shop.envoy.log());
    shop.envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_without_hosts_is_passed_over() {
    // Nobody stands for v2: its cluster has no endpoint.
    let primary = Backend::start("v1", Behaviour::Status(200));
    let said = "failover: {retryAfter: 60s}";
    let manifests = [reviews(&["v1", "v2"]), rules([50, 50], said)];
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        let (envoy, proxy) = envoy(modules, 2, &[&manifests[0], &manifests[1]], &[("v1", primary.address)]).await;
        let seen = tokio::task::spawn_blocking(move || {
            let mut clients: Vec<Client> = (0..4).map(|_| Client::of(proxy)).collect();
            (0..200).map(|turn| clients[turn % 4].get("/", &[]).by()).collect::<Vec<_>>()
        });
        let seen = seen.await.unwrap();
        let failed = seen.iter().filter(|by| *by == "503").count();
        assert_eq!(failed, 1, "the first to find out cannot be sent again, all others are sent elsewhere: {seen:?}");
        assert!(metric(envoy.admin(), "serin_failover_requests_total", &[("subset", "v2")]) > 50);
        envoy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_envoy_ejects_is_passed_over_until_it_is_let_in_again() {
    let ejecting = "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1, interval: 100ms, baseEjectionTime: 2s, \
                    maxEjectionPercent: 100}}, subsets:";
    let destination = reviews(&["v1", "v2"]).replace("subsets:", ejecting);
    let rules = rules([50, 50], "split: {mode: exact}, failover: {retryAfter: 500ms}");
    let backends = ["v1", "v2"].map(|name| Backend::start(name, Behaviour::Status(200)));
    let addresses = [("v1", backends[0].address), ("v2", backends[1].address)];
    let (envoy, proxy) = envoy(&[Module::Canary], 2, &[&destination, &rules], &addresses).await;
    let shop = Shop { backends, envoy, proxy };
    assert!(counted(&shop, Duration::from_millis(500)).await.into_iter().all(|count| count > 10));

    shop.backends[1].behave(Behaviour::Status(500));
    let failed = tokio::task::spawn_blocking(move || {
        let mut client = Client::of(proxy);
        (0..20).map(|_| client.get("/", &[]).by()).filter(|by| by == "500").count()
    });
    assert_eq!(failed.await.unwrap(), 1, "one error ejects its only host");
    shop.backends[1].behave(Behaviour::Status(200));
    let [stable, canary] = counted(&shop, Duration::from_secs(1)).await;
    assert!(stable > 50 && canary == 0, "nobody is there: {stable}, {canary}");

    counted(&shop, Duration::from_secs(3)).await;
    let [stable, canary] = counted(&shop, Duration::from_secs(1)).await;
    assert!(stable.abs_diff(canary) < stable / 4, "it is back: {stable}, {canary}");
    shop.envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_a_cookie_and_is_known_by_it() {
    let said = "split: {mode: sticky, key: [{header: user}, {issueCookie: {name: serin, ttl: 24h}}]}";
    for modules in [&Module::CHAIN[..], &[Module::Canary]] {
        let shop = Shop::open(modules, 2, &rules([50, 50], said)).await;
        let proxy = shop.proxy;
        let asked = tokio::task::spawn_blocking(move || {
            for _ in 0..20 {
                let first = Client::of(proxy).get("/", &[("x-serin-decision", "faked")]);
                assert_eq!(first.headers["cache-control"], "private");
                let (cookie, attributes) = first.headers["set-cookie"].split_once("; ").expect("it has attributes");
                assert_eq!(attributes, "Path=/; Max-Age=86400; HttpOnly; SameSite=Lax");
                let again = Client::of(proxy).get("/", &[("cookie", &format!("theme=dark; {cookie}"))]);
                assert_eq!(again.headers.get("set-cookie"), None);
                assert_eq!(again.by(), first.by());
                assert_eq!(again.headers["x-serin-decision"], first.headers["x-serin-decision"]);
                assert!(first.headers["x-serin-decision"].contains(" sticky=issueCookie:serin ticket=0."), "{first:?}");
            }
        });
        asked.await.unwrap();
        shop.envoy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_tells_who_asks_how_it_was_decided() {
    let shop = Shop::open(&Module::CHAIN, 1, &rules([90, 10], STICKY)).await;
    let proxy = shop.proxy;
    let answer = tokio::task::spawn_blocking(move || Client::of(proxy).get("/", &[("user", "mary")])).await.unwrap();
    let decision = answer.headers.get("x-serin-decision").expect("it is said");
    assert!(
        decision.starts_with(&format!("default/reviews/all {} sticky=header:user ticket=0.", answer.by())),
        "{decision}"
    );
    shop.envoy.stop().await;
}

//! What Envoy makes of the calls by which a filter sends copies, on a real one.

use crate::backend::{Backend, Behaviour, Client, envoy, metric, reviews};
use serin::envoy::Process;
use serin_modules::Module;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Everything to v1 with a timeout and retries of its own, and copies to v2 whose answers are compared.
const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: all
    route: [{destination: {host: reviews, subset: v1}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
    timeout: 10s
    retries: {attempts: 3, perTryTimeout: 10s, retryOn: 5xx}
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: reviews}
spec:
  virtualService: reviews
  routes:
  - route: all
    shadow: {delivery: callout, timeout: 1s, compare: {status: true, body: true, sampleLog: 100}}
";

async fn start(shadow: SocketAddr) -> (Process, SocketAddr) {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", shadow)];
    envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), RULES], &backends).await
}

/// How many comparisons ended so, once `expected` have ended in whatever way.
async fn results(envoy: &Process, expected: u64) -> Vec<(&'static str, u64)> {
    let started = Instant::now();
    while metric(envoy, "serin_shadow_results_total", &[]) < expected && started.elapsed() < Duration::from_secs(5) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = |result| (result, metric(envoy, "serin_shadow_results_total", &[("result", result)]));
    ["match", "status_mismatch", "body_mismatch", "shadow_error"]
        .map(seen)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect()
}

async fn ask(proxy: SocketAddr, count: usize) {
    let asked = tokio::task::spawn_blocking(move || {
        let mut client = Client::of(proxy);
        for _ in 0..count {
            assert_eq!(client.get("/", &[]).by(), "v1");
        }
    });
    asked.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_sent_once_and_waits_no_longer_than_its_policy_says() {
    let shadow = Backend::start("v2", Behaviour::Status(500));
    let (envoy, proxy) = start(shadow.address).await;
    ask(proxy, 5).await;
    eprintln!("{:?}", results(&envoy, 5).await);
    tokio::time::sleep(Duration::from_millis(500)).await;
    eprintln!("requests {}", shadow.requests());
    eprintln!("{:#?}", shadow.heads()[0]);
    shadow.behave(Behaviour::Hang);
    let started = Instant::now();
    ask(proxy, 5).await;
    eprintln!("{:?} {:?}", results(&envoy, 10).await, started.elapsed());
    eprintln!("{}", envoy.log());
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_answer_of_the_shadow_itself_can_mismatch() {
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (envoy, proxy) = start(down).await;
    ask(proxy, 5).await;
    eprintln!("down {:?}", results(&envoy, 5).await);
    envoy.stop().await;
    for behaviour in [Behaviour::Status(503), Behaviour::Status(504), Behaviour::Bytes(100 << 20)] {
        let shadow = Backend::start("v2", behaviour);
        let (envoy, proxy) = start(shadow.address).await;
        ask(proxy, 5).await;
        eprintln!("{behaviour:?} {:?}", results(&envoy, 5).await);
        eprintln!("{}", envoy.log());
        envoy.stop().await;
    }
}

//! What Envoy makes of the calls by which a filter sends copies, on a real one.

use crate::backend::{Backend, Behaviour, Client, envoy, results, reviews};
use serin::envoy::Process;
use serin_modules::Module;
use std::net::SocketAddr;

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
    shadow: {delivery: callout, timeout: 1s, compare: {status: true, body: true, sampleLog: 1}}
";

async fn start(shadow: SocketAddr) -> (Process, SocketAddr) {
    let primary = Backend::start("v1", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", shadow)];
    envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), RULES], &backends).await
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
    ask(proxy, 20).await;
    assert_eq!(results(&envoy, 20).await, [("status_mismatch", 20)]);
    assert_eq!(shadow.requests_of(20), 20, "the rule's retries are none of the copy's");
    let told = shadow.heads().remove(0).remove("x-envoy-expected-rq-timeout-ms");
    assert_eq!(told.as_deref(), Some("1000"));

    shadow.behave(Behaviour::Hang);
    ask(proxy, 20).await;
    assert_eq!(results(&envoy, 40).await, [("status_mismatch", 20), ("shadow_error", 20)]);
    assert_eq!(shadow.requests_of(40), 40);
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_shadow_says_itself_can_differ() {
    let shadow = Backend::start("v2", Behaviour::Status(503));
    let (envoy, proxy) = start(shadow.address).await;
    ask(proxy, 5).await;
    assert_eq!(results(&envoy, 5).await, [("status_mismatch", 5)]);
    shadow.behave(Behaviour::Bytes(1 << 20));
    ask(proxy, 5).await;
    assert_eq!(results(&envoy, 10).await, [("status_mismatch", 5), ("body_mismatch", 5)]);
    shadow.behave(Behaviour::Bytes(100 << 20));
    ask(proxy, 5).await;
    let expected = [("status_mismatch", 5), ("body_mismatch", 5), ("shadow_error", 5)];
    assert_eq!(results(&envoy, 15).await, expected, "it says more than Envoy keeps");
    envoy.stop().await;

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (envoy, proxy) = start(nobody).await;
    ask(proxy, 5).await;
    assert_eq!(results(&envoy, 5).await, [("shadow_error", 5)]);
    envoy.stop().await;
}

/// Sends `count` requests by four clients at a time.
async fn ask_at_once(proxy: SocketAddr, count: usize) {
    let clients = [0; 4].map(|_| tokio::spawn(ask(proxy, count / 4)));
    for client in clients {
        client.await.unwrap();
    }
}

/// The resident memory of a process, in KiB.
fn resident(envoy: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", envoy.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// A million with `SERIN_MIRRORED=1000000`, which takes minutes.
#[tokio::test(flavor = "multi_thread")]
async fn copies_leave_nothing_behind_in_envoy() {
    let count = std::env::var("SERIN_MIRRORED").map_or(25_000, |count| count.parse().expect("a number"));
    let shadow = Backend::start("v2", Behaviour::Status(200));
    let (envoy, proxy) = start(shadow.address).await;
    ask_at_once(proxy, 10_000).await;
    let before = resident(&envoy);
    ask_at_once(proxy, count - 10_000).await;
    let after = resident(&envoy);
    eprintln!("resident after 10000 mirrored requests {before} KiB, after {count} {after} KiB");
    // Envoy's own allocator takes its time; what each request left behind would be more.
    assert!(after < before + 8 * 1024, "{before} KiB, then {after} KiB");
    envoy.stop().await;
}

//! What Envoy makes of the calls by which a filter sends copies, on a real one.

use crate::backend::{Backend, Behaviour, Client, changed_envoy, envoy, metric, metric_of, resident, results, reviews};
use serde_json::Value;
use serin::envoy::Process;
use serin_modules::Module;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;

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
    let refused = metric(envoy.admin(), "serin_shadows_dropped_total", &[("reason", "refused")]);
    let sent = metric(envoy.admin(), "serin_shadows_total", &[]);
    assert_eq!((refused, sent), (5, 0), "no connection was made, so none was sent");
    envoy.stop().await;
}

/// Rules whose requests go nowhere, and copies of them that would go to v2.
const NOWHERE: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: nobody
    match: [{uri: {prefix: /nobody}}]
    route: [{destination: {host: reviews, subset: v3}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
  - name: nowhere
    match: [{uri: {prefix: /nowhere}}]
    route: [{destination: {host: nowhere.example, port: {number: 80}}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
  - name: down
    route: [{destination: {host: reviews, subset: v1}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: reviews}
spec:
  virtualService: reviews
  routes:
  - {shadow: {delivery: DELIVERY}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_callout_copies_no_request_that_envoys_router_would_not() {
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for delivery in ["router", "callout"] {
        let shadow = Backend::start("v2", Behaviour::Status(200));
        let backends = [("v1", down), ("v2", shadow.address)];
        let rules = NOWHERE.replace("DELIVERY", delivery);
        let manifests = [reviews(&["v1", "v2", "v3"]), rules];
        let (envoy, proxy) = envoy(&[Module::Canary], 1, &manifests.each_ref().map(String::as_str), &backends).await;
        let asked = tokio::task::spawn_blocking(move || {
            for path in ["/nobody", "/nowhere", "/down"] {
                for (method, body) in [("GET", &b""[..]), ("POST", b"body")] {
                    // Envoy closes the connection of a request that it answers before it has read it.
                    assert_eq!(
                        Client::of(proxy).ask(method, path, &[], body).status,
                        503,
                        "{delivery} {method} {path}"
                    );
                }
            }
        });
        asked.await.unwrap();
        assert_eq!(shadow.requests_of(2), 2, "{delivery}: those whose host is down");
        if delivery == "callout" {
            let sent = metric_of(envoy.admin(), "serin_shadows_total", &[], 2);
            let unrouted = metric(envoy.admin(), "serin_shadows_dropped_total", &[("reason", "unrouted")]);
            assert_eq!((unrouted, sent), (4, 2));
        }
        envoy.stop().await;
    }
}

/// Everything to v1 after a delay, and copies to v2, whose bodies may take half of it.
const DELAYED: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: all
    fault: {delay: {fixedDelay: 2s, percentage: {value: 100}}}
    route: [{destination: {host: reviews, subset: v1}}]
    mirrors: [{destination: {host: reviews, subset: v2}}]
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: reviews}
spec:
  virtualService: reviews
  routes:
  - {route: all, shadow: {delivery: callout, timeout: 1s}}
";

#[tokio::test(flavor = "multi_thread")]
async fn a_callout_copies_a_delayed_request_when_it_goes_on_and_not_if_its_client_has_left() {
    // In a chain it waits before shadow-mirror, which never sees those that do not go on.
    for (modules, unrouted) in [(&[Module::Canary][..], 3), (&Module::CHAIN, 0)] {
        let primary = Backend::start("v1", Behaviour::Status(200));
        let shadow = Backend::start("v2", Behaviour::Status(200));
        let backends = [("v1", primary.address), ("v2", shadow.address)];
        let (envoy, proxy) = envoy(modules, 1, &[&reviews(&["v1", "v2"]), DELAYED], &backends).await;
        tokio::task::spawn_blocking(move || {
            let begin = |request: &str| {
                let mut stream = TcpStream::connect(proxy).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                stream
            };
            let get = "GET / HTTP/1.1\r\nhost: reviews:9080\r\n\r\n";
            let post = "POST / HTTP/1.1\r\nhost: reviews:9080\r\ncontent-length: 4\r\n\r\n";
            let left = [begin(get), begin(&format!("{post}half")), begin(&format!("{post}ha"))];
            let mut waiting = [begin(get), begin(&format!("{post}body")), begin(&format!("{post}sl"))];
            thread::sleep(Duration::from_millis(1_500));
            drop(left);
            // Later than `timeout`, and the proxy has it before the request goes on.
            waiting[2].write_all(b"ow").unwrap();
            assert_eq!((primary.requests(), shadow.requests()), (0, 0), "{modules:?}");
            for stream in &mut waiting {
                let mut answer = [0; 15];
                stream.read_exact(&mut answer).unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200 OK", "{modules:?}");
            }
            assert_eq!(shadow.requests_of(3), 3, "{modules:?}");
            let bodies = ["", "body", "slow"].map(|body| (body.as_bytes().to_vec(), 1));
            assert_eq!(shadow.bodies(), bodies.into(), "{modules:?}");
            let dropped =
                |reason, count| metric_of(envoy.admin(), "serin_shadows_dropped_total", &[("reason", reason)], count);
            assert_eq!(dropped("unrouted", unrouted), unrouted, "{modules:?}");
            assert_eq!(["slow", "aborted"].map(|reason| dropped(reason, 0)), [0, 0], "{modules:?}");
            envoy
        })
        .await
        .unwrap()
        .stop()
        .await;
    }
}

/// Sends `GET` with that path by HTTP/2, in which Envoy takes bytes that it refuses in HTTP/1; waits until it is answered.
fn ask_by_http2(proxy: SocketAddr, path: &str) {
    const GET_HTTP: [u8; 2] = [0x82, 0x86];
    const HEADERS: u8 = 1;
    const END_STREAM_AND_HEADERS: u8 = 5;
    let frame = |kind: u8, flags: u8, stream: u8, content: &[u8]| {
        [&[0, 0, content.len() as u8, kind, flags, 0, 0, 0, stream][..], content].concat()
    };
    // Literals without Huffman's code, of the static table's names 4 and 1 (RFC 7541 6.2.2).
    let literal = |name: u8, value: &str| [&[name, value.len() as u8][..], value.as_bytes()].concat();
    let headers = [&GET_HTTP[..], &literal(4, path), &literal(1, "reviews:9080")].concat();
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        &frame(4, 0, 0, b"")[..],
        &frame(HEADERS, END_STREAM_AND_HEADERS, 1, &headers),
    ];
    stream.write_all(&request.concat()).unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let size = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        stream.read_exact(&mut vec![0; size]).unwrap();
        assert!(head[3] != 3 && head[3] != 7, "it is reset: {head:?}");
        if head[8] == 1 && head[4] & 1 == 1 {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_send_is_printable_in_envoys_log() {
    let shadow = Backend::start("v2", Behaviour::Status(500));
    let rules = RULES.replace("sampleLog: 1}", "sampleLog: 100}");
    let primary = Backend::start("v1", Behaviour::Status(200));
    let backends = [("v1", primary.address), ("v2", shadow.address)];
    // Normalized, a path would have no such bytes; not every proxy normalizes them.
    let change = |configuration: &mut Value, _: &Path| {
        let filters = &mut configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"];
        filters[0]["typed_config"]["normalize_path"] = false.into();
    };
    let manifests = [&reviews(&["v1", "v2"]), &rules[..]];
    let (envoy, proxy) = changed_envoy(&[Module::Canary], 1, &manifests, &backends, change).await;
    let paths =
        ["/csi\u{9b}31mred", "/turned\u{202e}around", "/line\u{2028}separated", "/nel\u{85}", "/\u{feff}\u{e0041}"];
    tokio::task::spawn_blocking(move || paths.map(|path| ask_by_http2(proxy, path))).await.unwrap();
    assert_eq!(results(&envoy, 5).await, [("status_mismatch", 5)]);
    let log = envoy.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("status_mismatch")).collect();
    assert_eq!(lines.len(), 5, "{log}");
    assert!(lines.iter().any(|line| line.contains(r"GET /csi\u{9b}31mred: status_mismatch")), "{lines:#?}");
    assert!(log.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{log:?}");
    envoy.stop().await;
}

/// Sends `count` requests by four clients at a time.
async fn ask_at_once(proxy: SocketAddr, count: usize) {
    let clients = [0; 4].map(|_| tokio::spawn(ask(proxy, count / 4)));
    for client in clients {
        client.await.unwrap();
    }
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

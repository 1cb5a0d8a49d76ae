//! Requests that turn their connection into another, in a real Envoy: those that Envoy forbids are forbidden before any filter ran.

use crate::backend::{Backend, Behaviour};
use serin::envoy::{Process, find};
use serin::manifests::{Replica, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const SHOP: &str = "
{apiVersion: v1, kind: Service, metadata: {name: chat}, spec: {selector: {app: chat}, ports: [{name: http, port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: chat}, spec: {template: {metadata: {labels: {app: chat}}}}}
---
{apiVersion: v1, kind: Service, metadata: {name: plain}, spec: {selector: {app: plain}, ports: [{name: http, port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: plain}, spec: {template: {metadata: {labels: {app: plain}}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: chat}
spec:
  hosts: [chat, shop.example]
  gateways: [mesh, front]
  http:
  - match: [{uri: {prefix: /renamed}}]
    rewrite: {authority: elsewhere.example}
    route: [{destination: {host: chat}}]
  - route: [{destination: {host: chat}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example, quiet.example]}]}
";

/// A server that agrees to any upgrade and then sends back what it gets.
struct Agreeing {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Agreeing {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                thread::spawn(move || {
                    let head = head(&mut stream);
                    let protocol = head.lines().find_map(|line| line.strip_prefix("upgrade: ")).unwrap_or("none");
                    count.fetch_add(1, Ordering::SeqCst);
                    let agreed = format!("HTTP/1.1 101 Yes\r\nupgrade: {protocol}\r\nconnection: upgrade\r\n\r\n");
                    stream.write_all(agreed.as_bytes()).unwrap();
                    let mut bytes = [0; 64];
                    while let Ok(length @ 1..) = stream.read(&mut bytes) {
                        stream.write_all(&bytes[..length]).unwrap();
                    }
                });
            }
        });
        Self { address, requests }
    }
}

/// All of a message up to its empty line.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

/// What came of a request for an upgrade: the status, and whether raw bytes come back.
fn upgrade(listener: SocketAddr, host: &str, path: &str, protocol: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(listener).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: {protocol}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let status = head(&mut stream).split(' ').nth(1).unwrap_or_default().to_owned();
    let mut back = [0; 9];
    // What is not a tunnel ends with the answer, and its body.
    let tunnel = stream.write_all(b"raw bytes").and_then(|()| stream.read_exact(&mut back));
    match tunnel {
        Ok(()) => (status, back == *b"raw bytes"),
        Err(error) => {
            let closed = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
            assert!(closed.contains(&error.kind()), "{host}{path} {protocol}: {status} {error}");
            (status, false)
        }
    }
}

async fn envoy(with_filter: bool, chat: &Agreeing, plain: &Agreeing) -> Process {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("canary.wasm");
    std::fs::write(&file, Module::Canary.bytes()).unwrap();
    let world = World::parse("default", &[Text::new("shop.yaml", SHOP)]).unwrap();
    let replica = |name: &str| Replica {
        namespace: "default".to_owned(),
        kind: "Deployment".to_owned(),
        workload: name.to_owned(),
        number: 0,
    };
    let addresses = BTreeMap::from([(replica("chat"), chat.address), (replica("plain"), plain.address)]);
    let filter = Filter { name: "canary".to_owned(), file };
    let options = Options {
        filters: with_filter.then_some(filter).into_iter().collect(),
        source: Default::default(),
        endpoints: Endpoints::Addresses(addresses),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    let configuration = render(&world, &options).unwrap().configuration;
    Process::start(&find(None).unwrap(), &configuration, 1, directory).await.unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_envoy_forbids_is_forbidden_on_every_listener_and_for_every_host() {
    for with_filter in [true, false] {
        let (chat, plain) = (Agreeing::start(), Agreeing::start());
        let envoy = envoy(with_filter, &chat, &plain).await;
        let (mesh, gateway) = (envoy.listeners()["mesh:80"], envoy.listeners()["default/front:80"]);
        let seen = tokio::task::spawn_blocking(move || {
            let mut seen = Vec::new();
            for (listener, hosts) in [
                // A Service with a rule, one without, a host that only a VirtualService has, and one that nobody has.
                (mesh, ["chat", "plain", "shop.example", "nobody.example"]),
                // A host with a rule, one without, one that the Gateway does not let in, and one that only the mesh has.
                (gateway, ["shop.example", "quiet.example", "nobody.example", "chat"]),
            ] {
                for host in hosts {
                    for path in ["/", "/renamed"] {
                        for protocol in ["foo", "WebSocket2", "tls/1.0", "foo, websocket"] {
                            seen.push(((listener, host, path, protocol), upgrade(listener, host, path, protocol)));
                        }
                    }
                }
            }
            seen
        });
        for (request, answer) in seen.await.unwrap() {
            assert_eq!(answer, ("403".to_owned(), false), "{request:?}, filter: {with_filter}");
        }
        assert_eq!((chat.requests.load(Ordering::SeqCst), plain.requests.load(Ordering::SeqCst)), (0, 0));
        envoy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_socket_goes_where_the_rules_say() {
    let (chat, plain) = (Agreeing::start(), Agreeing::start());
    let envoy = envoy(true, &chat, &plain).await;
    let (mesh, gateway) = (envoy.listeners()["mesh:80"], envoy.listeners()["default/front:80"]);
    let seen = tokio::task::spawn_blocking(move || {
        [
            (mesh, "chat"),
            (mesh, "plain"),
            (mesh, "shop.example"),
            (gateway, "shop.example"),
            (gateway, "nobody.example"),
        ]
        .map(|(listener, host)| upgrade(listener, host, "/", "websocket"))
    });
    let (tunnel, nothing) = (("101".to_owned(), true), ("404".to_owned(), false));
    assert_eq!(seen.await.unwrap(), [tunnel.clone(), tunnel.clone(), tunnel.clone(), tunnel, nothing]);
    assert_eq!((chat.requests.load(Ordering::SeqCst), plain.requests.load(Ordering::SeqCst)), (3, 1));
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_serves_requests_of_which_a_rule_rewrites_the_authority() {
    let directory = Backend::start("chat", Behaviour::Status(200));
    let (chat, plain) = (Agreeing { address: directory.address, requests: Arc::default() }, Agreeing::start());
    let envoy = envoy(true, &chat, &plain).await;
    let gateway = envoy.listeners()["default/front:80"];
    let asked = move || crate::backend::ask(gateway, "/renamed", &[("host", "shop.example")]);
    assert_eq!(tokio::task::spawn_blocking(asked).await.unwrap(), "chat");
    assert_eq!(directory.heads()[0]["host"], "elsewhere.example");
    envoy.stop().await;
}

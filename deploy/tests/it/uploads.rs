//! Clients that upload slowly, or without an end, to rules whose requests the filter copies, before a real Envoy.

use crate::backend::{Backend, Behaviour, Client, envoy, metric, metric_of, resident, reviews};
use serin::envoy::Process;
use serin_modules::Module;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

const MIB: usize = 1 << 20;

/// A server that reads bodies and keeps nothing of them: hundreds of large ones would take this process' memory.
fn sink() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || swallow(stream));
        }
    });
    address
}

fn swallow(stream: TcpStream) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut left = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(length) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                left = length.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        std::io::copy(&mut (&mut reader).take(left), &mut std::io::sink()).ok()?;
        writer.write_all(b"HTTP/1.1 200 OK\r\nx-served-by: v1\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// Everything to v1, and for each of these paths a rule with copies to v2 as it says.
fn rules(paths: &[(&str, &str)]) -> String {
    let mut http = String::new();
    let mut policies = String::new();
    for (path, shadow) in paths {
        http.push_str(&format!(
            "
  - name: {path}
    match: [{{uri: {{prefix: /{path}}}}}]
    route: [{{destination: {{host: reviews, subset: v1}}}}]
    mirrors: [{{destination: {{host: reviews, subset: v2}}}}]"
        ));
        policies.push_str(&format!("\n  - {{route: {path}, shadow: {shadow}}}"));
    }
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:{http}
  - name: plain
    route: [{{destination: {{host: reviews, subset: v1}}}}]
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {{name: reviews}}
spec:
  virtualService: reviews
  routes:{policies}
"
    )
}

/// An upload of `size` bytes of which the last is still to come.
struct Upload(TcpStream);

impl Upload {
    fn begin(proxy: SocketAddr, path: &str, size: usize) -> Self {
        let mut stream = TcpStream::connect(proxy).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let head = format!("POST /{path} HTTP/1.1\r\nhost: reviews:9080\r\ncontent-length: {size}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let part = vec![b'x'; size.min(MIB)];
        let mut left = size - 1;
        while left > 0 {
            let now = left.min(part.len());
            stream.write_all(&part[..now]).unwrap();
            left -= now;
        }
        Self(stream)
    }

    /// Sends the last byte: the first line of the answer.
    fn end(mut self) -> String {
        self.0.write_all(b"x").unwrap();
        let mut line = String::new();
        BufReader::new(self.0).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

/// Begins `count` uploads, eight at a time.
fn begin(proxy: SocketAddr, paths: &[&str], count: usize, size: usize) -> Vec<Upload> {
    let of = |client: usize| {
        let upload = move |number: usize| Upload::begin(proxy, paths[number % paths.len()], size);
        (client..count).step_by(8).map(upload).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|client| scope.spawn(move || of(client))).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

fn end(uploads: Vec<Upload>) {
    for upload in uploads {
        assert_eq!(upload.end(), "HTTP/1.1 200 OK");
    }
}

fn dropped(envoy: &Process, reason: &str) -> u64 {
    metric(envoy.admin(), "serin_shadows_dropped_total", &[("reason", reason)])
}

/// The same, once it is `expected`.
fn dropped_of(envoy: &Process, reason: &str, expected: u64) -> u64 {
    metric_of(envoy.admin(), "serin_shadows_dropped_total", &[("reason", reason)], expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_without_end_take_a_bounded_part_of_the_vm_and_hurt_nobody() {
    let names: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];
    let callout = "{delivery: callout, timeout: 60s}";
    let mut paths = names.map(|name| (name, callout)).to_vec();
    paths.push(("large", "{delivery: callout, timeout: 60s, maxBodyBytes: 67108864}"));
    let shadow = Backend::start("v2", Behaviour::Status(200));
    let backends = [("v1", sink()), ("v2", shadow.address)];
    let (envoy, proxy) = envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), &rules(&paths)], &backends).await;
    tokio::task::spawn_blocking(move || {
        let mut client = Client::of(proxy);
        // Envoy keeps bodies too, for retries; what it takes for as many that are not copied is no concern of the filter's.
        end(begin(proxy, &["plain"], 550, MIB));
        let before = resident(&envoy);
        // Of each of 550 requests, all but the last byte.
        let uploads = begin(proxy, &names, 550, MIB);
        // 128 MiB are for bodies that are being collected: 127 of 1 MiB, with their headers.
        let refused = dropped_of(&envoy, "memory", 423);
        assert!((423..=440).contains(&refused), "{refused}");
        let many = resident(&envoy);
        assert_eq!(client.get("/r0", &[]).by(), "v1");
        assert_eq!(shadow.requests_of(1), 1, "a request without a body is copied meanwhile");
        end(uploads);
        assert_eq!(shadow.requests_of(551 - refused as usize), 551 - refused as usize, "the others are whole");

        let uploads = begin(proxy, &["large"], 12, 60 * MIB);
        let refused = dropped_of(&envoy, "memory", refused + 10) - refused;
        let large = resident(&envoy);
        assert_eq!(client.get("/large", &[]).by(), "v1");
        end(uploads);
        let after = resident(&envoy);
        eprintln!(
            "resident after 550 uploads without copies {before} KiB; with 550 uploads of 1 MiB {many} KiB; with 12 of 60 MiB {large} KiB, of which {refused} \
             were refused; after them {after} KiB"
        );
        assert!((10..=12).contains(&refused), "{refused}");
        for resident in [many, large, after] {
            assert!(resident < before + 512 * 1024, "{before} KiB, then {resident} KiB");
        }
        let copied = shadow.requests();
        for _ in 0..20 {
            assert_eq!(client.get("/r1", &[]).by(), "v1");
        }
        assert!(shadow.requests_of(copied + 20) >= copied + 20, "the VM is alive and copies");
        assert!(!envoy.log().contains("proxy_on_"), "nothing has trapped: {}", envoy.log());
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_idle_uploads_do_not_switch_shadowing_off() {
    let shadow = Backend::start("v2", Behaviour::Status(200));
    let backends = [("v1", sink()), ("v2", shadow.address)];
    let rules = rules(&[("idle", "{delivery: callout, timeout: 4s}")]);
    let (envoy, proxy) = envoy(&[Module::Canary], 1, &[&reviews(&["v1", "v2"]), &rules], &backends).await;
    tokio::task::spawn_blocking(move || {
        let mut client = Client::of(proxy);
        let uploads = begin(proxy, &["idle"], 100, 10);
        for number in 1..=3 {
            assert_eq!(client.get("/idle", &[]).by(), "v1");
            assert_eq!(shadow.requests_of(number), number);
        }
        assert_eq!(dropped(&envoy, "in_flight"), 0);
        assert_eq!(dropped_of(&envoy, "slow", 100), 100, "after `timeout`");
        end(uploads);
        assert_eq!(shadow.requests_of(4), 3, "what was given up is not sent");
        assert_eq!(client.ask("POST", "/idle", &[], b"whole").by(), "v1");
        assert_eq!(shadow.requests_of(4), 4);
    })
    .await
    .unwrap();
}

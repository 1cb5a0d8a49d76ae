//! Backends that behave as a test says, behind a rendered Envoy, clients, and what Envoy has counted.

use serde_json::Value;
use serin::envoy::{Process, find};
use serin::manifests::{Replica, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What a backend does with a request once it has read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It answers with this status and its name.
    Status(u16),
    /// It waits so long before it does.
    After(Duration),
    /// It answers with so many bytes.
    Bytes(usize),
    /// It answers one request in a hundred with 503, the same ones each time but in no order.
    Noise,
    /// It does not answer.
    Hang,
}

/// A server on 127.0.0.1; it lives as long as the test's process.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    behaviour: Option<Behaviour>,
    /// How often each body arrived.
    bodies: BTreeMap<Vec<u8>, usize>,
    /// How often each value of the header `user` did.
    users: BTreeMap<String, usize>,
    requests: usize,
    /// How often each first line with the values of the headers `rule` and `destination` did.
    marks: BTreeMap<String, usize>,
    /// The headers of the first requests.
    heads: Vec<Headers>,
}

impl Backend {
    pub(crate) fn start(name: &str, behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen { behaviour: Some(behaviour), ..Seen::default() }));
        let (name, shared) = (name.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (name, shared) = (name.clone(), Arc::clone(&shared));
                thread::spawn(move || serve(stream, &name, &shared));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.seen.lock().unwrap().behaviour = Some(behaviour);
    }

    pub(crate) fn requests(&self) -> usize {
        self.seen.lock().unwrap().requests
    }

    /// How many requests came in; waits until there are `expected`, for copies arrive when they do.
    pub(crate) fn requests_of(&self, expected: usize) -> usize {
        let started = Instant::now();
        while self.requests() < expected && started.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(10));
        }
        // More must not come.
        thread::sleep(Duration::from_millis(100));
        self.requests()
    }

    pub(crate) fn bodies(&self) -> BTreeMap<Vec<u8>, usize> {
        self.seen.lock().unwrap().bodies.clone()
    }

    pub(crate) fn heads(&self) -> Vec<Headers> {
        self.seen.lock().unwrap().heads.clone()
    }

    /// How often which requests came in that a rule and a destination have put headers of their names on: the first line, and
    /// the two values.
    pub(crate) fn marks(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().marks.clone()
    }

    pub(crate) fn users(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().users.clone()
    }
}

fn serve(stream: TcpStream, name: &str, shared: &Mutex<Seen>) {
    stream.set_nodelay(true).unwrap();
    let (mut writer, mut reader) = (&stream, BufReader::new(&stream));
    while let Some((first, headers)) = head(&mut reader) {
        let Some(body) = body(&mut reader, &headers) else { return };
        let (behaviour, number) = {
            let mut seen = shared.lock().unwrap();
            seen.requests += 1;
            if seen.heads.len() < 16 {
                seen.heads.push(headers.clone());
            }
            *seen.bodies.entry(body).or_default() += 1;
            if let Some(user) = headers.get("user") {
                *seen.users.entry(user.clone()).or_default() += 1;
            }
            if let (Some(rule), Some(destination)) = (headers.get("rule"), headers.get("destination")) {
                *seen.marks.entry(format!("{first} {rule} {destination}")).or_default() += 1;
            }
            (seen.behaviour, seen.requests as u64)
        };
        let (status, answer) = match behaviour {
            Some(Behaviour::Status(status)) => (status, name.as_bytes().to_vec()),
            Some(Behaviour::After(wait)) => {
                if !is_awaited(&stream, &mut reader, wait) {
                    return;
                }
                (200, name.as_bytes().to_vec())
            }
            Some(Behaviour::Noise) => {
                // SplitMix64's finish.
                let mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
                (if (mixed ^ mixed >> 31) % 100 == 0 { 503 } else { 200 }, name.as_bytes().to_vec())
            }
            Some(Behaviour::Bytes(count)) => (200, vec![b'x'; count]),
            Some(Behaviour::Hang) | None => {
                is_awaited(&stream, &mut reader, Duration::from_secs(60));
                return;
            }
        };
        let head =
            format!("HTTP/1.1 {status} Whatever\r\nx-served-by: {name}\r\ncontent-length: {}\r\n\r\n", answer.len());
        let sent = writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&answer));
        if sent.is_err() {
            return;
        }
    }
}

/// Waits, and says whether the client does: one that has enough of it closes the connection, which must then not stay open
/// here, since the process may have so many files.
fn is_awaited(stream: &TcpStream, reader: &mut impl BufRead, wait: Duration) -> bool {
    stream.set_read_timeout(Some(wait)).unwrap();
    let closed = reader.fill_buf().is_ok();
    stream.set_read_timeout(None).unwrap();
    !closed
}

pub(crate) type Headers = BTreeMap<String, String>;

/// The first line and the headers of what comes next; none if nothing does.
fn head(reader: &mut impl BufRead) -> Option<(String, Headers)> {
    let mut line = || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Headers::new();
    loop {
        let line = line()?;
        if line.is_empty() {
            return Some((first, headers));
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

fn body(reader: &mut impl BufRead, headers: &Headers) -> Option<Vec<u8>> {
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        let mut whole = Vec::new();
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).ok()?;
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).ok()?;
            whole.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return Some(whole);
            }
        }
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap_or(0));
    let mut whole = vec![0; length];
    reader.read_exact(&mut whole).ok()?;
    Some(whole)
}

/// A client with one connection.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
}

impl Answer {
    /// Which backend answered, or the status if it was none, or not 200.
    pub(crate) fn by(&self) -> String {
        match self.headers.get("x-served-by") {
            Some(name) if self.status == 200 => name.clone(),
            _ => self.status.to_string(),
        }
    }
}

impl Client {
    pub(crate) fn of(proxy: SocketAddr) -> Self {
        let stream = TcpStream::connect(proxy).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// Sends a request to the host `reviews`.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], content: &[u8]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: reviews:9080\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !content.is_empty() || method == "POST" {
            request.push_str(&format!("content-length: {}\r\n", content.len()));
        }
        request.push_str("\r\n");
        let stream = self.reader.get_mut();
        stream.write_all(request.as_bytes()).unwrap();
        stream.write_all(content).unwrap();
        let (line, headers) = head(&mut self.reader).expect("an answer");
        body(&mut self.reader, &headers).expect("the whole answer");
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, headers }
    }

    #[track_caller]
    pub(crate) fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask("GET", path, headers, b"")
    }
}

/// Sends `GET path` to `proxy`: who answered, or the status if it was nobody.
#[track_caller]
pub(crate) fn ask(proxy: SocketAddr, path: &str, headers: &[(&str, &str)]) -> String {
    let mut request = format!("GET {path} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut stream = TcpStream::connect(proxy).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let served_by = answer.lines().find_map(|line| line.strip_prefix("x-served-by: "));
    served_by.map_or_else(|| answer.split(' ').nth(1).unwrap_or_default().to_owned(), str::to_owned)
}

/// Who answered how often, of `times` requests.
#[track_caller]
pub(crate) fn ask_often(
    times: usize,
    proxy: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..times {
        *answers.entry(ask(proxy, path, headers)).or_default() += 1;
    }
    answers
}

/// The service `reviews` with a Deployment and a subset for each of `versions`, on port 9080.
pub(crate) fn reviews(versions: &[&str]) -> String {
    let mut text = String::from(
        "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
",
    );
    let mut subsets = Vec::new();
    for version in versions {
        text.push_str(&format!(
            "---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {version}}}
spec: {{template: {{metadata: {{labels: {{app: reviews, version: {version}}}}}}}}}
"
        ));
        subsets.push(format!("{{name: {version}, labels: {{version: {version}}}}}"));
    }
    text.push_str(&format!(
        "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: reviews}}
spec: {{host: reviews, subsets: [{}]}}
",
        subsets.join(", ")
    ));
    text
}

/// An Envoy with `modules` before `backends`, which stand for the Deployments of those names.
pub(crate) async fn envoy(
    modules: &[Module],
    concurrency: u32,
    manifests: &[&str],
    backends: &[(&str, SocketAddr)],
) -> (Process, SocketAddr) {
    changed_envoy(modules, concurrency, manifests, backends, |_, _| ()).await
}

/// The same with what `change` makes of its configuration; the directory is Envoy's own.
pub(crate) async fn changed_envoy(
    modules: &[Module],
    concurrency: u32,
    manifests: &[&str],
    backends: &[(&str, SocketAddr)],
    change: impl FnOnce(&mut Value, &Path),
) -> (Process, SocketAddr) {
    let directory = tempfile::tempdir().unwrap();
    let mut filters = Vec::new();
    for module in modules {
        let file = directory.path().join(format!("{}.wasm", module.name()));
        fs::write(&file, module.bytes()).unwrap();
        filters.push(Filter { name: module.name().to_owned(), file });
    }
    let texts: Vec<Text> =
        manifests.iter().enumerate().map(|(place, text)| Text::new(format!("{place}.yaml"), *text)).collect();
    let world = World::parse("default", &texts).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let replica = |name: &str| Replica {
        namespace: "default".to_owned(),
        kind: "Deployment".to_owned(),
        workload: name.to_owned(),
        number: 0,
    };
    let addresses = backends.iter().map(|(name, address)| (replica(name), *address)).collect();
    let options = Options {
        filters,
        source: Source::default(),
        endpoints: Endpoints::Addresses(addresses),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    let mut rendered = render(&world, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    change(&mut rendered.configuration, directory.path());
    let envoy = Process::start(&find(None).unwrap(), &rendered.configuration, concurrency, directory).await;
    let envoy = envoy.unwrap_or_else(|failure| panic!("{failure}"));
    let listener = *envoy.listeners().values().next().expect("a listener");
    (envoy, listener)
}

/// What a filter counts in its own memory Envoy is told by then.
pub(crate) const TOLD: Duration = Duration::from_millis(400);

/// The sum of the series of `metric` that have all of `labels`, as Prometheus sees them at Envoy's `admin` interface.
pub(crate) fn metric(admin: SocketAddr, metric: &str, labels: &[(&str, &str)]) -> u64 {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.write_all(b"GET /stats/prometheus HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let has = |line: &str| labels.iter().all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")));
    let series = text.lines().filter(|line| line.starts_with(&format!("{metric}{{")) && has(line));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// The same, once it is `expected`: what filters count of answers, they count when these have come. What it is after a while,
/// if it never is.
pub(crate) fn metric_of(admin: SocketAddr, name: &str, labels: &[(&str, &str)], expected: u64) -> u64 {
    let started = Instant::now();
    while metric(admin, name, labels) < expected && started.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(50));
    }
    metric(admin, name, labels)
}

/// How many comparisons ended so, once `expected` have ended in whatever way.
pub(crate) async fn results(envoy: &Process, expected: u64) -> Vec<(&'static str, u64)> {
    let started = Instant::now();
    while metric(envoy.admin(), "serin_shadow_results_total", &[]) < expected
        && started.elapsed() < Duration::from_secs(10)
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let seen = |result| (result, metric(envoy.admin(), "serin_shadow_results_total", &[("result", result)]));
    ["match", "status_mismatch", "body_mismatch", "shadow_error"]
        .map(seen)
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .collect()
}

/// The resident memory of a process, in KiB.
pub(crate) fn resident(envoy: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", envoy.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

//! The conformance suite in a real Envoy: one for all rows, with a listener for each configuration.

use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin_conformance::{Fields, Level, Response, Row, Seen, all, assert_none_wrong};
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Where a host goes that no VirtualService has.
const PLAIN: &str = "plain";

/// Tells the upstream which row a request is of.
const ROW: &str = "x-conformance-row";

/// Tells the upstream that a request is a copy.
const COPY: &str = "x-conformance-copy";

/// Rows that are run at one time.
const CLIENTS: usize = 8;

/// How long copies may take, and how long none has to come before it is believed that none will.
const COPIES: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_millis(300);

#[tokio::test]
async fn each_row_goes_through_a_real_envoy_as_its_source_says() {
    let rows = Arc::new(all());
    let upstreams = Upstreams::start(&rows);
    let process = start(&rows, &upstreams).await;
    let seen = {
        let (rows, listeners) = (Arc::clone(&rows), process.listeners().clone());
        let upstreams = upstreams.clone();
        let clients = move || {
            let seen = run(&rows, &listeners, &upstreams);
            assert_delays_hold_up_nobody_else(&rows, &listeners);
            seen
        };
        tokio::task::spawn_blocking(clients).await.expect("the clients end")
    };
    let wrong: Vec<String> = rows.iter().zip(&seen).filter_map(|(row, seen)| row.wrong(seen, Level::Envoy)).collect();
    let log = process.log();
    process.stop().await;
    assert!(!log.contains("panicked") && !log.contains("[critical]"), "{log}");
    assert_none_wrong(&wrong, rows.len());
}

/// What a listener is made of: the filter's configuration, and whether callers are trusted.
type Make = (String, bool);

fn make_of(row: &Row) -> Make {
    (row.configuration.to_string(), row.trusts)
}

/// The name of each listener: the number of the first row that needs it.
fn listeners(rows: &[Row]) -> BTreeMap<Make, usize> {
    let mut listeners = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        listeners.entry(make_of(row)).or_insert(number);
    }
    listeners
}

async fn start(rows: &[Row], upstreams: &Upstreams) -> Process {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let module = directory.path().join("canary.wasm");
    std::fs::write(&module, Module::Canary.bytes()).expect("there is room for the module");
    let listeners = listeners(rows).into_iter().map(|((configuration, trusts), number)| {
        let slots = rows.iter().map(|row| row.expect.shadows.len()).max().unwrap_or(0) + 1;
        let mut listener = listener(&number.to_string(), &configuration, &module.display().to_string(), slots);
        if trusts {
            let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
            manager["use_remote_address"] = true.into();
            manager["internal_address_config"] =
                json!({"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]});
        }
        listener
    });
    let configuration = json!({
        "node": {"id": "conformance", "cluster": "conformance"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "listeners": listeners.collect::<Vec<_>>(),
            "clusters": upstreams.addresses.iter().map(|(name, address)| cluster(name, *address)).collect::<Vec<_>>(),
        },
    });
    let binary = find(None).expect("there is an Envoy");
    Process::start(&binary, &configuration, 1, directory).await.unwrap_or_else(|failure| panic!("{failure}"))
}

/// A listener with the filter, and the routes that a rendered configuration has: the chosen cluster with a slot for each copy, else
/// the plain one.
fn listener(name: &str, configuration: &str, module: &str, slots: usize) -> Value {
    let copies: Vec<Value> = (1..=slots)
        .map(|slot| {
            json!({
                "cluster_header": format!("x-serin-shadow-{slot}"), "disable_shadow_host_suffix_append": true,
                "request_headers_mutations": [{"append": {"header": {"key": COPY, "value": "true"}}}],
            })
        })
        .collect();
    let route = |target: Value| {
        let mut route = target;
        route["timeout"] = "0s".into();
        route["max_grpc_timeout"] = "0s".into();
        route["retry_policy"] =
            json!({"retry_on": "connect-failure,refused-stream,unavailable,cancelled", "num_retries": 2});
        route["request_mirror_policies"] = copies.clone().into();
        route
    };
    let chosen = json!([{"name": "x-serin-cluster", "present_match": true}]);
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "conformance",
        "http_filters": [
            {"name": "serin.canary", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": name,
                    "vm_config": {
                        "vm_id": "conformance", "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": module}},
                    },
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue", "value": configuration,
                    },
                },
            }},
            {"name": "envoy.filters.http.router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}},
        ],
        "route_config": {
            "name": "conformance",
            "validate_clusters": false,
            "virtual_hosts": [{"name": "any", "domains": ["*"], "routes": [
                {"match": {"prefix": "", "headers": chosen}, "route": route(json!({"cluster_header": "x-serin-cluster"}))},
                {"match": {"prefix": "/"}, "route": route(json!({"cluster": PLAIN}))},
            ]}],
        },
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [
            {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    })
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}});
    json!({
        "name": name,
        "load_assignment": {
            "cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}],
        },
    })
}

/// Sends every row's request, and waits until no copy comes any more.
fn run(rows: &Arc<Vec<Row>>, addresses: &BTreeMap<String, SocketAddr>, upstreams: &Upstreams) -> Vec<Seen> {
    let listeners = listeners(rows);
    let next = AtomicUsize::new(0);
    let seen: Mutex<BTreeMap<usize, Seen>> = Mutex::default();
    thread::scope(|clients| {
        for _ in 0..CLIENTS {
            clients.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(number) else { return };
                    let listener = listeners[&make_of(row)].to_string();
                    let started = Instant::now();
                    let response = ask(addresses[&listener], row, number);
                    let delayed = row.expect.delay.filter(|delay| started.elapsed() >= *delay);
                    let of_client = of_client(response, delayed);
                    seen.lock().expect("no client panics").insert(number, of_client);
                }
            });
        }
    });
    let seen = seen.into_inner().expect("no client panics");
    assert_eq!(seen.len(), rows.len(), "every row has a response");
    upstreams.wait_for_copies(rows.iter().map(|row| row.expect.shadows.len()).sum());
    seen.into_iter().map(|(number, seen)| upstreams.complete(number, &rows[number], seen)).collect()
}

/// While one request waits, others pass the same worker and the same VM.
fn assert_delays_hold_up_nobody_else(rows: &[Row], addresses: &BTreeMap<String, SocketAddr>) {
    let listeners = listeners(rows);
    let ask = |number: usize| {
        let row = &rows[number];
        ask(addresses[&listeners[&make_of(row)].to_string()], row, number);
        Instant::now()
    };
    let slow = rows.iter().position(|row| row.expect.delay == Some(Duration::from_millis(200)));
    let slow = slow.expect("a row waits for 200 ms");
    let quick = rows.iter().position(|row| row.expect.delay.is_none()).expect("a row does not wait");
    thread::scope(|clients| {
        let waiting = clients.spawn(|| ask(slow));
        thread::sleep(Duration::from_millis(20));
        let (others, waited) = (ask(quick), waiting.join().expect("it gets a response"));
        assert!(others < waited, "a request waited for one that was delayed");
    });
}

/// What the client sees.
fn of_client(response: Message, delay: Option<Duration>) -> Seen {
    let status = response.start.split(' ').nth(1).and_then(|status| status.parse().ok());
    Seen { status, response: response.headers, body: response.body, delay, ..Seen::default() }
}

/// A request or a response, byte for byte.
#[derive(Clone, Debug)]
struct Message {
    /// The first line.
    start: String,
    headers: Fields,
    body: Vec<u8>,
}

impl Message {
    /// Reads the next message of a connection; none if there is none.
    fn read(connection: &mut impl BufRead, has_body: bool) -> io::Result<Option<Self>> {
        let mut line = || {
            let mut line = Vec::new();
            connection.read_until(b'\n', &mut line)?;
            while line.last().is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
                line.pop();
            }
            io::Result::Ok(line)
        };
        let start = String::from_utf8_lossy(&line()?).into_owned();
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Fields::new();
        loop {
            let line = line()?;
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
        }
        let mut message = Self { start, headers, body: Vec::new() };
        if message.value("transfer-encoding").is_some() {
            loop {
                let mut size = String::new();
                connection.read_line(&mut size)?;
                let size = usize::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
                let mut chunk = vec![0; size + 2];
                connection.read_exact(&mut chunk)?;
                message.body.extend_from_slice(&chunk[..size]);
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = message.value("content-length").filter(|_| has_body) {
            let length = String::from_utf8_lossy(length).parse().map_err(io::Error::other)?;
            message.body.resize(length, 0);
            connection.read_exact(&mut message.body)?;
        }
        Ok(Some(message))
    }

    fn value(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_slice())
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut bytes = format!("{}\r\n", self.start).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        to.write_all(&bytes)
    }
}

/// Sends the row's request to `listener`.
fn ask(listener: SocketAddr, row: &Row, number: usize) -> Message {
    let sent = &row.request;
    let mut headers: Fields = vec![
        ("host".to_owned(), sent.authority.clone().into_bytes()),
        // Envoy's connection manager has the scheme from here.
        ("x-forwarded-proto".to_owned(), sent.scheme.clone().into_bytes()),
        (ROW.to_owned(), number.to_string().into_bytes()),
    ];
    headers.extend(sent.headers.iter().cloned());
    if !sent.body.is_empty() {
        headers.push(("content-length".to_owned(), sent.body.len().to_string().into_bytes()));
    }
    let start = format!("{} {} HTTP/1.1", sent.method, sent.target);
    let request = Message { start, headers, body: sent.body.clone().into_bytes() };
    let talk = || {
        let mut stream = TcpStream::connect(listener)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        request.write(&mut stream)?;
        Message::read(&mut BufReader::new(stream), sent.method != "HEAD")
    };
    match talk() {
        Ok(Some(response)) => response,
        other => panic!("{}.json: {}: no response: {other:?}", row.file, row.name),
    }
}

/// A server for each cluster that a row expects, and for the plain one.
#[derive(Clone)]
struct Upstreams {
    addresses: BTreeMap<String, SocketAddr>,
    /// What reached them: cluster and request.
    arrived: Arc<Mutex<Vec<(String, Message)>>>,
}

impl Upstreams {
    fn start(rows: &Arc<Vec<Row>>) -> Self {
        let expected = rows.iter().flat_map(|row| row.expect.cluster.iter().chain(&row.expect.shadows));
        let names: BTreeSet<String> = expected.cloned().chain([PLAIN.to_owned()]).collect();
        let arrived: Arc<Mutex<Vec<(String, Message)>>> = Arc::default();
        let serve = |name: String| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
            let address = listener.local_addr().expect("it is bound");
            let (rows, arrived, cluster) = (Arc::clone(rows), Arc::clone(&arrived), name.clone());
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let (rows, arrived, cluster) = (Arc::clone(&rows), Arc::clone(&arrived), cluster.clone());
                    thread::spawn(move || serve_connection(stream, &cluster, &rows, &arrived));
                }
            });
            (name, address)
        };
        Self { addresses: names.into_iter().map(serve).collect(), arrived }
    }

    fn arrived(&self) -> Vec<(String, Message)> {
        self.arrived.lock().expect("no server panics").clone()
    }

    /// Waits for the copies that are expected, and then a little for those that are not.
    fn wait_for_copies(&self, expected: usize) {
        let started = Instant::now();
        let copies = || self.arrived().iter().filter(|(_, request)| is_copy(request)).count();
        while copies() < expected && started.elapsed() < COPIES {
            thread::sleep(Duration::from_millis(10));
        }
        thread::sleep(QUIET);
    }

    /// What the client saw of a row, with what the upstreams saw of it.
    fn complete(&self, number: usize, row: &Row, mut seen: Seen) -> Seen {
        let of_row = |(_, request): &(String, Message)| row_of(request) == Some(number);
        let (copies, requests): (Vec<_>, Vec<_>) =
            self.arrived().into_iter().filter(of_row).partition(|(_, request)| is_copy(request));
        seen.tries = requests.len() as u64;
        seen.shadows = copies.iter().map(|(cluster, _)| cluster.clone()).collect();
        // Copies are sent at one time; which of them arrives first is chance.
        let place = |cluster: &String| row.expect.shadows.iter().position(|expected| expected == cluster);
        seen.shadows.sort_by_key(|cluster| place(cluster).unwrap_or(usize::MAX));
        let Some((cluster, request)) = requests.first() else {
            return seen;
        };
        let text = |name: &str| request.value(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let own = request.headers.iter().any(|(name, _)| name.starts_with("x-serin-"));
        seen.untouched = cluster == PLAIN && !own;
        seen.cluster = Some(cluster.clone()).filter(|_| !seen.untouched);
        seen.subset = text("x-serin-subset");
        let target = request.start.split(' ').nth(1).unwrap_or_default();
        let mut upstream = request.headers.clone();
        upstream.push((":path".to_owned(), target.as_bytes().to_vec()));
        upstream.push((":authority".to_owned(), request.value("host").unwrap_or_default().to_vec()));
        seen.upstream = Some(upstream);
        for (cluster, copy) in &copies {
            let as_sent = |message: &Message| (message.start.clone(), message.value("host").map(<[u8]>::to_vec));
            if as_sent(copy) != as_sent(request) || copy.body != request.body {
                seen.shadows.push(format!("{cluster} got another request: {copy:?}, not {request:?}"));
            }
        }
        seen
    }
}

fn row_of(request: &Message) -> Option<usize> {
    String::from_utf8_lossy(request.value(ROW)?).parse().ok()
}

fn is_copy(request: &Message) -> bool {
    request.value(COPY).is_some()
}

fn serve_connection(stream: TcpStream, cluster: &str, rows: &[Row], arrived: &Mutex<Vec<(String, Message)>>) {
    let Ok(mut responses) = stream.try_clone() else { return };
    let mut requests = BufReader::new(stream);
    while let Ok(Some(request)) = Message::read(&mut requests, true) {
        let number = row_of(&request);
        let tries = {
            let mut arrived = arrived.lock().expect("no server panics");
            let copy = is_copy(&request);
            arrived.push((cluster.to_owned(), request));
            arrived.iter().filter(|(_, request)| row_of(request) == number && is_copy(request) == copy).count()
        };
        let Some(row) = number.and_then(|number| rows.get(number)) else { return };
        thread::sleep(row.response.after);
        if response(&row.response, tries as u64).write(&mut responses).is_err() {
            return;
        }
    }
}

fn response(written: &Response, tries: u64) -> Message {
    let status = if written.first.is_some_and(|first| tries > first) { 200 } else { written.status };
    let mut headers = written.headers.clone();
    headers.push(("content-length".to_owned(), b"0".to_vec()));
    Message { start: format!("HTTP/1.1 {status} -"), headers, body: Vec::new() }
}

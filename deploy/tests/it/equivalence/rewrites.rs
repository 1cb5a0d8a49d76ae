//! `uriRegexRewrite` against Envoy's own `regex_rewrite`, which is RE2's `GlobalReplace`: the same path, in a time that is
//! bounded by RE2's.

use super::Manner;
use super::client::{Client, Message};
use super::proxies::{Proxies, filter, listener, start_with};
use super::weights::cluster;
use serde_json::{Value, json};
use serin_modules::Module;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How often each request is sent to either side, and how often at most if the machine is busy.
const ROUNDS: usize = 7;
const MOST_ROUNDS: usize = 60;

/// A request is not sent once more if its pattern took that long already.
const LONG: Duration = Duration::from_millis(1_500);

/// A request may take so many times of what it takes Envoy's own routes.
const RATIO: f64 = 3.0;

const SIZES: [usize; 3] = [1 << 10, 8 << 10, 59 << 10];

/// A pattern, what replaces its matches, and the path that is repeated up to a size.
type Case = (&'static str, &'static str, &'static str);

const CASES: [Case; 30] = [
    // What was reported to take quadratic time.
    ("a.*z|a", "b", "aaaa"),
    (r"([a-z]+)(/[a-z]+)*\.php|/", r"\1-", "abc/def/"),
    // Istio's examples.
    ("^/service/([^/]+)(/.*)$", r"\2/instance/\1", "/service/foo/v1/api"),
    ("one", "two", "/xxx/one/yyy"),
    ("(?i)/xxx/", "/yyy/", "/aaa/XxX/bbb"),
    ("^/api/v[0-9]+()", r"\1", "/api/v12/cart"),
    // Long matches, with and without groups.
    (".*", "/", "/long/path"),
    ("(.*)", r"\1", "/long/path"),
    ("^(/.*)(/[^/]*)$", r"\2\1", "/long/path"),
    ("(.+)\\.(.+)", r"\2.\1", "/index.html"),
    ("([^/]+)/([^/]+)", r"\2/\1", "/first/second"),
    ("[^/]+$", "last", "/first/second"),
    // Many matches.
    ("/", "-", "/a/b/c"),
    ("x*", "-", "/abc"),
    ("[0-9]+", "N", "/1/22/333/x"),
    (r"\b", "_", "/some/words-here"),
    ("(?:[a-z]{1,3}/){5}", "/", "a/bb/ccc/"),
    // No match.
    ("x", "y", "/abc/def"),
    ("zebra", "horse", "/zebr/abc"),
    ("^/other/", "/", "/some/path"),
    (r"(x+x+)+y", "z", "xxxxxxxx"),
    ("/+()$", r"\1", "/////////a"),
    (r"[a-z]+\.php$", "x", "abcdef"),
    // Many choices.
    ("(alpha|beta|gamma|delta|epsilon|zeta|eta|theta)+", "<\\1>", "/alphabeta/gamma/thetaetaxx"),
    ("(a?){20}a{20}", "b", "aaaaaaaaaaaaa"),
    ("(a|ab|abc|abcd)+?d", "-", "abcdabcabab"),
    // Automata with a state for nearly every text, read from the one end or the other.
    ("[ab]*a[ab]{12}z", "c", RANDOM),
    ("z[ab]{12}a[ab]*", "c", RANDOM),
    ("a[ab]{12}", "c", RANDOM),
    ("([ab]{12}a|b)", r"\1c", RANDOM),
];

/// Stands for a text of a and b in no order.
const RANDOM: &str = "random";

fn path(unit: &str, size: usize) -> String {
    let mut path = String::from("/");
    if unit == RANDOM {
        // Xorshift.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        path.extend((1..size).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            if state >> 40 & 1 == 0 { 'a' } else { 'b' }
        }));
    } else {
        let unit = unit.strip_prefix('/').map_or(unit.to_owned(), |rest| format!("{rest}/"));
        path.extend(unit.chars().cycle().take(size - 1));
    }
    path
}

/// An upstream that answers with the length and the hash of the path that it was sent.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Serves until the connection ends.
fn serve(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::with_capacity(1 << 17, stream);
    loop {
        let (mut first, mut line) = (String::new(), String::new());
        reader.read_line(&mut first).ok().filter(|read| *read > 0)?;
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        }
        let path = first.split(' ').nth(1)?;
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let (length, hash) = (path.len(), hasher.finish());
        write!(writer, "HTTP/1.1 200 OK\r\nx-rule: {length}:{hash:x}\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// The two sides, in one Envoy: each case at a host of its own, and at `plain.example` a rewrite without a pattern.
async fn start(upstream: SocketAddr) -> Proxies {
    let host = |place: usize| format!("p{place}.example");
    let rewritten = |rewrite: Value| {
        let mut route = json!({"cluster": "upstream", "timeout": "0s"});
        route.as_object_mut().unwrap().extend(rewrite.as_object().unwrap().clone());
        json!([{"match": {"prefix": "/"}, "route": route}])
    };
    let mut hosts: Vec<Value> = CASES
        .iter()
        .enumerate()
        .map(|(place, (pattern, substitution, _))| {
            let rewrite = json!({"pattern": {"regex": pattern}, "substitution": substitution});
            let routes = rewritten(json!({"regex_rewrite": rewrite}));
            json!({"name": host(place), "domains": [host(place)], "routes": routes})
        })
        .collect();
    let routes = rewritten(json!({"prefix_rewrite": "/"}));
    hosts.push(json!({"name": "plain", "domains": ["plain.example"], "routes": routes}));

    let virtual_service = |name: &str, rewrite: Value| {
        let route = json!([{"destination": {"host": "upstream"}}]);
        let http = json!([{"match": [{"uri": {"prefix": "/"}}], "rewrite": rewrite, "route": route}]);
        json!({"kind": "VirtualService", "metadata": {"name": name},
            "spec": {"hosts": [format!("{name}.example")], "http": http}})
    };
    let mut resources: Vec<Value> = CASES
        .iter()
        .enumerate()
        .map(|(place, (pattern, rewrite, _))| {
            let rewrite = json!({"uriRegexRewrite": {"match": pattern, "rewrite": rewrite}});
            virtual_service(&format!("p{place}"), rewrite)
        })
        .collect();
    resources.push(virtual_service("plain", json!({"uri": "/"})));
    let configuration = json!({"cluster": "upstream", "resources": resources});
    let chosen = json!([{"match": {"prefix": ""}, "route": {"cluster_header": "x-serin-cluster", "timeout": "0s"}}]);
    let any = json!({"name": "any", "domains": ["*"], "routes": chosen});
    start_with(Manner::DEFAULT, &[Module::Canary], vec![cluster("upstream", upstream)], |modules| {
        let mut listeners = vec![
            listener("native", vec![], hosts),
            listener("filter", vec![filter(&modules[0], &configuration)], vec![any]),
        ];
        for listener in &mut listeners {
            listener["filter_chains"][0]["filters"][0]["typed_config"]["max_request_headers_kb"] = json!(96);
        }
        listeners
    })
    .await
}

/// Asks either side, and remembers how long it took at least.
struct Sides {
    native: Client,
    filter: Client,
}

/// A request, and how long it took at least on either side.
struct Timed {
    message: Message,
    native: Duration,
    filter: Duration,
    spent: Duration,
}

impl Timed {
    fn new(host: &str, path: &str) -> Self {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}.example\r\n\r\n").into_bytes();
        let message = Message { bytes, bodiless: false };
        Self { message, native: Duration::MAX, filter: Duration::MAX, spent: Duration::ZERO }
    }
}

impl Sides {
    /// Sends the request once to either side; both must have rewritten the path to the same.
    fn send(&mut self, timed: &mut Timed, case: &dyn Fn() -> String) {
        if timed.spent > LONG {
            return;
        }
        let ask = |client: &mut Client| {
            let started = Instant::now();
            let answer = client.ask(&timed.message);
            (answer, started.elapsed())
        };
        let ((theirs, native), (ours, filter)) = (ask(&mut self.native), ask(&mut self.filter));
        assert_eq!((ours.status, &ours.rule), (200, &theirs.rule), "{}: length and hash of the path", case());
        timed.native = timed.native.min(native);
        timed.filter = timed.filter.min(filter);
        timed.spent += native + filter;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rewritten_path_is_re2s_and_takes_no_longer_than_three_times_re2() {
    let proxies = start(upstream()).await;
    let (native, filter) = (proxies.address("native"), proxies.address("filter"));
    let table = tokio::task::spawn_blocking(move || {
        let mut sides = Sides { native: Client::to(native), filter: Client::to(filter) };
        measured(&mut sides)
    });
    let (table, slow) = table.await.unwrap();
    proxies.stop().await;
    println!("{table}");
    assert!(slow.is_empty(), "more than {RATIO} times RE2: {slow:?}\n{table}");
}

/// The table of how long what took, and which cases took too long.
fn measured(sides: &mut Sides) -> (String, Vec<String>) {
    let name = |place: usize, size: usize| format!("`{}` {size}", CASES[place].0);
    let mut rows: Vec<(usize, usize, Timed, Timed)> = Vec::new();
    for (place, (_, _, unit)) in CASES.iter().enumerate() {
        for size in SIZES {
            let path = path(unit, size);
            rows.push((place, size, Timed::new(&format!("p{place}"), &path), Timed::new("plain", &path)));
        }
    }
    let is_slow = |timed: &Timed, plain: &Timed| {
        let hostcalls = plain.filter.saturating_sub(plain.native);
        timed.filter > timed.native.mul_f64(RATIO) + hostcalls
    };
    for round in 0..MOST_ROUNDS {
        for (place, size, timed, plain) in &mut rows {
            if round < ROUNDS || is_slow(timed, plain) {
                sides.send(timed, &|| name(*place, *size));
                sides.send(plain, &|| format!("plain {size}"));
            }
        }
    }
    let mut table = String::from(
        "| pattern | bytes | Envoy | Serin | ratio | Envoy, pattern alone | Serin, pattern alone |\n|---|---:|---:|---:|---:|---:|---:|\n",
    );
    let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
    let mut slow = Vec::new();
    for (place, size, timed, plain) in &rows {
        let alone = (timed.native.saturating_sub(plain.native), timed.filter.saturating_sub(plain.filter));
        writeln!(
            table,
            "| `{}` | {size} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
            CASES[*place].0.replace('|', r"\|"),
            micros(timed.native),
            micros(timed.filter),
            micros(timed.filter) / micros(timed.native),
            micros(alone.0),
            micros(alone.1),
        )
        .unwrap();
        if is_slow(timed, plain) {
            slow.push(name(*place, *size));
        }
    }
    (table, slow)
}

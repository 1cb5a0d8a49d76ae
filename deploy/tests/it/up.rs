//! `serin up`, from start to end, and what ends with it.

use crate::process::{assert_ends, is_open, is_running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const SHOP: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {template: {metadata: {labels: {app: reviews}}}}
";

/// A running `serin up`, killed if the test fails.
struct Up {
    child: Child,
    lines: BufReader<ChildStdout>,
    temporary: TempDir,
    listener: SocketAddr,
    admin: SocketAddr,
    envoy: u32,
}

impl Up {
    fn start() -> Self {
        Self::with(SHOP)
    }

    fn with(text: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let manifests = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(manifests.path(), text).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_serin"))
            .args(["up", "--output", "json", "--filters", "canary", "--concurrency", "1"])
            .arg(manifests.path())
            .env("TMPDIR", temporary.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        // If it does not start, it ends, and so does this line.
        lines.read_line(&mut first).unwrap();
        let said: Value = serde_json::from_str(&first).unwrap_or_else(|error| panic!("{error}: {first:?}"));
        let address = |url: &Value| url.as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let (listener, admin) = (address(&said["listeners"][0]["url"]), address(&said["admin"]));
        let envoy = only_child_of(child.id());
        Self { child, lines, temporary, listener, admin, envoy }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "serin up does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn only_child_of(id: u32) -> u32 {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let listed = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap();
        children.extend(listed.split_whitespace().map(|child| child.parse::<u32>().unwrap()));
    }
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

#[test]
fn a_signal_to_stop_leaves_no_process_no_port_and_no_file() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut up = Up::start();
        assert!(is_running(up.envoy) && is_open(up.listener));
        up.signal(signal);
        assert!(up.wait().success(), "{signal} is how it is meant to end");
        assert!(!is_running(up.envoy) && !is_open(up.listener));
        let left: Vec<_> = std::fs::read_dir(up.temporary.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let mut rest = String::new();
        up.lines.read_to_string(&mut rest).unwrap();
        assert!(rest.lines().last().unwrap().contains(r#""deployment":"reviews-v1""#), "{rest}");
    }
}

#[test]
fn even_if_it_is_killed_envoy_ends() {
    let mut up = Up::start();
    up.signal(Signal::SIGKILL);
    assert!(!up.wait().success());
    assert_ends(up.envoy);
    // The kernel closes the port when the last of the process's threads is gone, which may be later than the first.
    let started = std::time::Instant::now();
    while is_open(up.listener) {
        assert!(started.elapsed() < Duration::from_secs(10), "{} is still open", up.listener);
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// One service of two versions, of which the second gets copies and says something else.
const COMPARED: &str = "
apiVersion: v1
kind: Service
metadata: {name: prices}
spec: {selector: {app: prices}, ports: [{name: http, port: 80}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: v1}
spec: {template: {metadata: {labels: {app: prices, version: v1}},
  spec: {containers: [{env: [{name: SERIN_ANSWER, value: ten}]}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: v2}
spec: {template: {metadata: {labels: {app: prices, version: v2}},
  spec: {containers: [{env: [{name: SERIN_ANSWER, value: one}]}]}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: prices}
spec: {host: prices, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: prices}
spec:
  hosts: [prices]
  http:
  - name: all
    route: [{destination: {host: prices, subset: v1}}]
    mirror: {host: prices, subset: v2}
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: prices}
spec:
  virtualService: prices
  routes: [{shadow: {delivery: callout, compare: {status: true, body: true, sampleLog: 100}}}]
";

/// The body of the answer to a GET request.
fn get(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn what_the_filters_log_is_shown_and_what_they_count_can_be_asked_for() {
    let mut up = Up::with(COMPARED);
    assert_eq!(get(up.listener, "prices", "/prices/7"), "ten");
    let log = loop {
        let mut line = String::new();
        assert!(up.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        let said: Value = serde_json::from_str(&line).unwrap();
        if let Some(log) = said["log"].as_str() {
            break log.to_owned();
        }
    };
    assert!(log.contains("canary: default/prices/all GET /prices/7: body_mismatch of outbound|80|v2|"), "{log}");
    let metrics = get(up.admin, "admin", "/stats/prometheus");
    let series = metrics.lines().find(|line| line.starts_with("serin_shadow_results_total{"));
    assert!(series.is_some_and(|series| series.ends_with(r#"result="body_mismatch"} 1"#)), "{series:?}");
    up.signal(Signal::SIGINT);
    assert!(up.wait().success());
}

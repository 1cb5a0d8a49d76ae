//! `serin up`, from start to end, and what ends with it.

use crate::backend::{Client, metric, reviews};
use crate::process::{assert_ends, is_open, is_running};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
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

/// Everything to v1, and copies to v2, whose pods answer with another name.
const COMPARED: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - name: all
    route: [{destination: {host: reviews, subset: v1}}]
    mirror: {host: reviews, subset: v2}
---
apiVersion: serin.dev/v1alpha1
kind: CanaryPolicy
metadata: {name: reviews}
spec:
  virtualService: reviews
  routes: [{shadow: {delivery: callout, compare: {status: true, body: true, sampleLog: 100}}}]
";

#[test]
fn what_the_filters_log_is_shown_and_what_they_count_can_be_asked_for() {
    let mut up = Up::with(&format!("{}---{COMPARED}", reviews(&["v1", "v2"])));
    assert_eq!(Client::of(up.listener).get("/reviews/1", &[]).status, 200);
    let log = loop {
        let mut line = String::new();
        assert!(up.lines.read_line(&mut line).unwrap() > 0, "it has ended");
        let said: Value = serde_json::from_str(&line).unwrap();
        if let Some(log) = said["log"].as_str() {
            break log.to_owned();
        }
    };
    assert!(log.contains("canary: default/reviews/all GET /reviews/1: body_mismatch of outbound|9080|v2|"), "{log}");
    assert_eq!(metric(up.admin, "serin_shadow_results_total", &[("result", "body_mismatch")]), 1);
    assert_eq!(metric(up.admin, "serin_shadow_results_total", &[]), 1);
    up.signal(Signal::SIGINT);
    assert!(up.wait().success());
}

//! `serin up`, from start to end, and what ends with it.

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
    envoy: u32,
}

impl Up {
    fn start() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let manifests = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        std::fs::write(manifests.path(), SHOP).unwrap();
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
        let url = said["listeners"][0]["url"].as_str().unwrap();
        let listener = url.strip_prefix("http://").unwrap().parse().unwrap();
        let envoy = only_child_of(child.id());
        Self { child, lines, temporary, listener, envoy }
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

//! Where it is measured.

use crate::results::Machine;
use serin::envoy::find;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::SystemTime;

/// What is known of this machine, its Envoy and this Serin.
pub fn machine() -> Machine {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let says = |command: &mut Command| {
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    // "/path/to/envoy  version: 8c9…/1.40.0/Clean/RELEASE/BoringSSL"
    let envoy = find(None).ok().and_then(|binary| says(Command::new(binary).arg("--version")));
    let envoy = envoy.and_then(|version| Some(version.rsplit_once("version: ")?.1.split('/').nth(1)?.to_owned()));
    let commit = says(Command::new("git").args(["describe", "--always", "--dirty"]));
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    Machine {
        processor: processor.map(|(_, name)| name.to_owned()).unwrap_or_default(),
        cores: thread::available_parallelism().map_or(0, Into::into),
        envoy: envoy.unwrap_or_default(),
        serin: commit.unwrap_or_default(),
        day: now.split('T').next().unwrap_or_default().to_owned(),
    }
}

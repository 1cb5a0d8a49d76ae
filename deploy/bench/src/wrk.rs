//! A second opinion: the same requests from wrk, where it is installed. A client of one's own may see what it wants to see.

use crate::cores::Worker;
use crate::results::Requests;
use crate::rules::By;
use crate::scenes::{CANARY, EMPTY, LUA, NOTHING};
use crate::turn::CONNECTIONS;
use serin::envoy::Process;
use std::env;
use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Instant;

/// The scene.
pub const BY_WRK: &str = "exact header, the middle rule, sent by wrk";

/// Whose requests.
pub const SUBJECTS: [&str; 4] = [NOTHING, EMPTY, LUA, CANARY];

/// How many rules there are.
pub const RULES: usize = 10;

/// How often; each time takes a second, the least that wrk takes.
const ROUNDS: usize = 5;

/// Whether wrk is there.
pub fn is_installed() -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|directory| directory.join("wrk").is_file()))
}

/// The rounds of wrk, in the Envoy of that many rules.
///
/// # Errors
///
/// What the system says, and what wrk says.
pub fn rounds(envoy: &Process, worker: &Worker) -> io::Result<Vec<Requests>> {
    let mut measured = SUBJECTS.map(|subject| Requests::of(BY_WRK, RULES, subject));
    for _ in 0..ROUNDS {
        for requests in &mut measured {
            let listener = match requests.subject.as_str() {
                subject @ (NOTHING | EMPTY) => subject.to_owned(),
                subject => By::Header.listener_of(subject),
            };
            let target = envoy.listeners().get(&listener).ok_or_else(|| io::Error::other("no such listener"))?;
            let (cpu, rate, busy) = turn(*target, worker, &By::Header.request(RULES))?;
            requests.push(cpu, rate, busy);
        }
    }
    Ok(measured.into())
}

/// A second of requests. wrk runs on the cores of the thread that starts it.
fn turn(target: SocketAddr, worker: &Worker, request: &[u8]) -> io::Result<(f64, f64, f64)> {
    let request = String::from_utf8_lossy(request);
    let mut lines = request.trim_end().lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut wrk = Command::new("wrk");
    wrk.args(["--threads", "1", "--connections", &CONNECTIONS.to_string(), "--duration", "1s"]);
    for header in lines {
        // By this name wrk knows that it need not name the host itself.
        wrk.args(["--header", &header.replace("host:", "Host:")]);
    }
    let (started, before) = (Instant::now(), worker.cpu_time()?);
    let output = wrk.arg(format!("http://{target}{path}")).output()?;
    let (time, spent) = (started.elapsed().as_secs_f64(), worker.cpu_time()?.saturating_sub(before).as_secs_f64());
    let said = String::from_utf8_lossy(&output.stdout);
    // "  61021 requests in 1.10s, 8.03MB read"
    let sent = said.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<f64>().ok());
    match sent {
        Some(sent) if sent > 0.0 && !said.contains("Non-2xx") => Ok((spent * 1e6 / sent, sent / time, spent / time)),
        _ => Err(io::Error::other(format!("wrk says: {said}"))),
    }
}

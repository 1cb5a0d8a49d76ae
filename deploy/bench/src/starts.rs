//! Starts: what an Envoy has spent and keeps when it has nothing more to do.

use crate::cores::cpu_time_of_process;
use crate::results::{Starts, rounded};
use crate::rules::By;
use crate::scenes::{CANARY, CHAIN, EMPTY, NOTHING, modules};
use crate::shop::{CHOSEN, cluster};
use crate::stage::Stage;
use crate::upstream::Upstream;
use crate::wasm::{Asks, module};
use serde_json::json;
use std::error::Error;
use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How many workers.
pub const WORKERS: [u32; 3] = [1, 2, 4];

/// How many rules.
pub const RULES: [usize; 3] = [0, 10, 10_000];

/// Who is started, and whether there are rules.
pub const SUBJECTS: [(&str, bool); 4] = [(NOTHING, false), (EMPTY, false), (CANARY, true), (CHAIN, true)];

/// How often an Envoy is started that something is judged by; the others are started once.
const OFTEN: usize = 5;

/// How often it is looked whether Envoy has something to do.
const LOOK: Duration = Duration::from_millis(50);

/// How much an Envoy runs between two looks that has nothing to do: timers, and the admin interface.
const NEXT_TO_NOTHING: Duration = Duration::from_millis(2);

/// How many looks have to find that.
const LOOKS: usize = 8;

/// How long Envoy may take to have nothing to do.
const LONGEST: Duration = Duration::from_secs(20);

/// All starts. `progress` is told of each.
///
/// # Errors
///
/// What the system says, and what Envoy says.
pub async fn starts(upstream: &Upstream, mut progress: impl FnMut(&str)) -> Result<Vec<Starts>, Box<dyn Error>> {
    let mut all = Vec::new();
    for (subject, has_rules) in SUBJECTS {
        for rules in if has_rules { &RULES[..] } else { &RULES[..1] } {
            for workers in WORKERS {
                progress(&format!("{subject}, {rules} rules, {workers} workers"));
                let mut starts = Starts {
                    subject: subject.to_owned(),
                    rules: *rules,
                    workers,
                    cpu: Vec::new(),
                    resident: Vec::new(),
                };
                let is_judged = workers == 1 && [(NOTHING, 0), (CANARY, 10)].contains(&(subject, *rules));
                for _ in 0..if is_judged { OFTEN } else { 1 } {
                    let (cpu, resident) = start(upstream, subject, *rules, workers).await?;
                    starts.cpu.push(rounded(cpu));
                    starts.resident.push(rounded(resident));
                }
                all.push(starts);
            }
        }
    }
    Ok(all)
}

/// Starts an Envoy: the CPU time in seconds and the resident memory in MiB when it has nothing more to do.
async fn start(upstream: &Upstream, subject: &str, rules: usize, workers: u32) -> Result<(f64, f64), Box<dyn Error>> {
    let mut stage = Stage::new(upstream)?;
    let to_chosen =
        |action: crate::listener::Action| vec![json!({"match": {"prefix": "/"}, "route": action.to(&cluster(CHOSEN))})];
    let listener = match subject {
        NOTHING => stage.plain(subject, to_chosen)?,
        EMPTY => {
            let filter = stage.filter(subject, &module(Asks::Nothing, "", "")?)?;
            stage.plain(subject, to_chosen)?.with_filter(filter)
        }
        _ => {
            let written = (rules > 0).then(|| By::Header.virtual_service(rules, CHOSEN));
            stage.rendered(subject, modules(subject), written.as_slice())?
        }
    };
    stage.add(listener);
    let envoy = stage.start(workers).await?;
    let (started, mut quiet, mut spent) = (Instant::now(), 0, cpu_time_of_process(envoy.id())?);
    while quiet < LOOKS && started.elapsed() < LONGEST {
        thread::sleep(LOOK);
        let now = cpu_time_of_process(envoy.id())?;
        quiet = if now - spent < NEXT_TO_NOTHING { quiet + 1 } else { 0 };
        spent = now;
    }
    let resident = resident(envoy.id())?;
    envoy.stop().await;
    Ok((spent.as_secs_f64(), resident))
}

/// What of the process is in memory, in MiB.
fn resident(process: u32) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.map(|kib| kib / 1024.0).ok_or_else(|| io::Error::other("a status without VmRSS"))
}

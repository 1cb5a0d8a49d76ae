//! Scenarios on a real Envoy.

use super::judge::{Measurement, judge};
use super::outcome::Outcome;
use super::written::{Scenario, Step};
use crate::load::{Answer, Load};
use crate::manifests::{World, load};
use crate::pocket::{Error, Options, Pocket};
use hyper::body::Bytes;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::names::gateway::full_name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long copies may be under way after the last answer.
const COPIES: Duration = Duration::from_secs(5);

/// For how long no further copy must have come in.
const QUIET: Duration = Duration::from_millis(150);

/// Told before each step what it is called, and then how many of how many requests are answered.
pub type Progress = Arc<dyn Fn(&str, u64, u64) + Send + Sync>;

/// Runs `scenario`; each step gives an outcome, and a scenario that cannot be run gives one too.
pub async fn run(scenario: &Scenario, options: &Options, progress: &Progress) -> Vec<Outcome> {
    let mut notes = Vec::new();
    let mut pocket = match start(scenario, options, &mut notes).await {
        Ok(pocket) => pocket,
        Err(reason) => return vec![Outcome { notes, ..Outcome::not_run(scenario, &reason) }],
    };
    notes.extend(pocket.warnings().iter().map(ToString::to_string));
    let mut outcomes = Vec::new();
    for step in &scenario.steps {
        outcomes.push(match run_step(scenario, step, &pocket, progress).await {
            Ok(seen) => Outcome::of(scenario, step, &seen, judge(&step.expect, step.requests, &seen)),
            Err(reason) => Outcome::step_not_run(scenario, step, &reason),
        });
        if pocket.has_ended() {
            let last = pocket.envoy().log().lines().last().unwrap_or_default().to_owned();
            outcomes.push(Outcome::not_run(scenario, &format!("envoy ended: {last}")));
            break;
        }
    }
    pocket.stop().await;
    if let Some(first) = outcomes.first_mut() {
        first.notes = notes;
    }
    outcomes
}

/// The namespace of manifests that name none.
const NAMESPACE: &str = "default";

async fn start(scenario: &Scenario, options: &Options, notes: &mut Vec<String>) -> Result<Pocket, String> {
    let beside = Path::new(&scenario.file).parent().unwrap_or(Path::new(""));
    let paths: Vec<PathBuf> = scenario.manifests.iter().map(|path| beside.join(path)).collect();
    let texts = load(&paths).map_err(|error| error.to_string())?;
    let world = World::parse(NAMESPACE, &texts).map_err(|mistakes| mistakes.to_string())?;
    notes.extend(world.notes.iter().cloned());
    let options =
        Options { gateway: Some(scenario.through.clone()), source: scenario.source.clone(), ..options.clone() };
    Pocket::start(&world, &options).await.map_err(|error: Error| error.to_string())
}

async fn run_step(
    scenario: &Scenario,
    step: &Step,
    pocket: &Pocket,
    progress: &Progress,
) -> Result<Measurement, String> {
    let through = full_name(&scenario.through, NAMESPACE);
    let target = pocket.listener(&through, step.port).ok_or_else(|| {
        let ports: Vec<String> = pocket.listeners().keys().map(|name| name.port.to_string()).collect();
        format!("{} has no port {}, but {}", scenario.through, step.port, ports.join(", "))
    })?;
    let before = pocket.counts();
    let results_before = results(step, pocket).await?;
    let load = Load {
        target,
        method: step.method.clone(),
        path: step.path.clone(),
        host: step.host.clone(),
        headers: step.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        body: Bytes::from(step.body.clone()),
        requests: step.requests,
        concurrency: scenario.concurrency,
    };
    let (title, requests) = (step.title(), step.requests);
    progress(&title, 0, requests);
    let told = Arc::clone(progress);
    let answers = load.send(move |answered| told(&title, answered, requests)).await;

    let answered_by = |deployment: &String| -> u64 {
        let by = |answer: &Answer| matches!(answer, Answer::From(by) | Answer::Odd(by, _) if by == deployment);
        answers.iter().filter(|(answer, _)| by(answer)).map(|(_, count)| count).sum()
    };
    let copies = |counts: BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        let arrived = |(deployment, count): (String, u64)| {
            let copies = count - before.get(&deployment).copied().unwrap_or(0);
            let copies = copies.saturating_sub(answered_by(&deployment));
            (copies > 0).then_some((deployment, copies))
        };
        counts.into_iter().filter_map(arrived).collect()
    };
    let shadows = settled(|| copies(pocket.counts())).await;
    let results = compared(step, pocket, &results_before).await?;
    Ok(Measurement { answers, shadows, results })
}

/// How many comparisons Envoy has counted, by how they ended.
async fn results(step: &Step, pocket: &Pocket) -> Result<BTreeMap<String, u64>, String> {
    let mut results = BTreeMap::new();
    if !step.expect.results.is_empty() {
        let counters = pocket.envoy().counters(Metric::ShadowResults.name()).await;
        for (name, count) in counters.map_err(|error| format!("envoy's counters: {error}"))? {
            let result = Label::Result.value_in(&name).unwrap_or_default();
            *results.entry(result.to_owned()).or_default() += count;
        }
    }
    Ok(results)
}

/// The comparisons of one step, once there are as many as are expected or the time for that is up.
async fn compared(
    step: &Step,
    pocket: &Pocket,
    before: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, u64>, String> {
    let expected = step.expect.results.values().sum::<f64>() * step.requests as f64;
    let started = Instant::now();
    loop {
        let mut seen = results(step, pocket).await?;
        for (result, count) in &mut seen {
            *count -= before.get(result).copied().unwrap_or(0);
        }
        seen.retain(|_, count| *count > 0);
        if seen.values().sum::<u64>() as f64 >= expected || started.elapsed() > COPIES {
            return Ok(seen);
        }
        tokio::time::sleep(QUIET).await;
    }
}

/// What `look` sees once it has not changed for a while.
async fn settled<T: PartialEq>(look: impl Fn() -> T) -> T {
    let started = Instant::now();
    let (mut seen, mut since) = (look(), Instant::now());
    while since.elapsed() < QUIET && started.elapsed() < COPIES {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let now = look();
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    seen
}

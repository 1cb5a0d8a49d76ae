//! `serin test`.

use super::{CommandResult, EnvoyArgs, Filters, Finding, runtime};
use crate::manifests::load;
use crate::pocket::Options;
use crate::scenario::{Outcome, Progress, Scenario, brief, read, run, table};
use clap::{Args, ValueEnum};
use console::Term;
use indicatif::{ProgressBar, ProgressStyle};
use serin_traffic::written::Source;
use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Runs scenarios in a real Envoy, one after the other, and prints the table of expected and seen
///
/// A scenario names manifests, requests, and who should answer them. A split is wrong if a right one would be that far
/// off once in ten thousand times or less (chi-squared test). The last line says how many scenarios passed and failed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Test {
    /// Files of scenarios
    #[arg(required = true, value_name = "SCENARIOS")]
    files: Vec<PathBuf>,

    /// Only the scenarios whose name has this in it
    #[arg(long, visible_alias = "filter-name", value_name = "TEXT")]
    only: Option<String>,

    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    envoy: EnvoyArgs,

    /// What is printed [default: the table; on a terminal that is too narrow for it, brief]
    #[arg(long, value_enum)]
    output: Option<Output>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table with what was asked, expected and seen
    Table,
    /// One line for each scenario
    Brief,
    /// One JSON document, for programs
    Json,
}

const EXAMPLE: &str = "\
A file of scenarios:
  - name: reviews v1 90, v2 10
    manifests: [bookinfo.yaml, reviews-90-10.yaml]    # beside the file
    through: mesh                      # default; or a Gateway: default/bookinfo-gateway
    source: {labels: {app: web}}       # optional: who calls through the mesh
    concurrency: 8                     # default
    steps:
    - get: http://reviews:9080/reviews/1   # or post, with a body; Host and listener port are the URL's
      headers: {end-user: jason}       # optional
      requests: 2000
      expect:
        answers: {reviews-v1: 90, reviews-v2: 10}   # by workload, in parts; 503: 1 is an answer of no pod
        shadows: {reviews-v3: 1}       # optional: copies per request; where nothing is said there must be none
        results: {match: 1}            # optional: copies per request whose answers compare so (docs/shadow-mirror.md)
    - get: http://reviews:9080/nothing
      requests: 100
      expect: {status: 404}            # all answers come from no pod, and with this status";

impl Test {
    pub(super) fn run(self) -> CommandResult {
        let scenarios = self.scenarios()?;
        let options = Options {
            modules: self.filters.filters,
            concurrency: self.envoy.concurrency,
            envoy: self.envoy.envoy,
            source: Source::default(),
            gateway: None,
        };
        let outcomes = runtime()?.block_on(run_all(&scenarios, &options));
        // Scenarios of one name in two files are two.
        let failed = outcomes.iter().filter(|outcomes| outcomes.iter().any(|outcome| !outcome.right)).count();
        let passed = outcomes.len() - failed;
        let outcomes: Vec<Outcome> = outcomes.into_iter().flatten().collect();
        let mut out = io::stdout().lock();
        let whole = table(&outcomes).to_string();
        match self.output.unwrap_or_else(|| fitting(&whole)) {
            Output::Json => {
                let report = serde_json::json!({"passed": passed, "failed": failed, "outcomes": outcomes});
                writeln!(out, "{report:#}")?;
            }
            kind => {
                for outcome in &outcomes {
                    for note in &outcome.notes {
                        writeln!(io::stderr(), "note: {}: {note}", outcome.scenario)?;
                    }
                }
                writeln!(out, "{}", if kind == Output::Brief { brief(&outcomes).trim_fmt() } else { whole })?;
                for outcome in outcomes.iter().filter(|outcome| !outcome.right) {
                    writeln!(out, "{} ({}): {}", outcome.scenario, outcome.step, outcome.reasons.join("; "))?;
                }
                writeln!(out, "{passed} passed, {failed} failed")?;
            }
        }
        Ok(if failed == 0 { Finding::Right } else { Finding::Wrong })
    }

    fn scenarios(&self) -> Result<Vec<Scenario>, Box<dyn Error>> {
        let mut scenarios = Vec::new();
        for text in load(&self.files)? {
            scenarios.extend(read(&text)?);
        }
        if let Some(only) = &self.only {
            let names: BTreeSet<String> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
            scenarios.retain(|scenario| scenario.name.contains(only));
            if scenarios.is_empty() {
                let names = names.into_iter().collect::<Vec<_>>().join("\n  ");
                return Err(format!("no scenario has {only:?} in its name; there are\n  {names}").into());
            }
        }
        Ok(scenarios)
    }
}

/// The table, unless the terminal is too narrow for it.
fn fitting(table: &str) -> Output {
    let width = table.lines().map(console::measure_text_width).max().unwrap_or_default();
    let terminal = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    if terminal.is_some_and(|columns| columns < width) { Output::Brief } else { Output::Table }
}

async fn run_all(scenarios: &[Scenario], options: &Options) -> Vec<Vec<Outcome>> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}  {msg}  {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    let mut outcomes = Vec::new();
    for (index, scenario) in scenarios.iter().enumerate() {
        bar.set_prefix(format!("[{}/{}] {}", index + 1, scenarios.len(), scenario.name));
        bar.set_message("starting envoy");
        bar.set_length(1);
        bar.set_position(0);
        let told = bar.clone();
        let progress: Progress = Arc::new(move |step, answered, requests| {
            if answered == 0 {
                told.set_message(step.to_owned());
                told.set_length(requests);
            }
            told.set_position(answered);
        });
        outcomes.push(run(scenario, options, &progress).await);
    }
    bar.finish_and_clear();
    outcomes
}

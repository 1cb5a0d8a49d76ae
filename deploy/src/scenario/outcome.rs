//! Outcomes: what became of scenarios, as a table and as JSON.

use super::judge::{Measurement, Verdict};
use super::written::{Expectation, Scenario, Step};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Color, Table};
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of one step, or of a scenario that could not be run.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub scenario: String,
    /// The way in.
    pub through: String,
    /// The requests.
    pub step: String,
    /// How many of them.
    pub requests: u64,
    /// What was expected, in percent of the requests; copies with a `+`, and how they compare with a `=`.
    pub expected: BTreeMap<String, f64>,
    /// What was seen, counted.
    pub seen: BTreeMap<String, u64>,
    /// The probability that a right split is that far off; none if nothing was left to chance.
    pub p: Option<f64>,
    /// Whether what was seen is what was expected.
    pub right: bool,
    /// What is wrong.
    pub reasons: Vec<String>,
    /// What of the manifests was read past, or is suspect; told with the first step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn of(scenario: &Scenario, step: &Step, seen: &Measurement, verdict: Verdict) -> Self {
        let answers = seen.answers.iter().map(|(answer, count)| (answer.to_string(), *count));
        let copies = seen.shadows.iter().map(|(name, count)| (copy(name), *count));
        let results = seen.results.iter().map(|(name, count)| (result(name), *count));
        Self {
            scenario: scenario.name.clone(),
            through: scenario.through.clone(),
            step: step.title(),
            requests: step.requests,
            expected: expected(&step.expect),
            seen: answers.chain(copies).chain(results).collect(),
            p: verdict.p,
            right: verdict.right,
            reasons: verdict.reasons,
            notes: Vec::new(),
        }
    }

    pub(crate) fn step_not_run(scenario: &Scenario, step: &Step, reason: &str) -> Self {
        let nothing = Verdict { right: false, p: None, reasons: vec![reason.to_owned()] };
        Self::of(scenario, step, &Measurement::default(), nothing)
    }

    pub(crate) fn not_run(scenario: &Scenario, reason: &str) -> Self {
        Self {
            scenario: scenario.name.clone(),
            through: scenario.through.clone(),
            step: scenario.manifests.join(", "),
            requests: 0,
            expected: BTreeMap::new(),
            seen: BTreeMap::new(),
            p: None,
            right: false,
            reasons: vec![reason.to_owned()],
            notes: Vec::new(),
        }
    }
}

fn copy(name: &str) -> String {
    format!("+{name}")
}

fn result(name: &str) -> String {
    format!("={name}")
}

fn expected(expect: &Expectation) -> BTreeMap<String, f64> {
    let answers = expect.answers.iter().map(|(name, share)| (name.clone(), share * 100.0));
    let copies = expect.shadows.iter().map(|(name, share)| (copy(name), share * 100.0));
    let results = expect.results.iter().map(|(name, share)| (result(name), share * 100.0));
    answers.chain(copies).chain(results).collect()
}

/// The outcomes with neighbours of one scenario taken together where the same was expected and nothing was left to chance.
/// What is wrong, and what a test of chance judged, keeps a line of its own.
fn condensed(outcomes: &[Outcome]) -> Vec<Outcome> {
    let mut condensed: Vec<(Outcome, usize)> = Vec::new();
    let plain = |outcome: &Outcome| outcome.right && outcome.p.is_none();
    for outcome in outcomes {
        match condensed.last_mut() {
            Some((last, steps))
                if plain(last)
                    && plain(outcome)
                    && last.scenario == outcome.scenario
                    && last.expected == outcome.expected =>
            {
                *steps += 1;
                last.requests += outcome.requests;
                for (name, count) in &outcome.seen {
                    *last.seen.entry(name.clone()).or_default() += count;
                }
            }
            _ => condensed.push((outcome.clone(), 1)),
        }
    }
    condensed
        .into_iter()
        .map(|(outcome, steps)| match steps {
            1 => outcome,
            2 => Outcome { step: format!("{}\nand another kind of request", outcome.step), ..outcome },
            _ => Outcome { step: format!("{}\nand {} other kinds of request", outcome.step, steps - 1), ..outcome },
        })
        .collect()
}

/// The outcomes as a table for people.
pub fn table(outcomes: &[Outcome]) -> Table {
    let outcomes = &condensed(outcomes);
    let mut table = crate::table::table(["scenario", "through", "requests", "expected", "seen", "p", "verdict"]);
    let mut last = "";
    for outcome in outcomes {
        let name = if outcome.scenario == last { "" } else { outcome.scenario.as_str() };
        last = &outcome.scenario;
        let share = |(name, share): (&String, &f64)| format!("{name} {}%", rounded(*share));
        let count = |(name, count): (&String, &u64)| {
            let share = *count as f64 * 100.0 / outcome.requests.max(1) as f64;
            format!("{name} {count} = {}%", rounded(share))
        };
        let lines = |lines: Vec<String>| lines.join("\n");
        let verdict =
            if outcome.right { Cell::new("right").fg(Color::Green) } else { Cell::new("wrong").fg(Color::Red) };
        table.add_row([
            Cell::new(name),
            Cell::new(if name.is_empty() { "" } else { &outcome.through }),
            Cell::new(format!("{} × {}", outcome.requests, outcome.step)),
            Cell::new(lines(outcome.expected.iter().map(share).collect())),
            Cell::new(lines(outcome.seen.iter().map(count).collect())),
            Cell::new(outcome.p.map_or("exact".to_owned(), |p| format!("{p:.4}"))).set_alignment(CellAlignment::Right),
            verdict,
        ]);
    }
    table
}

/// The outcomes in one line for each scenario, of at most 100 columns: what was seen of its first step, or of the first one
/// that is wrong.
pub fn brief(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["scenario", "requests", "seen", "verdict"]);
    for of_scenario in outcomes.chunk_by(|one, next| one.scenario == next.scenario) {
        let wrong = of_scenario.iter().find(|outcome| !outcome.right);
        let Some(shown) = wrong.or(of_scenario.first()) else { continue };
        let share = |(name, count): (&String, &u64)| {
            format!("{name} {:.1}%", *count as f64 * 100.0 / shown.requests.max(1) as f64)
        };
        let seen = shown.seen.iter().map(share).collect::<Vec<_>>().join(", ");
        let requests: u64 = of_scenario.iter().map(|outcome| outcome.requests).sum();
        table.add_row([
            Cell::new(shortened(&shown.scenario, 44)),
            Cell::new(requests).set_alignment(CellAlignment::Right),
            Cell::new(shortened(&seen, 34)),
            Cell::new(if wrong.is_none() { "right" } else { "wrong" }),
        ]);
    }
    table
}

/// The text, or as much of it as `width` characters hold, with an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// A number with at most two digits behind the point.
fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

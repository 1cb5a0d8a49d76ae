//! What Serin holds itself to, and whether it does.

use crate::estimate::{Added, Estimate, estimate, median};
use crate::grid::Grid;
use crate::results::{Results, Starts};
use crate::rules::By;
use crate::scenes::{
    CANARY, CANARY_BOTH, CHAIN, EMPTY, FLOOR, FLOOR_OF_COPIES, HEADER_ROUTER, LUA, LUA_BOTH, NOTHING, SPLITS, TABLE,
};
use crate::tables::number;

/// A bound, or a number to compare with the one before it: what is left if a filter decides nothing.
struct Target {
    what: &'static str,
    limit: Option<f64>,
    unit: &'static str,
    seen: Option<Estimate>,
}

impl Target {
    /// Whether all that the number may be is on one side of the limit.
    fn verdict(&self) -> &'static str {
        match (self.seen, self.limit) {
            (None, _) => "not measured",
            (Some(_), None) => "",
            (Some(seen), Some(limit)) if seen.high <= limit => "met",
            (Some(seen), Some(limit)) if seen.low > limit => "missed",
            (Some(_), Some(_)) => "unclear",
        }
    }
}

fn added<'a>(results: &'a Results, rules: usize, subject: &str) -> Option<Added<'a>> {
    Added::of(results, By::Header.name(), rules, subject, NOTHING)
}

/// How many times as much a subject adds as another.
fn times(results: &Results, (rules, subject): (usize, &str), (other_rules, other): (usize, &str)) -> Option<Estimate> {
    Some(added(results, rules, subject)?.times(&added(results, other_rules, other)?))
}

/// What canary's start with ten rules adds to one without a filter: that of `of`.
fn start(results: &Results, of: impl Fn(&Starts) -> &Vec<f64>) -> Option<Estimate> {
    let (with, without) = (of(results.starts(CANARY, 10, 1)?), of(results.starts(NOTHING, 0, 1)?));
    let of = |values: &[f64], starts: &[usize]| median(&starts.iter().map(|start| values[*start]).collect::<Vec<_>>());
    Some(estimate(with.len().min(without.len()), |starts| of(with, starts) - of(without, starts)))
}

/// What each further worker takes.
fn per_worker(results: &Results) -> Option<Estimate> {
    let resident = |workers| Some(median(&results.starts(CANARY, 10_000, workers)?.resident));
    let value = (resident(4)? - resident(1)?) / 3.0;
    Some(Estimate { value, low: value, high: value })
}

fn stall(results: &Results) -> Option<Estimate> {
    let (canary, table) = (&results.swaps(CANARY, 10_000)?.gap, &results.swaps(TABLE, 10_000)?.gap);
    let of = |values: &[f64], swaps: &[usize]| median(&swaps.iter().map(|swap| values[*swap]).collect::<Vec<_>>());
    Some(estimate(canary.len().min(table.len()), |swaps| of(canary, swaps) / of(table, swaps)))
}

fn targets(results: &Results) -> [Target; 14] {
    let of_splits = |subject, other| {
        let added = |subject| Added::of(results, SPLITS, 1, subject, NOTHING);
        Some(added(subject)?.times(&added(other)?))
    };
    let target = |what, limit, unit, seen| Target { what, limit: Some(limit), unit, seen };
    let floor = |what, seen| Target { what, limit: None, unit: "×", seen };
    [
        target("canary, 10 rules: of the empty Wasm filter", 2.5, "×", times(results, (10, CANARY), (10, EMPTY))),
        floor("- its hostcalls alone", times(results, (10, FLOOR), (10, EMPTY))),
        target("canary, sticky, 10 % copied: of Lua", 1.2, "×", of_splits(CANARY_BOTH, LUA_BOTH)),
        floor("- its hostcalls alone", of_splits(FLOOR_OF_COPIES, LUA_BOTH)),
        floor("- the empty Wasm filter", of_splits(EMPTY, LUA_BOTH)),
        target("header-router, 10 rules: of Lua", 1.3, "×", times(results, (10, HEADER_ROUTER), (10, LUA))),
        floor("- its hostcalls alone", times(results, (10, FLOOR), (10, LUA))),
        target("canary, 1,000 rules: of Envoy's own routes", 0.5, "×", times(results, (1000, CANARY), (1000, TABLE))),
        target("canary, 10,000 rules: of 10 rules", 1.2, "×", times(results, (10_000, CANARY), (10, CANARY))),
        target("chain of three, 10 rules: of canary", 2.0, "×", times(results, (10, CHAIN), (10, CANARY))),
        target("canary, 10 rules: added to a start's CPU time", 0.6, "s", start(results, |starts| &starts.cpu)),
        target("canary, 10 rules: added to memory", 25.0, "MiB", start(results, |starts| &starts.resident)),
        target("canary, 10,000 rules: each further worker", 32.0, "MiB", per_worker(results)),
        target("canary, 10,000 exchanged: of Envoy's own stall", 3.0, "×", stall(results)),
    ]
}

/// What is held and what is not, line by line.
pub fn judged(results: &Results) -> Grid {
    let title = "What Serin holds itself to (added CPU time, if nothing else is said)";
    let mut grid = Grid::new(title, 1, &["at most", "limit", "seen", "90 % sure", "verdict"]);
    for target in targets(results) {
        let (seen, between) = match target.seen {
            None => (String::new(), String::new()),
            Some(Estimate { value, low, high }) => (
                format!("{} {}", number(value, 2), target.unit),
                if low < high { format!("{} to {}", number(low, 2), number(high, 2)) } else { String::new() },
            ),
        };
        let limit = target.limit.map(|limit| format!("{limit} {}", target.unit)).unwrap_or_default();
        grid.rows.push(vec![target.what.to_owned(), limit, seen, between, target.verdict().to_owned()]);
    }
    grid
}

//! What a simulation has found, for people and for programs.

use super::moves::Matrix;
use super::rules::Mode;
use super::run::{Run, Split};
use crate::table::table;
use comfy_table::{Cell, CellAlignment, Table};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How long the bar of a whole is.
const BAR: usize = 20;

/// Eighths of a block.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// What destinations are called: by their subset or host alone where that says which.
#[derive(Debug, Default)]
pub(crate) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// For the destinations of these runs.
    pub(crate) fn of<'r>(runs: impl IntoIterator<Item = &'r Run<'r>>) -> Self {
        let destinations = runs.into_iter().flat_map(Run::splits).flat_map(|split| split.rule.destinations());
        let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for destination in destinations {
            names.entry(destination.title()).or_default().insert(&destination.name);
        }
        let labels = names.iter().flat_map(|(title, names)| {
            names.iter().map(|name| ((*name).to_owned(), if names.len() == 1 { *title } else { *name }.to_owned()))
        });
        Self(labels.collect())
    }

    fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.0.get(name).map_or(name, String::as_str)
    }
}

/// One destination's part of a split.
struct Row<'s> {
    name: &'s str,
    written: u32,
    /// The weight in the scale of the written ones, after a ramp.
    weight: f64,
    share: f64,
    seen: u64,
    seen_share: f64,
    /// By how many standard deviations of chance more was seen than expected; none if there is no chance.
    sigmas: Option<f64>,
}

fn rows<'s>(split: &'s Split<'_>) -> Vec<Row<'s>> {
    let total = split.total() as f64;
    let written: u64 = split.rule.destinations().iter().map(|destination| u64::from(destination.weight)).sum();
    let scale = if written == 0 { 100.0 } else { written as f64 };
    let row = |(place, destination): (usize, &'s serin_traffic::Destination)| {
        let (share, seen) = (split.share(place), split.counts[place]);
        let deviation = (total * share * (1.0 - share)).sqrt();
        let by_chance = matches!(split.mode, Mode::Random | Mode::Sticky) && deviation > 0.0;
        Row {
            name: &destination.name,
            written: destination.weight,
            weight: share * scale,
            share,
            seen,
            seen_share: if total == 0.0 { 0.0 } else { seen as f64 / total },
            sigmas: by_chance.then(|| (seen as f64 - total * share) / deviation),
        }
    };
    split.rule.destinations().iter().enumerate().map(row).collect()
}

/// The splits as a table and a bar chart.
pub(crate) fn run_table(run: &Run<'_>, labels: &Labels) -> Table {
    let mut table = table(["rule", "split", "destination", "weight", "expected", "seen", "deviation", "p", ""]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    for split in run.splits() {
        let mut title = format!("{} {}", split.virtual_service, split.rule.name);
        let mut mode = split.mode.name();
        let mut p = match (split.p(), split.mode) {
            (Some(p), _) => format!("{p:.4}"),
            (None, Mode::Exact | Mode::Only) => "exact".to_owned(),
            (None, _) => "–".to_owned(),
        };
        for row in rows(split).into_iter().filter(|_| split.total() > 0) {
            table.add_row([
                Cell::new(std::mem::take(&mut title)),
                Cell::new(std::mem::take(&mut mode)),
                Cell::new(labels.get(row.name)),
                right(weight(split.mode, &row)),
                right(percent(row.share)),
                right(format!("{} = {}", row.seen, percent(row.seen_share))),
                right(deviation(&row)),
                right(std::mem::take(&mut p)),
                Cell::new(bar(row.seen_share)),
            ]);
        }
        for (status, count) in &split.replies {
            let answers = [std::mem::take(&mut title), String::new(), format!("answers {status} itself")];
            table.add_row(
                answers.map(Cell::new).into_iter().chain(["", ""].map(Cell::new)).chain([right(count.to_string())]),
            );
        }
    }
    if run.unmatched > 0 {
        let none = ["no rule applies", "", "404", "", ""].map(Cell::new);
        table.add_row(none.into_iter().chain([right(run.unmatched.to_string())]));
    }
    table
}

fn weight(mode: Mode, row: &Row<'_>) -> String {
    let now = decimals(row.weight);
    match mode {
        // Of an only destination it says nothing.
        Mode::Only => String::new(),
        _ if now == row.written.to_string() => now,
        _ => format!("{} → {now}", row.written),
    }
}

fn deviation(row: &Row<'_>) -> String {
    let points = (row.seen_share - row.share) * 100.0;
    let points = if points.abs() < 0.000_05 { "0".to_owned() } else { format!("{points:+.4}") };
    match row.sigmas {
        Some(sigmas) => format!("{points} pp, {sigmas:+.1} σ"),
        None => format!("{points} pp"),
    }
}

fn percent(share: f64) -> String {
    format!("{}%", decimals(share * 100.0))
}

/// A number with at most the four digits behind the point that shares are counted in.
fn decimals(number: f64) -> String {
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bar(share: f64) -> String {
    let eighths = (share * (BAR * 8) as f64).round() as usize;
    // What is there is to be seen.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    let drawn = format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8]);
    format!("{drawn:BAR$}")
}

/// What the table does not say: where keys were found, and what was left aside.
pub(crate) fn run_notes(run: &Run<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for split in run.splits() {
        let name = format!("{} {}", split.virtual_service, split.rule.name);
        if split.mode == Mode::Sticky {
            let mut parts: Vec<String> =
                split.keys.iter().map(|keys| format!("{} at {}", keys.requests, keys.place)).collect();
            if split.issued > 0 {
                parts.push(format!("{} were given a cookie", split.issued));
            }
            parts.push(format!("{} found no key and went by chance", split.without_key));
            notes.push(format!("{name}: keys: {}", parts.join(", ")));
            for keys in split.keys.iter().filter(|keys| !keys.varies) {
                notes.push(format!(
                    "{name}: the key at {} is the same in all requests; choose another with --key",
                    keys.place
                ));
            }
        }
        if split.rule.fault().is_some() {
            notes.push(format!("{name}: its fault is left aside"));
        }
    }
    notes
}

/// The splits of a run.
pub(crate) fn run_json(run: &Run<'_>) -> Value {
    let splits: Vec<Value> = run.splits().map(split_json).collect();
    json!({"requests": run.requests, "unmatched": run.unmatched, "splits": splits})
}

fn split_json(split: &Split<'_>) -> Value {
    let destination = |(row, destination): (Row<'_>, &serin_traffic::Destination)| {
        json!({
            "name": row.name,
            "title": destination.title(),
            "written": row.written,
            "weight": row.weight,
            "expected": row.share * 100.0,
            "seen": row.seen,
            "percent": row.seen_share * 100.0,
            "deviation": (row.seen_share - row.share) * 100.0,
            "sigmas": row.sigmas,
        })
    };
    let destinations: Vec<Value> = rows(split).into_iter().zip(split.rule.destinations()).map(destination).collect();
    let keys: BTreeMap<&str, u64> = split.keys.iter().map(|keys| (keys.place.as_str(), keys.requests)).collect();
    let replies: BTreeMap<String, u64> =
        split.replies.iter().map(|(status, count)| (status.to_string(), *count)).collect();
    json!({
        "virtualService": split.virtual_service,
        "rule": split.rule.name,
        "mode": split.mode.name(),
        "p": split.p(),
        "keys": keys,
        "issued": split.issued,
        "withoutKey": split.without_key,
        "replies": replies,
        "destinations": destinations,
    })
}

/// Who moves: from the destinations of the rows to those of the columns.
pub(crate) fn moves_table(matrix: &Matrix, labels: &Labels) -> Table {
    let total: u64 = matrix.0.values().map(|cell| cell.requests).sum();
    let froms: BTreeSet<&String> = matrix.0.keys().map(|(from, _)| from).collect();
    let tos: BTreeSet<&String> = matrix.0.keys().map(|(_, to)| to).collect();
    let mut table = table(["from ╲ to"]);
    let header = tos.iter().map(|to| labels.get(to).to_owned());
    table.set_header(std::iter::once("from ╲ to".to_owned()).chain(header));
    for from in froms {
        let cell = |to: &&String| {
            let requests = matrix.0.get(&(from.clone(), (*to).clone())).map_or(0, |cell| cell.requests);
            let text =
                if requests == 0 { "0".to_owned() } else { format!("{requests} = {}", share_of(requests, total)) };
            Cell::new(text).set_alignment(CellAlignment::Right)
        };
        table.add_row(std::iter::once(Cell::new(labels.get(from))).chain(tos.iter().map(cell)));
    }
    table
}

fn share_of(requests: u64, total: u64) -> String {
    percent(requests as f64 / total.max(1) as f64)
}

impl Matrix {
    /// How many move, how many must, and some of them.
    pub(crate) fn lines(&self, labels: &Labels) -> Vec<String> {
        let total: u64 = self.0.values().map(|cell| cell.requests).sum();
        let (moved, gained) = (self.moved(), self.gained());
        let least =
            if moved == gained { "the least possible".to_owned() } else { format!("{gained} is the least possible") };
        let mut lines = vec![format!("{moved} of {total} requests move ({}), {least}", share_of(moved, total))];
        for (from, to, cell) in self.moving().filter(|(_, _, cell)| !cell.keys.is_empty()) {
            let more = if cell.requests > cell.keys.len() as u64 { ", …" } else { "" };
            lines.push(format!("{} → {}: {}{more}", labels.get(from), labels.get(to), cell.keys.join(", ")));
        }
        lines
    }
}

/// Who moves, with those who stay.
pub(crate) fn moves_json(matrix: &Matrix) -> Value {
    let cell = |((from, to), cell): (&(String, String), &super::moves::Cell)| json!({"from": from, "to": to, "requests": cell.requests, "keys": cell.keys});
    let cells: Vec<Value> = matrix.0.iter().map(cell).collect();
    json!({"moved": matrix.moved(), "gained": matrix.gained(), "matrix": cells})
}

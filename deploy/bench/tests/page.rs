//! What people read of the costs is what was measured.

use serin_bench::results::Results;
use serin_bench::{chart, page, tables, targets};
use std::fs;
use std::path::PathBuf;

fn docs(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs")).join(file)
}

fn results() -> Results {
    Results::read(&docs("cost.jsonl")).unwrap()
}

#[test]
fn the_page_says_what_was_measured() {
    let page = fs::read_to_string(docs("cost.md")).unwrap();
    assert_eq!(page::filled(&page, &results()).unwrap(), page, "make bench BENCH=--docs writes it");
}

#[test]
fn the_chart_shows_what_was_measured() {
    assert!(chart::svg(&results()).unwrap() == fs::read_to_string(docs("cost.svg")).unwrap());
}

#[test]
fn everything_was_measured_and_fits_a_terminal() {
    let results = results();
    let judged = targets::judged(&results);
    assert!(!judged.rows.iter().flatten().any(|cell| cell == "not measured"), "{}", judged.text());
    let all = [
        (tables::rules(&results), 16),
        (tables::crossings(&results), 4),
        (tables::ten_rules(&results), 11),
        (tables::splits(&results), 17),
        (tables::starts(&results), 8),
        (tables::swaps(&results), 4),
        (judged, 14),
    ];
    for (table, rows) in all {
        let text = table.text();
        assert_eq!(table.rows.len(), rows, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

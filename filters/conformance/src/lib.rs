#![doc = include_str!("../README.md")]

mod compare;
mod object;
mod read;
mod row;

pub use read::read;
pub use row::{Expected, Fields, Level, Request, Response, Row, Seen};

use serde_json::Value;

const FILES: [(&str, &str); 27] = [
    ("bytes", include_str!("../rows/bytes.json")),
    ("cors", include_str!("../rows/cors.json")),
    ("cors-preflight", include_str!("../rows/cors-preflight.json")),
    ("delegate", include_str!("../rows/delegate.json")),
    ("direct-response", include_str!("../rows/direct-response.json")),
    ("fault", include_str!("../rows/fault.json")),
    ("header-changes", include_str!("../rows/header-changes.json")),
    ("header-changes-of-destinations", include_str!("../rows/header-changes-of-destinations.json")),
    ("header-operators", include_str!("../rows/header-operators.json")),
    ("headers", include_str!("../rows/headers.json")),
    ("hosts", include_str!("../rows/hosts.json")),
    ("left-to-istio", include_str!("../rows/left-to-istio.json")),
    ("methods-schemes-authorities", include_str!("../rows/methods-schemes-authorities.json")),
    ("mirrors", include_str!("../rows/mirrors.json")),
    ("order", include_str!("../rows/order.json")),
    ("ports-sources-gateways", include_str!("../rows/ports-sources-gateways.json")),
    ("query-params", include_str!("../rows/query-params.json")),
    ("redirect", include_str!("../rows/redirect.json")),
    ("regex", include_str!("../rows/regex.json")),
    ("repeated-headers", include_str!("../rows/repeated-headers.json")),
    ("rewrite", include_str!("../rows/rewrite.json")),
    ("route-rules", include_str!("../rows/route-rules.json")),
    ("timeout-retries", include_str!("../rows/timeout-retries.json")),
    ("unmatched", include_str!("../rows/unmatched.json")),
    ("uri", include_str!("../rows/uri.json")),
    ("weights", include_str!("../rows/weights.json")),
    ("without-headers", include_str!("../rows/without-headers.json")),
];

/// All rows, in the order of their files.
///
/// # Panics
///
/// If a row is malformed, or two have one name.
pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for (file, text) in FILES {
        let written: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}.json: {error}"));
        rows.extend(written.into_iter().map(|row| read(file, row)));
    }
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
        panic!("two rows have one name: {}", twice[0]);
    }
    rows
}

/// Panics with all rows that went wrong, if any did.
///
/// # Panics
///
/// If there is a row in `wrong`, or hardly any row ran.
#[track_caller]
pub fn assert_none_wrong(wrong: &[String], of: usize) {
    assert!(of >= 200, "only {of} rows ran");
    assert!(wrong.is_empty(), "{} of {of} rows went wrong:\n\n{}", wrong.len(), wrong.join("\n"));
}

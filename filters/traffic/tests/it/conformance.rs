//! The conformance suite against the decisions alone: no proxy, no module, and on wasm32 as natively.

use crate::scene::{Get, arrived, decide, decide_in_chain, get, policy, rules, test};
use serde_json::json;
use serin_conformance::{self as rows, Fields, Level, Row, Seen, all, assert_none_wrong};
use serin_traffic::{Change, Decision, Headers, Request, Ticket};

/// Whatever a request draws, a row has one outcome.
const TICKETS: [Ticket; 3] = [Ticket(0), Ticket(u64::MAX / 2), Ticket(u64::MAX)];

#[test]
fn each_row_is_decided_as_its_source_says() {
    let rows = all();
    let wrong: Vec<String> = rows.iter().flat_map(run).collect();
    assert_none_wrong(&wrong, rows.len());
}

#[test]
fn a_chain_decides_each_row_as_one_filter_does_whatever_its_later_filters_have() {
    let rows = all();
    let other = policy(rules(json!([{"rewrite": {"uri": "/other"}, "route": [{"destination": {"host": "other"}}]}])));
    let wrong = |row: &Row| {
        let first = policy(row.configuration.clone());
        let request = request(&row.request);
        // Only the filter that chose it knows the subset's name.
        let choice = decide(&first, &request, 0).destination.and_then(|chosen| chosen.choice);
        let subset = choice.and_then(|choice| choice.destination.subset.clone());
        [&first, &other].into_iter().find_map(|later| {
            let decision = decide_in_chain(&first, later, &request, 0);
            row.wrong(&Seen { subset: subset.clone(), ..seen(decision, &request, &row.response) }, Level::Pure)
        })
    };
    let wrong: Vec<String> = rows.iter().filter_map(wrong).collect();
    assert_none_wrong(&wrong, rows.len());
}

#[cfg(not(target_arch = "wasm32"))]
fn repository() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn nothing_in_the_repository_cites_a_file_that_is_not_in_it() {
    let foreign = [["sem", "antics.md"], ["des", "ign.md"], ["hou", "se.md"], ["envoy", "-facts"], ["../sha", "red/"]];
    let foreign = foreign.map(|parts| parts.concat());
    let mut folders: Vec<_> =
        ["filters", "deploy", "host-test", "docs", "examples"].map(|folder| repository().join(folder)).to_vec();
    let mut files: Vec<_> = ["README.md", "Makefile", "Cargo.toml"].map(|file| repository().join(file)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let entry = entry.expect("an entry");
            match entry.file_type().expect("a type") {
                kind if kind.is_dir() && entry.file_name() != "target" => folders.push(entry.path()),
                kind if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    assert!(files.len() > 100, "{}", files.len());
    for file in files {
        // What is no text cites nothing.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        for name in &foreign {
            assert!(!text.contains(name.as_str()), "{} cites {name}", file.display());
        }
    }
}

/// What is wrong with the row, if anything is.
fn run(row: &Row) -> Option<String> {
    let policy = policy(row.configuration.clone());
    let request = request(&row.request);
    TICKETS
        .iter()
        .find_map(|ticket| row.wrong(&seen(decide(&policy, &request, ticket.0), &request, &row.response), Level::Pure))
}

fn request(sent: &rows::Request) -> Get {
    let mut request = get(&sent.authority, &sent.target).method(&sent.method).scheme(&sent.scheme);
    // As Envoy's connection manager does.
    request = request.header("x-forwarded-proto", &sent.scheme);
    for (name, value) in &sent.headers {
        request = request.header(name, value);
    }
    request
}

fn seen(decision: Decision<'_>, request: &Get, arriving: &rows::Response) -> Seen {
    let delay = decision.wait;
    if let Some(reply) = decision.reply {
        return Seen {
            delay,
            status: Some(reply.status),
            response: reply.headers,
            body: reply.body,
            ..Seen::default()
        };
    }
    let make = |changes: &[Change], mut fields: Fields| {
        changes.iter().for_each(|change| change.apply(&mut fields));
        fields
    };
    let upstream = Some(make(&decision.request, fields(request.headers())));
    let response =
        make(&decision.response.changes(&arrived(arriving.status, &arriving.headers)), arriving.headers.clone());
    let Some(chosen) = decision.destination else {
        return Seen { untouched: true, upstream, response, ..Seen::default() };
    };
    Seen {
        delay,
        cluster: Some(chosen.cluster.into_owned()),
        subset: chosen.choice.and_then(|choice| choice.destination.subset.clone()),
        shadows: decision.copies.into_iter().map(|copy| copy.cluster.into_owned()).collect(),
        upstream,
        response,
        ..Seen::default()
    }
}

fn fields(headers: &Headers) -> Fields {
    headers.iter().map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())).collect()
}

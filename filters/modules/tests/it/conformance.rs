//! The conformance suite against the real modules in the test host: the chain of three, and all in one.

use crate::scene::{COMPLETE, chain};
use host_test::{Exchange, Fields, Proxy, Request, request, response};
use serin_conformance::{self as rows, Level, Row, Seen, all, assert_none_wrong};
use serin_modules::Module;
use std::time::Duration;

/// How far the clock is moved to find when a request goes on that waits.
const STEP: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn each_row_passes_the_chain_of_three_as_its_source_says() {
    pass(COMPLETE[0]);
}

#[test]
fn each_row_passes_the_module_of_all_as_its_source_says() {
    pass(COMPLETE[1]);
}

#[track_caller]
fn pass(modules: &[Module]) {
    let rows = all();
    let wrong: Vec<String> = rows.iter().filter_map(|row| row.wrong(&run(modules, row), Level::Modules)).collect();
    assert_none_wrong(&wrong, rows.len());
}

/// What becomes of the row's request.
fn run(modules: &[Module], row: &Row) -> Seen {
    let mut proxy = chain(modules, &row.configuration).start();
    let mut exchange = proxy.send(sent(&row.request));
    let delay = waits(&mut proxy, &exchange);
    if exchange.reply().is_none() {
        let mut upstream = response(row.response.status.into());
        for (name, value) in &row.response.headers {
            upstream = upstream.header(name, value.clone());
        }
        proxy.respond(&mut exchange, upstream);
    }
    seen(&exchange, delay)
}

fn sent(sent: &rows::Request) -> Request {
    let mut request = request(&sent.method, &format!("{}://{}{}", sent.scheme, sent.authority, sent.target))
        .body(sent.body.clone())
        // As Envoy's connection manager does.
        .header("x-forwarded-proto", sent.scheme.clone());
    for (name, value) in &sent.headers {
        request = request.header(&name.to_ascii_lowercase(), value.clone());
    }
    request
}

/// How long the request is held, if it is.
fn waits(proxy: &mut Proxy, exchange: &Exchange) -> Option<Duration> {
    let mut waited = Duration::ZERO;
    while exchange.reply().is_none() && exchange.paused() {
        assert!(waited < PATIENCE, "the request is held for ever");
        proxy.advance(STEP);
        waited += STEP;
    }
    (!waited.is_zero()).then_some(waited)
}

fn seen(exchange: &Exchange, delay: Option<Duration>) -> Seen {
    let reply = exchange.reply();
    let left = reply.is_none().then(|| exchange.upstream_headers());
    let header = |name: &str| left.and_then(|headers| headers.get(name)).map(text);
    let mut shadows = Vec::new();
    while let Some(shadow) = header(&format!("x-serin-shadow-{}", shadows.len() + 1)) {
        shadows.push(shadow);
    }
    Seen {
        cluster: header("x-serin-cluster"),
        subset: header("x-serin-subset"),
        shadows,
        status: reply.map(|reply| reply.status as u16),
        upstream: left.map(pairs),
        response: exchange.response().map(|response| pairs(&response.headers)).unwrap_or_default(),
        body: reply.map(|reply| reply.body.clone()).unwrap_or_default(),
        untouched: exchange.is_untouched(),
        delay,
        tries: u64::from(left.is_some()),
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn pairs(fields: &Fields) -> rows::Fields {
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect()
}

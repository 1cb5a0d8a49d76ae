//! What the benchmarks measure by: listeners of one Envoy that take turns, and the CPU time of its process.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use hyper::Method;
use hyper::body::Bytes;
use serde_json::{Value, json};
use serin::envoy::Process;
use serin::load::{Load, Tally};
use std::error::Error;
use std::fs;
use std::path::Path;

/// How often each subject has its turn.
pub(crate) const ROUNDS: usize = 7;

/// How many requests a turn has.
pub(crate) const REQUESTS: u64 = 3_000;

/// How many of them at a time: each keeps its connection.
const CONCURRENCY: u64 = 8;

/// The host of all requests.
pub(crate) const HOST: &str = "shop.example";

/// A listener on a free port, with a filter before the router if there is one.
pub(crate) fn listener(name: &str, filter: Option<Value>, routes: &[Value]) -> Value {
    let router = json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "shop", "domains": [HOST], "routes": routes}]},
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

/// The filter of a module.
pub(crate) fn wasm(name: &str, module: &Path, configuration: &Value) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "vm_config": {
                    "vm_id": name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module.display().to_string()}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration.to_string(),
                },
            },
        },
    })
}

/// One turn of a listener: the CPU time of a request in microseconds, and who answered how often.
pub(crate) async fn turn(
    envoy: &Process,
    subject: &str,
    path: String,
    headers: Vec<(String, String)>,
) -> Result<(f64, Tally), Box<dyn Error>> {
    let load = Load {
        target: envoy.listeners()[subject],
        method: Method::GET,
        path,
        host: HOST.to_owned(),
        headers,
        body: Bytes::new(),
        requests: REQUESTS,
        concurrency: CONCURRENCY,
    };
    let before = cpu_time(envoy.id())?;
    let answers = load.send(|_| ()).await;
    let spent = cpu_time(envoy.id())? - before;
    Ok((spent as f64 / REQUESTS as f64 / 1_000.0, answers))
}

/// The nanoseconds that the threads of the process have had a CPU for.
fn cpu_time(process: u32) -> Result<u64, Box<dyn Error>> {
    let mut time = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let statistics = fs::read_to_string(thread?.path().join("schedstat"))?;
        time += statistics.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(time)
}

/// The median of what `measure` says of each round but the first, which is a warm-up.
pub(crate) fn median<R>(rounds: &[R], measure: impl Fn(&R) -> f64) -> f64 {
    let mut values: Vec<f64> = rounds.iter().skip(1).map(measure).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// An empty table with these columns, of which all but the first hold numbers.
pub(crate) fn table<'a>(columns: impl IntoIterator<Item = &'a str>) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(columns);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

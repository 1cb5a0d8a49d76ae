//! What a request costs an Envoy: by the number of rules, with header-router, with Envoy's own route table, with neither.
//!
//! One worker answers by itself, so no upstream is in the numbers; the rule in the middle applies. The CPU time is that of
//! the whole process, as the kernel counts it. The three take turns, in several rounds, and medians are shown.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use hyper::Method;
use hyper::body::Bytes;
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::load::{Answer, Load};
use serin_modules::Module;
use std::error::Error;
use std::fs;
use std::path::Path;

const RULES: [usize; 4] = [10, 100, 1_000, 10_000];

/// How often each of the three has its turn.
const ROUNDS: usize = 7;

/// How many requests a turn has.
const REQUESTS: u64 = 4_000;

/// How many of them at a time: each keeps its connection.
const CONCURRENCY: u64 = 8;

/// The three, by the names of their listeners.
const SUBJECTS: [&str; 3] = ["nothing", "route table", "header-router"];

/// What rules look at.
#[derive(Clone, Copy)]
enum By {
    Header,
    Prefix,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "exact header",
            Self::Prefix => "path prefix",
        }
    }

    /// The rule of that place as a route of Envoy's.
    fn route(self, place: usize) -> Value {
        let route_match = match self {
            Self::Header => {
                json!({"prefix": "/", "headers": [{"name": "x-user", "string_match": {"exact": user(place)}}]})
            }
            Self::Prefix => json!({"prefix": path(place)}),
        };
        answered(route_match)
    }

    /// The rule of that place as a VirtualService's.
    fn rule(self, place: usize) -> Value {
        let one_match = match self {
            Self::Header => json!({"headers": {"x-user": {"exact": user(place)}}}),
            Self::Prefix => json!({"uri": {"prefix": path(place)}}),
        };
        json!({"match": [one_match], "route": [{"destination": {"host": "chosen.example"}}]})
    }

    /// Requests to which the rule of that place applies.
    fn load(self, place: usize) -> (String, Vec<(String, String)>) {
        match self {
            Self::Header => ("/cart".to_owned(), vec![("x-user".to_owned(), user(place))]),
            Self::Prefix => (format!("{}items", path(place)), Vec::new()),
        }
    }
}

fn user(place: usize) -> String {
    format!("user-{place:05}")
}

fn path(place: usize) -> String {
    format!("/team-{place:05}/")
}

fn answered(route_match: Value) -> Value {
    json!({"match": route_match, "direct_response": {"status": 200}})
}

fn listener(name: &str, filter: Option<Value>, routes: &[Value]) -> Value {
    let router = json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "shop", "domains": ["shop.example"], "routes": routes}]},
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

fn header_router(module: &Path, by: By, rules: usize) -> Value {
    let http: Vec<Value> = (0..rules).map(|place| by.rule(place)).collect();
    let resource = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "shop"},
        "spec": {"hosts": ["shop.example"], "http": http},
    });
    let configuration = json!({"resources": [resource]}).to_string();
    json!({
        "name": "header-router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "header-router",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module.display().to_string()}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
            },
        },
    })
}

async fn envoy_with(by: By, rules: usize) -> Result<Process, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let module = directory.path().join("header-router.wasm");
    fs::write(&module, Module::HeaderRouter.bytes())?;
    let table: Vec<Value> = (0..rules).map(|place| by.route(place)).collect();
    let chosen = json!({"prefix": "/", "headers": [{"name": "x-serin-cluster", "present_match": true}]});
    let configuration = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": [
            listener(SUBJECTS[0], None, &[answered(json!({"prefix": "/"}))]),
            listener(SUBJECTS[1], None, &table),
            listener(SUBJECTS[2], Some(header_router(&module, by, rules)), &[answered(chosen)]),
        ]},
    });
    Ok(Process::start(&find(None)?, &configuration, 1, directory).await?)
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

/// One turn: the CPU time of a request, in microseconds.
async fn turn(envoy: &Process, subject: &str, by: By, rules: usize) -> Result<f64, Box<dyn Error>> {
    let (path, headers) = by.load(rules / 2);
    let load = Load {
        target: envoy.listeners()[subject],
        method: Method::GET,
        path,
        host: "shop.example".to_owned(),
        headers,
        body: Bytes::new(),
        requests: REQUESTS,
        concurrency: CONCURRENCY,
    };
    let before = cpu_time(envoy.id())?;
    let answers = load.send(|_| ()).await;
    let spent = cpu_time(envoy.id())? - before;
    if answers.get(&Answer::Proxy(200)) != Some(&REQUESTS) {
        return Err(format!("{subject} with {rules} rules answered {answers:?}").into());
    }
    Ok(spent as f64 / REQUESTS as f64 / 1_000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The row of the table: the medians, and those of the ratios within a round.
async fn row(by: By, rules: usize) -> Result<Vec<String>, Box<dyn Error>> {
    let envoy = envoy_with(by, rules).await?;
    let mut rounds: Vec<[f64; 3]> = Vec::with_capacity(ROUNDS);
    // The first round is a warm-up.
    for _ in 0..=ROUNDS {
        let mut costs = [0.0; 3];
        for (cost, subject) in costs.iter_mut().zip(SUBJECTS) {
            *cost = turn(&envoy, subject, by, rules).await?;
        }
        rounds.push(costs);
    }
    envoy.stop().await;
    let of = |measure: &dyn Fn(&[f64; 3]) -> f64| median(rounds.iter().skip(1).map(measure).collect());
    let mut row = vec![by.name().to_owned(), rules.to_string()];
    row.extend((0..SUBJECTS.len()).map(|subject| format!("{:.1}", of(&|costs| costs[subject]))));
    row.push(format!("{:.2}", of(&|costs| costs[2] / costs[1])));
    row.push(format!("{:.2}", of(&|costs| costs[2] / costs[0])));
    Ok(row)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut table = Table::new();
    table.load_style(NOTHING);
    let [nothing, native, ours] = SUBJECTS;
    let ratios = [format!("{ours} / {native}"), format!("{ours} / {nothing}")];
    table.set_header(["by", "rules", nothing, native, ours].map(str::to_owned).into_iter().chain(ratios));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for by in [By::Header, By::Prefix] {
        for rules in RULES {
            eprintln!("serin: {rules} rules, {}", by.name());
            table.add_row(row(by, rules).await?);
        }
    }
    println!("CPU time of a request in µs, median of {ROUNDS} rounds of {REQUESTS} requests; one worker");
    println!("{}", table.trim_fmt());
    Ok(())
}

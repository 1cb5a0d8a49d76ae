//! What a split costs a request in an Envoy: Envoy's own weighted clusters, and the module canary in each of its modes.
//!
//! Measured as in `rules`: one worker, CPU time of the whole process, subjects in turn, medians. The clusters have no hosts,
//! so that no upstream is in the numbers: the router chooses one and answers 503.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use hyper::Method;
use hyper::body::Bytes;
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::load::Load;
use serin_modules::Module;
use std::error::Error;
use std::fs;
use std::path::Path;

/// How often each subject has its turn.
const ROUNDS: usize = 7;

/// How many requests a turn has.
const REQUESTS: u64 = 4_000;

/// How many of them at a time: each keeps its connection.
const CONCURRENCY: u64 = 8;

/// The subjects, by the names of their listeners.
const SUBJECTS: [&str; 5] = ["one cluster", "weighted clusters", "canary, random", "canary, exact", "canary, sticky"];

/// The first of them has no split: what the others add is counted from it.
const ONE_CLUSTER: usize = 0;

/// Envoy's own split.
const WEIGHTED: usize = 1;

fn cluster(name: &str) -> Value {
    json!({"name": name, "type": "STATIC", "connect_timeout": "1s"})
}

fn listener(name: &str, filter: Option<Value>, action: &Value) -> Value {
    let router = json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    });
    let filters: Vec<Value> = filter.into_iter().chain([router]).collect();
    let routes = json!([{"match": {"prefix": "/"}, "route": action}]);
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "shop", "domains": ["*"], "routes": routes}]},
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    })
}

/// The module with a split of 90 and 10.
fn canary(name: &str, module: &Path, split: &Value) -> Value {
    let to = |subset: &str, weight: u32| json!({"destination": {"host": "shop.example", "subset": subset}, "weight": weight});
    let virtual_service = json!({
        "kind": "VirtualService", "metadata": {"name": "shop"},
        "spec": {"hosts": ["shop.example"], "http": [{"name": "all", "route": [to("v1", 90), to("v2", 10)]}]},
    });
    let policy = json!({
        "kind": "CanaryPolicy", "metadata": {"name": "shop"},
        "spec": {"virtualService": "shop", "routes": [{"split": split}]},
    });
    let configuration = json!({"port": 80, "cluster": "{subset}", "resources": [virtual_service, policy]});
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

async fn envoy() -> Result<Process, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let module = directory.path().join("canary.wasm");
    fs::write(&module, Module::Canary.bytes())?;
    let weighted =
        json!({"weighted_clusters": {"clusters": [{"name": "v1", "weight": 90}, {"name": "v2", "weight": 10}]}});
    let chosen = json!({"cluster_header": "x-serin-cluster"});
    let with =
        |place: usize, split: Value| listener(SUBJECTS[place], Some(canary(SUBJECTS[place], &module, &split)), &chosen);
    let configuration = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "clusters": [cluster("v1"), cluster("v2")],
            "listeners": [
                listener(SUBJECTS[ONE_CLUSTER], None, &json!({"cluster": "v1"})),
                listener(SUBJECTS[WEIGHTED], None, &weighted),
                with(2, json!({"mode": "random"})),
                with(3, json!({"mode": "exact"})),
                with(4, json!({"mode": "sticky", "key": [{"header": "x-user"}]})),
            ],
        },
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
async fn turn(envoy: &Process, subject: &str) -> Result<f64, Box<dyn Error>> {
    let load = Load {
        target: envoy.listeners()[subject],
        method: Method::GET,
        path: "/cart".to_owned(),
        host: "shop.example".to_owned(),
        headers: vec![("x-user".to_owned(), "mary".to_owned())],
        body: Bytes::new(),
        requests: REQUESTS,
        concurrency: CONCURRENCY,
    };
    let before = cpu_time(envoy.id())?;
    let answers = load.send(|_| ()).await;
    let spent = cpu_time(envoy.id())? - before;
    // The clusters have no host, so that no upstream is in the numbers: 503 says that one was chosen.
    if answers.values().sum::<u64>() != REQUESTS || answers.len() != 1 {
        return Err(format!("{subject} answered {answers:?}").into());
    }
    Ok(spent as f64 / REQUESTS as f64 / 1_000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let envoy = envoy().await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    // The first round is a warm-up.
    for round in 0..=ROUNDS {
        eprintln!("serin: splits, round {round} of {ROUNDS}");
        let mut costs = [0.0; SUBJECTS.len()];
        for (cost, subject) in costs.iter_mut().zip(SUBJECTS) {
            *cost = turn(&envoy, subject).await?;
        }
        rounds.push(costs);
    }
    envoy.stop().await;
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["split", "CPU µs", "added", "of weighted clusters"]);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for (place, subject) in SUBJECTS.iter().enumerate() {
        let of = |measure: &dyn Fn(&[f64; SUBJECTS.len()]) -> f64| median(rounds.iter().skip(1).map(measure).collect());
        table.add_row([
            (*subject).to_owned(),
            format!("{:.1}", of(&|costs| costs[place])),
            format!("{:+.1}", of(&|costs| costs[place] - costs[ONE_CLUSTER])),
            format!("{:.2}", of(&|costs| costs[place] / costs[WEIGHTED])),
        ]);
    }
    println!(
        "CPU time of a request, medians of {ROUNDS} rounds of {REQUESTS} requests; one worker, clusters without hosts"
    );
    println!("{}", table.trim_fmt());
    Ok(())
}

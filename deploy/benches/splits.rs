//! What a split costs a request in an Envoy: Envoy's own weighted clusters, and the module canary in each of its modes.
//!
//! Measured as in `rules`: one worker, CPU time of the whole process, subjects in turn, medians. The clusters have no hosts,
//! so that no upstream is in the numbers: the router chooses one and answers 503.

mod measure;

use measure::{HOST, REQUESTS, ROUNDS, listener, median, table, turn, wasm};
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::load::Answer;
use serin_modules::Module;
use std::error::Error;
use std::fs;
use std::path::Path;

/// The subjects, by the names of their listeners.
const SUBJECTS: [&str; 5] = ["one cluster", "weighted clusters", "canary, random", "canary, exact", "canary, sticky"];

/// The first of them has no split: what the others add is counted from it.
const ONE_CLUSTER: usize = 0;

/// Envoy's own split.
const WEIGHTED: usize = 1;

fn cluster(name: &str) -> Value {
    json!({"name": name, "type": "STATIC", "connect_timeout": "1s"})
}

/// One route for everything, with that action.
fn routed(action: &Value) -> [Value; 1] {
    [json!({"match": {"prefix": "/"}, "route": action})]
}

/// The module with a split of 90 and 10.
fn canary(name: &str, module: &Path, split: &Value) -> Value {
    let to = |subset: &str, weight: u32| json!({"destination": {"host": HOST, "subset": subset}, "weight": weight});
    let virtual_service = json!({
        "kind": "VirtualService", "metadata": {"name": "shop"},
        "spec": {"hosts": [HOST], "http": [{"name": "all", "route": [to("v1", 90), to("v2", 10)]}]},
    });
    let policy = json!({
        "kind": "CanaryPolicy", "metadata": {"name": "shop"},
        "spec": {"virtualService": "shop", "routes": [{"split": split}]},
    });
    let configuration = json!({"port": 80, "cluster": "{subset}", "resources": [virtual_service, policy]});
    wasm(name, module, &configuration)
}

async fn envoy() -> Result<Process, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let module = directory.path().join("canary.wasm");
    fs::write(&module, Module::Canary.bytes())?;
    let weighted =
        json!({"weighted_clusters": {"clusters": [{"name": "v1", "weight": 90}, {"name": "v2", "weight": 10}]}});
    let chosen = json!({"cluster_header": "x-serin-cluster"});
    let with = |place: usize, split: Value| {
        listener(SUBJECTS[place], Some(canary(SUBJECTS[place], &module, &split)), &routed(&chosen))
    };
    let configuration = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {
            "clusters": [cluster("v1"), cluster("v2")],
            "listeners": [
                listener(SUBJECTS[ONE_CLUSTER], None, &routed(&json!({"cluster": "v1"}))),
                listener(SUBJECTS[WEIGHTED], None, &routed(&weighted)),
                with(2, json!({"mode": "random"})),
                with(3, json!({"mode": "exact"})),
                with(4, json!({"mode": "sticky", "key": [{"header": "x-user"}]})),
            ],
        },
    });
    Ok(Process::start(&find(None)?, &configuration, 1, directory).await?)
}

/// One turn: the CPU time of a request, in microseconds.
async fn cost(envoy: &Process, subject: &str) -> Result<f64, Box<dyn Error>> {
    let user = vec![("x-user".to_owned(), "mary".to_owned())];
    let (cost, answers) = turn(envoy, subject, "/cart".to_owned(), user).await?;
    // The clusters have no host, so that no upstream is in the numbers: 503 says that one was chosen.
    if answers.get(&Answer::Proxy(503)) != Some(&REQUESTS) {
        return Err(format!("{subject} answered {answers:?}").into());
    }
    Ok(cost)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let envoy = envoy().await?;
    let mut rounds = Vec::with_capacity(ROUNDS);
    // The first round is a warm-up.
    for round in 0..=ROUNDS {
        eprintln!("serin: splits, round {round} of {ROUNDS}");
        let mut costs = [0.0; SUBJECTS.len()];
        for (spent, subject) in costs.iter_mut().zip(SUBJECTS) {
            *spent = cost(&envoy, subject).await?;
        }
        rounds.push(costs);
    }
    envoy.stop().await;
    let mut table = table(["split", "CPU µs", "added", "of weighted clusters"]);
    for (place, subject) in SUBJECTS.iter().enumerate() {
        let of = |measure: &dyn Fn(&[f64; SUBJECTS.len()]) -> f64| median(&rounds, measure);
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

//! The scenarios of examples/, on a real Envoy.

use serin::manifests::load;
use serin::pocket::Options;
use serin::scenario::{Outcome, read, run, table};
use serin_modules::Module;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn scenario_files() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let entries = std::fs::read_dir(&examples).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path().join("scenarios.yaml")).collect();
    files.retain(|file| file.is_file());
    files.sort();
    assert!(!files.is_empty(), "{} has no scenarios", examples.display());
    files
}

async fn assert_all_pass(modules: &[Module]) {
    let options = Options { modules: modules.to_vec(), ..Options::default() };
    let mut outcomes: Vec<Outcome> = Vec::new();
    for text in load(&scenario_files()).unwrap() {
        for scenario in read(&text).unwrap() {
            outcomes.extend(run(&scenario, &options, &(Arc::new(|_: &str, _, _| {}) as _)).await);
        }
    }
    let wrong: Vec<&Outcome> = outcomes.iter().filter(|outcome| !outcome.right).collect();
    assert!(wrong.is_empty(), "{}\n{wrong:#?}", table(&outcomes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_passes_with_the_three_filters() {
    assert_all_pass(&Module::CHAIN).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_passes_with_the_one_module() {
    assert_all_pass(&[Module::Canary]).await;
}

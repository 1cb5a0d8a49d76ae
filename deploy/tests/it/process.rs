//! Envoy's process: it says why it does not start, and it never stays behind.

use serde_json::json;
use serin::envoy::{Failure, Process, find};
use serin::manifests::{Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

const SERVICE: &str =
    "{apiVersion: v1, kind: Service, metadata: {name: reviews}, spec: {ports: [{name: http, port: 9080}]}}";

/// Whether the process is there, and not as a zombie only.
pub(crate) fn is_running(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    status.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Waits until the process is gone.
#[track_caller]
pub(crate) fn assert_ends(id: u32) {
    let started = Instant::now();
    while is_running(id) {
        assert!(started.elapsed() < Duration::from_secs(10), "process {id} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

fn configuration(filters: Vec<Filter>) -> serde_json::Value {
    let world = World::parse("default", &[Text::new("reviews.yaml", SERVICE)]).unwrap();
    let options = Options {
        filters,
        source: Default::default(),
        endpoints: Endpoints::Addresses(BTreeMap::new()),
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    render(&world, &options).unwrap().configuration
}

async fn start(configuration: &serde_json::Value) -> Result<Process, Failure> {
    let binary = find(None).unwrap();
    Process::start(&binary, configuration, 1, tempfile::tempdir().unwrap()).await
}

#[tokio::test]
async fn a_stopped_envoy_leaves_neither_process_nor_port_nor_file() {
    let process = start(&configuration(vec![])).await.unwrap();
    let (id, directory) = (process.id(), process.directory());
    let addresses = [process.admin(), process.listeners()["mesh:9080"]];
    assert!(is_running(id) && addresses.into_iter().all(is_open) && directory.exists());
    assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    process.stop().await;
    assert!(!is_running(id) && !addresses.into_iter().any(is_open) && !directory.exists());
}

#[tokio::test]
async fn an_envoy_whose_owner_panics_ends() {
    let process = start(&configuration(vec![])).await.unwrap();
    let (id, directory) = (process.id(), process.directory());
    let panicked = tokio::spawn(async move {
        let _owned = process;
        panic!("the owner panics on purpose");
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert!(!is_running(id) && !directory.exists());
}

#[tokio::test]
async fn a_refused_configuration_shows_the_reason() {
    let mut wrong = configuration(vec![]);
    wrong["static_resources"]["clusters"][0]["lb_policy"] = json!("FASTEST");
    let failure = start(&wrong).await.unwrap_err().to_string();
    assert!(failure.starts_with("envoy did not start") && failure.contains("FASTEST"), "{failure}");
}

#[tokio::test]
async fn a_misspelt_field_in_a_plugin_configuration_is_refused_by_path_and_reason() {
    for module in Module::ALL {
        let modules = tempfile::tempdir().unwrap();
        let file = modules.path().join("module.wasm");
        std::fs::write(&file, module.bytes()).unwrap();
        let right = configuration(vec![Filter { name: module.name().into(), file }]);
        let wrong = serde_json::from_str(&right.to_string().replace(r#"\"gateway\""#, r#"\"gatway\""#)).unwrap();
        let failure = start(&wrong).await.unwrap_err().to_string();
        assert!(failure.contains("gatway: unknown field `gatway`"), "{}: {failure}", module.name());
        start(&right).await.unwrap().stop().await;
    }
}

#[tokio::test]
async fn a_binary_that_does_not_run_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let failure = Process::start(Path::new("/no/such/envoy"), &json!({}), 1, directory).await.unwrap_err();
    assert!(failure.to_string().starts_with("/no/such/envoy: "), "{failure}");
}

//! An Envoy with several listeners, each on a port of its own.

use super::Manner;
use serde_json::{Map, Value, json};
use serin::envoy::{Process, find};
use serin_modules::Module;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A running Envoy.
pub(crate) struct Proxies(Process);

impl Proxies {
    #[track_caller]
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.0.listeners()[listener]
    }

    pub(crate) async fn stop(self) {
        self.0.stop().await;
    }
}

/// Starts an Envoy with the listeners that `listeners` makes, given where the files of `modules` are.
pub(crate) async fn start(
    manner: Manner,
    modules: &[Module],
    listeners: impl FnOnce(&[PathBuf]) -> Vec<Value>,
) -> Proxies {
    start_with(manner, modules, vec![], listeners).await
}

/// The same with clusters.
pub(crate) async fn start_with(
    manner: Manner,
    modules: &[Module],
    clusters: Vec<Value>,
    listeners: impl FnOnce(&[PathBuf]) -> Vec<Value>,
) -> Proxies {
    let directory = tempfile::tempdir().unwrap();
    let file = |module: &Module| {
        let file = directory.path().join(format!("{}.wasm", module.name()));
        fs::write(&file, module.bytes()).unwrap();
        file
    };
    let modules: Vec<PathBuf> = modules.iter().map(file).collect();
    let configuration = json!({
        "node": {"id": "equivalence", "cluster": "equivalence"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": runtime(manner)}]},
        "static_resources": {"listeners": listeners(&modules), "clusters": clusters},
    });
    let process = Process::start(&find(None).unwrap(), &configuration, 1, directory).await;
    Proxies(process.unwrap_or_else(|failure| panic!("{failure}")))
}

/// What Envoy's runtime says: of the manner, only what is not the default.
fn runtime(manner: Manner) -> Value {
    // Istio's bootstrap; Envoy alone takes no expression of more than 100 instructions.
    let mut runtime = Map::from_iter([("re2.max_program_size.error_level".to_owned(), json!(32_768))]);
    let features = [("match_headers_individually", manner.individually), ("re2_use_latin1_mode", manner.latin1)];
    for (feature, _) in features.into_iter().filter(|(_, on)| !on) {
        runtime.insert(format!("envoy.reloadable_features.{feature}"), false.into());
    }
    runtime.into()
}

/// A listener with filters before the router, and its virtual hosts.
pub(crate) fn listener(name: &str, filters: Vec<Value>, virtual_hosts: Vec<Value>) -> Value {
    let mut http_filters = filters;
    http_filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "http_filters": http_filters,
        "route_config": {"ignore_port_in_host_matching": true, "virtual_hosts": virtual_hosts, "validate_clusters": false},
    });
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    })
}

/// The filter of the module in `file`.
pub(crate) fn filter(file: &Path, configuration: &Value) -> Value {
    json!({
        "name": "serin",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "serin",
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": file.display().to_string()}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration.to_string(),
                },
            },
        },
    })
}

/// The route that answers with the cluster that a filter has chosen.
pub(crate) fn chosen() -> Value {
    let chosen = json!({"prefix": "", "headers": [{"name": "x-serin-cluster", "present_match": true}]});
    super::native::answering(chosen, "%REQ(x-serin-cluster)%")
}

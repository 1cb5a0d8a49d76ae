//! A listener as istiod writes one, with WasmPlugins and an EnvoyFilter applied as istiod applies them.
//!
//! Source: istio/istio, `pilot/pkg/networking/core/envoyfilter/{listener_patch,rc_patch}.go`, `pilot/pkg/model/extensions.go`.

use serde_json::{Value, json};
use std::path::Path;

/// Which of a mesh's proxies: the context of patches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    Sidecar,
    Gateway,
}

impl Context {
    fn name(self) -> &'static str {
        match self {
            Self::Sidecar => "SIDECAR_OUTBOUND",
            Self::Gateway => "GATEWAY",
        }
    }
}

/// A listener with a virtual host `name` for `domains`, of which Istio's own route leads to `cluster`.
pub(crate) fn listener(name: &str, virtual_host: &str, domains: &[&str], cluster: &str) -> Value {
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "upgrade_configs": [{"upgrade_type": "websocket"}],
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                }],
                "route_config": {
                    "name": name,
                    "validate_clusters": false,
                    "ignore_port_in_host_matching": true,
                    "virtual_hosts": [{
                        "name": virtual_host,
                        "domains": domains,
                        "routes": [{"name": "default", "match": {"prefix": "/"}, "route": {"cluster": cluster, "timeout": "0s"}}],
                    }],
                },
            },
        }]}],
    })
}

/// The connection manager of a listener.
pub(crate) fn manager(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Puts the filters of WasmPlugins before the router, the one of the highest priority first.
pub(crate) fn add_plugins(listener: &mut Value, plugins: &[&Value], module: impl Fn(&str) -> std::path::PathBuf) {
    let mut plugins = plugins.to_vec();
    plugins.sort_by_key(|plugin| -plugin["spec"]["priority"].as_i64().unwrap());
    let filters =
        plugins.into_iter().map(|plugin| filter(plugin, &module(plugin["metadata"]["name"].as_str().unwrap())));
    let all = manager(listener)["http_filters"].as_array_mut().unwrap();
    all.splice(0..0, filters);
}

fn filter(plugin: &Value, module: &Path) -> Value {
    let spec = &plugin["spec"];
    let name = format!(
        "{}.{}",
        plugin["metadata"]["namespace"].as_str().unwrap(),
        plugin["metadata"]["name"].as_str().unwrap()
    );
    let variables = spec["vmConfig"]["env"].as_array().unwrap().iter();
    let variables: serde_json::Map<String, Value> =
        variables.map(|one| (one["name"].as_str().unwrap().to_owned(), one["value"].clone())).collect();
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "failure_policy": spec["failStrategy"],
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                    "environment_variables": {"key_values": variables},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": spec["pluginConfig"].to_string(),
                },
            },
        },
    })
}

/// Applies the patches of an EnvoyFilter; how many found their place.
pub(crate) fn apply(envoy_filter: &Value, context: Context, listener: &mut Value) -> usize {
    let patches = envoy_filter["spec"]["configPatches"].as_array().unwrap();
    patches.iter().filter(|patch| apply_one(patch, context, listener)).count()
}

fn apply_one(patch: &Value, context: Context, listener: &mut Value) -> bool {
    let (at, value) = (&patch["match"], &patch["patch"]["value"]);
    assert_eq!(at["context"], context.name());
    match (patch["applyTo"].as_str().unwrap(), patch["patch"]["operation"].as_str().unwrap()) {
        ("NETWORK_FILTER", "MERGE") => {
            let filter = &mut listener["filter_chains"][0]["filters"][0];
            assert_eq!(filter["name"], at["listener"]["filterChain"]["filter"]["name"]);
            merge(filter, value);
            true
        }
        ("HTTP_ROUTE", "INSERT_FIRST") => {
            let host = &mut manager(listener)["route_config"]["virtual_hosts"][0];
            let wanted = &at["routeConfiguration"]["vhost"]["name"];
            if !wanted.is_null() && host["name"] != *wanted {
                return false;
            }
            host["routes"].as_array_mut().unwrap().insert(0, value.clone());
            true
        }
        other => panic!("{other:?} is not known here"),
    }
}

/// As protobuf merges messages: fields that are repeated are appended, others are replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from.iter().cloned()),
        (into, from) => *into = from.clone(),
    }
}

//! A complete configuration of Envoy.

use super::cluster::{Cluster, Clusters, clusters};
use super::listener::{listener, names};
use super::options::{Listen, ListenerName};
use super::plugin::{PluginConfiguration, source};
use super::route::RouteKit;
use super::server_tls;
use super::stats::stats_config;
use crate::manifests::{Mistake, Mistakes, World};
use serde_json::{Value, json};
use serin_traffic::names::gateway::full_name;
use serin_traffic::written::Source;
use std::collections::{BTreeMap, BTreeSet};

pub use super::options::Options;

/// A configuration, and what is worth knowing about it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// Envoy's bootstrap.
    pub configuration: Value,
    /// Its listeners.
    pub listeners: Vec<ListenerName>,
    /// What is legal and yet suspect.
    pub warnings: Vec<Mistake>,
}

/// The port of Envoy's admin interface where ports are not left to the system.
const ADMIN_PORT: u16 = 9901;

/// How many bytes of the answer to a filter's own call Envoy keeps; it resets the call of a larger one. Its default is 32 MiB,
/// for each of the copies that may be under way.
const LARGEST_ANSWER: u32 = 2 << 20;

/// The configuration of an Envoy that does in `world` what Istio's proxies would do.
///
/// # Errors
///
/// [`Mistakes`] in the manifests, a gateway that is not there, and two listeners that want one port.
pub fn render(world: &World, options: &Options) -> Result<Rendered, Mistakes> {
    let mut listeners = names(world, options.listen, options.own_namespace(world));
    if let Some(gateway) = &options.gateway {
        let gateway = full_name(gateway, &world.namespace);
        if !listeners.keys().any(|name| name.gateway == gateway) {
            return Err(Mistake::everywhere(no_such_gateway(&gateway, &listeners)).into());
        }
        listeners.retain(|name, _| name.gateway == gateway);
    }
    if let Listen::OwnPort(_) = options.listen {
        refuse_shared_ports(&listeners)?;
    }
    if listeners.is_empty() {
        return Err(
            Mistake::everywhere("the manifests have neither a Gateway nor a Service with a port for HTTP").into()
        );
    }

    // What Istio refuses is refused here, before anything of it is translated.
    let plugins: Vec<PluginConfiguration> =
        listeners.keys().map(|name| PluginConfiguration::of(world, name, &options.source)).collect::<Result<_, _>>()?;
    let mut viewers: Vec<Source> = Vec::new();
    for viewer in listeners.keys().map(|name| source(world, name, &options.source)) {
        if !viewers.contains(&viewer) {
            viewers.push(viewer);
        }
    }
    let Clusters { clusters, mut warnings } = clusters(world, &viewers, &options.endpoints)?;
    warnings.splice(0..0, server_tls::warnings(world, options.listen));
    let hashed: Vec<(String, Value)> =
        clusters.iter().filter_map(|Cluster { name, key, .. }| Some((name.clone(), key.clone()?))).collect();
    let mut rendered = Vec::new();
    for ((name, hosts), plugin) in listeners.iter().zip(&plugins) {
        for warning in &plugin.warnings {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let kit = RouteKit {
            slots: plugin.slots.clone(),
            retries: plugin.retries.clone(),
            hashed: hashed.clone(),
            longest_delay: plugin.longest_delay,
        };
        rendered.push(listener(name, hosts, plugin, &kit, world, options));
    }
    let admin_port = match options.listen {
        Listen::AnyPort => 0,
        Listen::OwnPort(_) => ADMIN_PORT,
    };
    let configuration = json!({
        "node": {"id": "serin", "cluster": "serin"},
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": admin_port}}},
        "stats_config": stats_config(),
        "layered_runtime": {"layers": [{"name": "serin", "static_layer": {
            "http.async_response_buffer_limit": LARGEST_ANSWER,
        }}]},
        "static_resources": {
            "listeners": rendered,
            "clusters": clusters.into_iter().map(|cluster| cluster.configuration).collect::<Vec<_>>(),
        },
    });
    Ok(Rendered { configuration, listeners: listeners.into_keys().collect(), warnings })
}

fn no_such_gateway(gateway: &str, listeners: &BTreeMap<ListenerName, Vec<String>>) -> String {
    let known: BTreeSet<&str> = listeners.keys().map(|name| name.gateway.as_str()).collect();
    let known = known.into_iter().collect::<Vec<_>>().join(", ");
    format!("the manifests have no gateway {gateway}; they have {}", if known.is_empty() { "none" } else { &known })
}

fn refuse_shared_ports(listeners: &BTreeMap<ListenerName, Vec<String>>) -> Result<(), Mistake> {
    let mut owners: BTreeMap<u16, &str> = BTreeMap::new();
    for name in listeners.keys() {
        if let Some(owner) = owners.insert(name.port, &name.gateway) {
            let reason =
                format!("both {owner} and {} listen on port {}; choose one with --gateway", name.gateway, name.port);
            return Err(Mistake::everywhere(reason));
        }
    }
    Ok(())
}

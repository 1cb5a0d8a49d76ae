//! Listeners: one for each port of a Gateway, one for each port that the mesh's services have.

use super::cluster::service_cluster;
use super::options::{Filter, Listen, ListenerName, Options};
use super::plugin::{PluginConfiguration, filter_name, http_filter, operators_filter};
use super::rewritten;
use super::route::RouteKit;
use super::server_tls::{is_served, transport_socket};
use super::trust::{FOR_ROUTES, early_removal};
use crate::manifests::{CLUSTER_DOMAIN, Entry, PortProtocol, Server, World};
use serde_json::{Value, json};
use serin_traffic::names::gateway::{self, MESH};
use serin_traffic::names::host::{aliases, domain, full_names};
use serin_traffic::visibility::seen_from;
use std::collections::{BTreeMap, BTreeSet};

/// The port at which Istio serves hosts that no Service has.
const PORT_OF_OTHER_HOSTS: u16 = 80;

/// The listeners that `world` needs, each with the hosts that are let in; of the mesh, with the hosts of no Service.
/// Callers through the mesh are in `own_namespace`.
pub(crate) fn names(world: &World, listen: Listen, own_namespace: &str) -> BTreeMap<ListenerName, Vec<String>> {
    let mut names: BTreeMap<ListenerName, Vec<String>> = BTreeMap::new();
    for gateway in &world.gateways {
        for server in gateway.servers.iter().filter(|server| is_served(server, world, listen)) {
            let name = ListenerName { gateway: gateway.full_name(), port: server.port };
            names.entry(name).or_default().extend(server.hosts.iter().cloned());
        }
    }
    for service in world.services.iter().filter(|service| service.is_seen_from(own_namespace)) {
        for port in service.ports.iter().filter(|port| port.protocol != PortProtocol::Other) {
            names.entry(ListenerName { gateway: MESH.to_owned(), port: port.number }).or_default();
        }
    }
    let others = hosts_of_no_service(world, own_namespace);
    if !others.is_empty() {
        names.entry(ListenerName { gateway: MESH.to_owned(), port: PORT_OF_OTHER_HOSTS }).or_default().extend(others);
    }
    names
}

/// The hosts that VirtualServices of the mesh and RouteRules have and no Service has, as far as `own_namespace` sees them.
fn hosts_of_no_service(world: &World, own_namespace: &str) -> BTreeSet<String> {
    let seen = world.services.iter().filter(|service| service.is_seen_from(own_namespace));
    let services: BTreeSet<String> = seen.map(|service| domain(&service.full_name())).collect();
    let for_mesh = world.virtual_services_for_http().filter(|(traffic, spec)| {
        let is_seen = seen_from(&traffic.namespace, &spec.export_to, own_namespace).is_some();
        is_seen && gateway::full_names(&spec.gateways, &traffic.namespace).iter().any(|gateway| gateway == MESH)
    });
    let hosts = for_mesh.flat_map(|(traffic, spec)| {
        spec.hosts.iter().flat_map(|host| full_names(host, &traffic.namespace, CLUSTER_DOMAIN))
    });
    let ruled = world.route_rules().filter_map(|(traffic, rule)| rule.host(&traffic.namespace, CLUSTER_DOMAIN));
    hosts.chain(ruled).map(|host| domain(&host)).filter(|host| !services.contains(host)).collect()
}

/// The virtual hosts of a listener.
fn virtual_hosts(
    name: &ListenerName,
    hosts: &[String],
    kit: &RouteKit,
    world: &World,
    options: &Options,
) -> Vec<Value> {
    let own_namespace = options.own_namespace(world);
    let sent_to_https = hosts_sent_to_https(name, world);
    let mut taken: BTreeSet<String> = sent_to_https.iter().cloned().collect();
    let mut virtual_hosts: Vec<Value> = to_https(name, &sent_to_https, &options.filters).into_iter().collect();
    let mut add = |title: &str, domains: Vec<String>, routes: Vec<Value>| {
        let domains: Vec<String> = domains.into_iter().filter(|domain| taken.insert(domain.clone())).collect();
        if !domains.is_empty() {
            virtual_hosts.push(json!({"name": title, "domains": domains, "routes": routes}));
        }
    };
    let chosen_only = || kit.chosen().into_iter().chain([RouteKit::none()]).collect::<Vec<_>>();
    if name.gateway != MESH {
        add(&name.gateway, hosts.iter().map(|host| domain(host)).collect(), chosen_only());
        add("rewritten", rewritten::hosts(world).into_iter().collect(), chosen_only());
        add("none", vec!["*".to_owned()], vec![RouteKit::none()]);
        return virtual_hosts;
    }
    for service in world.services.iter().filter(|service| service.is_seen_from(own_namespace)) {
        let is_here =
            |port: &&crate::manifests::ServicePort| port.number == name.port && port.protocol != PortProtocol::Other;
        if let Some(port) = service.ports.iter().find(is_here) {
            let full = service.full_name();
            let mut routes = kit.chosen();
            routes.push(kit.plain(&service_cluster(&full, None, port.number)));
            add(&format!("{full}:{}", port.number), aliases(&full, own_namespace, CLUSTER_DOMAIN), routes);
        }
    }
    for host in hosts {
        add(host, aliases(host, own_namespace, CLUSTER_DOMAIN), chosen_only());
    }
    // A rule may have rewritten the authority to a name that nobody here has; without a filter's choice this is a 404.
    add("rewritten", vec!["*".to_owned()], chosen_only());
    virtual_hosts
}

/// The listener `name`, whose filters have the configuration `plugin`.
pub(crate) fn listener(
    name: &ListenerName,
    hosts: &[String],
    plugin: &PluginConfiguration,
    kit: &RouteKit,
    world: &World,
    options: &Options,
) -> Value {
    let (address, port) = match options.listen {
        Listen::AnyPort => ("127.0.0.1".to_owned(), 0),
        Listen::OwnPort(address) => (address.to_string(), name.port),
    };
    let with_tls: Vec<(&Server, Value)> = match options.listen {
        Listen::AnyPort => Vec::new(),
        Listen::OwnPort(_) => {
            servers(name, world).filter_map(|server| Some((server, transport_socket(server, world)?))).collect()
        }
    };
    let mut listener = json!({
        "name": name.to_string(),
        "address": {"socket_address": {"address": address, "port_value": port}},
    });
    let chain = |manager: Value| json!({"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]});
    if with_tls.is_empty() {
        listener["filter_chains"] = json!([chain(manager(name, hosts, plugin, kit, world, options))]);
        return listener;
    }
    listener["listener_filters"] = json!([{
        "name": "envoy.filters.listener.tls_inspector",
        "typed_config":
            {"@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"},
    }]);
    let of_server = |(server, socket): (&Server, Value)| {
        let mut chain = chain(manager(name, &server.hosts, plugin, kit, world, options));
        // Istio: which server it is says the name that the client asks TLS for.
        if !server.hosts.iter().any(|host| host == "*") {
            chain["filter_chain_match"] = json!({"server_names": server.hosts});
        }
        chain["transport_socket"] = socket;
        chain
    };
    listener["filter_chains"] = with_tls.into_iter().map(of_server).collect();
    listener
}

/// The servers of a gateway at the port of its listener.
fn servers<'a>(name: &'a ListenerName, world: &'a World) -> impl Iterator<Item = &'a Server> {
    let gateways = world.gateways.iter().filter(|gateway| gateway.full_name() == name.gateway);
    gateways.flat_map(|gateway| &gateway.servers).filter(|server| server.port == name.port)
}

/// The hosts whose clients are sent to `https` (`tls.httpsRedirect`).
fn hosts_sent_to_https(name: &ListenerName, world: &World) -> Vec<String> {
    let redirecting = servers(name, world).filter(|server| server.entry == Entry::RedirectToHttps);
    let hosts: BTreeSet<String> =
        redirecting.flat_map(|server| &server.hosts).map(|host| host.to_ascii_lowercase()).collect();
    hosts.into_iter().collect()
}

/// The virtual host that sends clients to `https`.
///
/// Istio says `require_tls` there. Envoy asks the filters before it acts on that, and nothing turns them off: a rule of
/// theirs would answer. So these are routes, for which they can be turned off, to the same place.
fn to_https(name: &ListenerName, hosts: &[String], filters: &[Filter]) -> Option<Value> {
    const OFF: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
    let off: serde_json::Map<String, Value> =
        filters.iter().map(|filter| (filter_name(filter), json!({"@type": OFF, "disabled": true}))).collect();
    // A redirect to another scheme drops the old one's port; `require_tls` leaves it.
    let with_port = json!({"name": ":authority", "string_match": {"suffix": ":80"}});
    (!hosts.is_empty()).then(|| json!({
        "name": format!("{name}:https"),
        "domains": hosts,
        "typed_per_filter_config": off,
        "routes": [
            {"match": {"prefix": "/", "headers": [with_port]}, "redirect": {"https_redirect": true, "port_redirect": 80}},
            {"match": {"prefix": "/"}, "redirect": {"https_redirect": true}},
        ],
    }))
}

/// What serves HTTP for `hosts`.
fn manager(
    name: &ListenerName,
    hosts: &[String],
    plugin: &PluginConfiguration,
    kit: &RouteKit,
    world: &World,
    options: &Options,
) -> Value {
    let mut http_filters: Vec<Value> = operators_filter(&plugin.operators).into_iter().collect();
    let filters = options.filters.iter().enumerate();
    http_filters.extend(filters.map(|(place, filter)| http_filter(filter, name, plugin.document.clone(), place == 0)));
    http_filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name.to_string(),
        "use_remote_address": name.gateway != MESH,
        "normalize_path": true,
        "stream_idle_timeout": kit.stream_idle_timeout(),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "early_header_mutation_extensions": [early_removal(&kit.slots, name.gateway != MESH)],
        "http_filters": http_filters,
        "route_config": {
            "name": name.to_string(),
            "request_headers_to_remove": FOR_ROUTES,
            // Istio: a host is the same with whatever port behind it.
            "ignore_port_in_host_matching": true,
            "virtual_hosts": virtual_hosts(name, hosts, kit, world, options),
            "validate_clusters": false,
        },
    });
    if let Some(path) = &options.access_log {
        manager["access_log"] = json!([{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": path,
            },
        }]);
    }
    // Where a server with TLS is served without it, its requests are https all the same.
    let is_played = matches!(options.listen, Listen::AnyPort)
        && servers(name, world).any(|server| matches!(server.entry, Entry::Tls(_)));
    if is_played {
        manager["scheme_header_transformation"] = json!({"scheme_to_overwrite": "https"});
    }
    manager
}

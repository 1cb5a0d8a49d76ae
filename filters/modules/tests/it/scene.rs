//! The stage: chains of modules with one configuration.

use host_test::{Filter, Proxy, ProxyBuilder, Request, response};
use serde_json::{Value, json};
use serin_modules::Module;
use std::time::Duration;

/// Every way to get all three decisions.
pub(crate) const COMPLETE: [&[Module]; 2] = [&Module::CHAIN, &[Module::Canary]];

/// What a filter counts in its own memory the proxy is told a moment later.
pub(crate) const MOMENT: Duration = Duration::from_millis(101);

/// A configuration with these rules for the host `reviews`, on port 9080.
pub(crate) fn rules(http: Value) -> Value {
    json!({"port": 9080, "outputs": ["subset"], "resources": [{
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "reviews", "namespace": "default"}, "spec": {"hosts": ["reviews"], "http": http}}]})
}

/// A destination: a subset of `reviews`.
pub(crate) fn to(subset: &str) -> Value {
    json!({"destination": {"host": "reviews", "subset": subset}})
}

/// A destination with its weight.
pub(crate) fn weighted(subset: &str, weight: u32) -> Value {
    json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight})
}

/// The name of the cluster for a subset of `reviews`.
pub(crate) fn cluster(subset: &str) -> String {
    format!("outbound|9080|{subset}|reviews.default.svc.cluster.local")
}

/// `module` with that configuration.
pub(crate) fn filter(module: Module, configuration: &Value) -> Filter {
    Filter::from_bytes(module.bytes()).named(module.name()).vm_id(module.name()).configured(configuration.to_string())
}

/// A proxy with those modules, each with that configuration, not started.
pub(crate) fn chain(modules: &[Module], configuration: &Value) -> ProxyBuilder {
    Proxy::of(modules.iter().map(|module| filter(*module, configuration)))
}

/// A proxy with those modules.
#[track_caller]
pub(crate) fn proxy(modules: &[Module], configuration: &Value) -> Proxy {
    chain(modules, configuration).start()
}

/// The rule `default` with these destinations, and what a CanaryPolicy that reveals its decisions says of it.
pub(crate) fn canary(route: Value, entry: Value) -> Value {
    let mut configuration = rules(json!([{"name": "default", "route": route}]));
    let spec = json!({"virtualService": "reviews", "reveal": true, "routes": [entry]});
    if let Some(resources) = configuration["resources"].as_array_mut() {
        resources.push(json!({
            "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy",
            "metadata": {"name": "reviews", "namespace": "default"}, "spec": spec,
        }));
    }
    configuration
}

/// The subset that `request` leaves for; it is answered with 200.
#[track_caller]
pub(crate) fn served(proxy: &mut Proxy, request: Request) -> String {
    let mut exchange = proxy.send(request);
    let subset = exchange.upstream_header("x-serin-subset").expect("a destination was picked").to_owned();
    proxy.respond(&mut exchange, response(200));
    proxy.finish(exchange);
    subset
}

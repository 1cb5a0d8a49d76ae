//! The EnvoyFilter: the route that sends requests where the filters say, and what keeps clients from saying it themselves.

use super::plugin::operators_filter;
use super::route::{asks_for, mirror_policies, retries_of, retry_policy, retry_policy_of};
use super::trust::{FOR_ROUTES, chosen_match, early_removal};
use serde_json::{Value, json};
use serin_traffic::shadow::Slot;
use serin_traffic::{CLUSTER_HEADER, Policy, RetryPolicy};
use std::collections::{BTreeMap, BTreeSet};

/// The name of connection managers for HTTP.
const MANAGER: &str = "envoy.filters.network.http_connection_manager";

/// Which proxies the EnvoyFilter is for.
pub(super) struct Proxies<'a> {
    /// Their namespace.
    pub(super) namespace: &'a str,
    /// The labels of their Pods; none are all of the namespace.
    pub(super) selector: &'a BTreeMap<String, String>,
    /// Whether they are a gateway's.
    pub(super) at_gateway: bool,
}

/// The EnvoyFilter `name` for `proxies`. The route goes into `virtual_hosts`, or into all of them: it takes only requests for which a
/// filter chose a cluster.
pub(super) fn envoy_filter(
    name: &str,
    proxies: &Proxies<'_>,
    virtual_hosts: Option<BTreeSet<String>>,
    policy: &Policy,
) -> Value {
    let context = if proxies.at_gateway { "GATEWAY" } else { "SIDECAR_OUTBOUND" };
    let matches: Vec<Value> = match virtual_hosts {
        Some(names) => names
            .iter()
            .map(|name| json!({"context": context, "routeConfiguration": {"vhost": {"name": name}}}))
            .collect(),
        None => vec![json!({"context": context})],
    };
    // The last that is inserted comes first: the general route is the first here.
    let retries = retries_of(policy);
    let named = retries.iter().map(Some);
    let routes: Vec<Value> = [None].into_iter().chain(named).map(|retry| route(policy.slots(), retry)).collect();
    let insert = |at: &Value, route: &Value| {
        let patch = json!({"operation": "INSERT_FIRST", "value": route});
        json!({"applyTo": "HTTP_ROUTE", "match": at, "patch": patch})
    };
    let mut patches = vec![removal(context, policy.slots(), proxies.at_gateway)];
    patches.extend(matches.iter().flat_map(|at| routes.iter().map(move |route| insert(at, route))));
    let operators: Vec<String> = policy.given_operators().into_iter().map(str::to_owned).collect();
    patches.extend(operators_filter(&operators).map(|filter| {
        json!({
            "applyTo": "HTTP_FILTER",
            "match": {"context": context, "listener": {"filterChain": {"filter": {"name": MANAGER}}}},
            "patch": {"operation": "INSERT_FIRST", "value": filter},
        })
    }));
    let mut filter = json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": name, "namespace": proxies.namespace},
        "spec": {"configPatches": patches},
    });
    if !proxies.selector.is_empty() {
        filter["spec"]["workloadSelector"] = json!({"labels": proxies.selector});
    }
    filter
}

/// Has every connection manager of the context remove the filters' headers from what comes in. Istio merges by appending, so what
/// others have there stays, and a second EnvoyFilter of ours does the same once more.
fn removal(context: &str, slots: &[Slot], at_edge: bool) -> Value {
    json!({
        "applyTo": "NETWORK_FILTER",
        "match": {"context": context, "listener": {"filterChain": {"filter": {"name": MANAGER}}}},
        "patch": {
            "operation": "MERGE",
            "value": {
                "name": MANAGER,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "early_header_mutation_extensions": [early_removal(slots, at_edge)],
                },
            },
        },
    })
}

/// The route for requests for which a filter chose a cluster, with Istio's own defaults for timeout, retries and mirrors; or with
/// the policy for retries that a rule asks for by name.
fn route(slots: &[Slot], retry: Option<&(String, RetryPolicy)>) -> Value {
    let mut action = json!({
        "cluster_header": CLUSTER_HEADER,
        "timeout": "0s",
        "max_grpc_timeout": "0s",
        "retry_policy": retry.map_or_else(|| retry_policy(false), |(_, policy)| retry_policy_of(policy, false)),
    });
    let mut headers = vec![json!({"name": CLUSTER_HEADER, "present_match": true})];
    headers.extend(retry.map(|(name, _)| asks_for(name)));
    if !slots.is_empty() {
        let mut policies = mirror_policies(slots);
        for policy in &mut policies {
            policy["trace_sampled"] = json!(false);
        }
        action["request_mirror_policies"] = policies.into();
    }
    json!({
        "name": "serin",
        "match": chosen_match(headers),
        "route": action,
        "request_headers_to_remove": FOR_ROUTES,
    })
}

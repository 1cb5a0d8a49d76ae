//! Routes: the cluster that a filter chose, or the plain service.

use serde_json::{Value, json};
use serin_traffic::shadow::{SLOT, Slot};
use serin_traffic::{CLUSTER_HEADER, SUBSET_HEADER};

/// What every route of a proxy has in common.
pub(crate) struct RouteKit {
    /// The slots from which copies are sent.
    pub(crate) slots: Vec<Slot>,
    /// The clusters whose endpoints are chosen by a key, each with that key.
    pub(crate) hashed: Vec<(String, Value)>,
}

impl RouteKit {
    /// The routes to the cluster that the filters chose.
    ///
    /// A key is the route's in Envoy and the cluster's in Istio, so each cluster with one has a route of its own.
    pub(crate) fn chosen(&self) -> Vec<Value> {
        let by_key = self.hashed.iter().map(|(cluster, key)| {
            let is_it = json!({"name": CLUSTER_HEADER, "string_match": {"exact": cluster}});
            self.route(is_it, json!({"cluster_header": CLUSTER_HEADER}), Some(key))
        });
        let is_chosen = json!({"name": CLUSTER_HEADER, "present_match": true});
        by_key.chain([self.route(is_chosen, json!({"cluster_header": CLUSTER_HEADER}), None)]).collect()
    }

    fn route(&self, header: Value, action: Value, key: Option<&Value>) -> Value {
        json!({"name": "chosen", "match": {"prefix": "/", "headers": [header]}, "route": self.action(action, key)})
    }

    /// The route of requests about which the filters said nothing.
    pub(crate) fn plain(&self, cluster: &str) -> Value {
        let key = self.hashed.iter().find(|(hashed, _)| hashed == cluster).map(|(_, key)| key);
        json!({"name": "plain", "match": {"prefix": "/"}, "route": self.action(json!({"cluster": cluster}), key)})
    }

    fn action(&self, mut action: Value, key: Option<&Value>) -> Value {
        // Istio: no timeout unless a rule says one.
        action["timeout"] = "0s".into();
        action["retry_policy"] = retry_policy(key.is_some());
        if let Some(key) = key {
            action["hash_policy"] = json!([key]);
        }
        if !self.slots.is_empty() {
            action["request_mirror_policies"] = mirror_policies(&self.slots).into();
        }
        action
    }
}

/// The mirror policies of a route with these slots. A copy carries nothing that the filters told Envoy.
pub(crate) fn mirror_policies(slots: &[Slot]) -> Vec<Value> {
    let name = |place: usize| format!("{SLOT}{}", place + 1);
    let told = [CLUSTER_HEADER, SUBSET_HEADER].map(str::to_owned).into_iter();
    let told: Vec<String> = told.chain((0..slots.len()).map(name)).collect();
    let policy = |(place, slot): (usize, &Slot)| {
        let removed = told.iter().chain(&slot.headers.remove).map(|name| json!({"remove": name}));
        let set = slot.set().map(|(name, value)| {
            json!({"append": {
                "header": {"key": name, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }})
        });
        json!({
            "cluster_header": name(place),
            // Istio leaves the Host of a copy as it is (`DISABLE_SHADOW_HOST_SUFFIX`).
            "disable_shadow_host_suffix_append": !slot.authority_suffix,
            "request_headers_mutations": removed.chain(set).collect::<Vec<_>>(),
        })
    };
    slots.iter().enumerate().map(policy).collect()
}

/// Istio's default (`pilot/pkg/networking/core/route/retry`): twice, if no endpoint has worked on the request; another
/// endpoint is preferred unless a key has chosen this one.
pub(crate) fn retry_policy(by_key: bool) -> Value {
    let mut policy = json!({
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled",
        "num_retries": 2,
        "host_selection_retry_max_attempts": 5,
    });
    if !by_key {
        policy["retry_host_predicate"] = json!([{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {
                "@type":
                    "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
            },
        }]);
    }
    policy
}

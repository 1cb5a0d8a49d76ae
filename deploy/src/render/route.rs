//! Routes: the cluster that a filter chose, or the plain service.

use super::trust::{chosen_match, own_headers, slot_header};
use serde_json::{Value, json};
use serin_traffic::shadow::Slot;
use serin_traffic::{CLUSTER_HEADER, Policy, RETRY_HEADER, RetryPolicy};
use std::time::Duration;

/// What every route of a proxy has in common.
pub(crate) struct RouteKit {
    /// The slots from which copies are sent.
    pub(crate) slots: Vec<Slot>,
    /// The policies for retries that rules ask for by name.
    pub(crate) retries: Vec<(String, RetryPolicy)>,
    /// The clusters whose endpoints are chosen by a key, each with that key.
    pub(crate) hashed: Vec<(String, Value)>,
    /// The longest that a fault delays a request, if one does.
    pub(crate) longest_delay: Option<Duration>,
}

/// The policies for retries that `policy` has, by their names.
pub(crate) fn retries_of(policy: &Policy) -> Vec<(String, RetryPolicy)> {
    policy.retry_policies().into_iter().map(|(name, policy)| (name.to_owned(), policy.clone())).collect()
}

/// How much longer than it should, a request may be delayed: Envoy's own bound of streams on which nothing happens.
const PATIENCE: Duration = Duration::from_secs(300);

/// Longer than anybody waits, and as long as Envoy can say.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl RouteKit {
    /// The routes to the cluster that the filters chose.
    ///
    /// A key is the route's in Envoy and the cluster's in Istio, so each cluster with one has a route of its own.
    pub(crate) fn chosen(&self) -> Vec<Value> {
        let by_key = self
            .hashed
            .iter()
            .map(|(cluster, key)| (json!({"name": CLUSTER_HEADER, "string_match": {"exact": cluster}}), Some(key)));
        let is_chosen = json!({"name": CLUSTER_HEADER, "present_match": true});
        by_key.chain([(is_chosen, None)]).flat_map(|(header, key)| self.routes(&header, key)).collect()
    }

    /// The routes of requests with that header: one for each policy for retries, then the one of all others.
    fn routes(&self, header: &Value, key: Option<&Value>) -> Vec<Value> {
        let action = || {
            let mut action = self.action(json!({"cluster_header": CLUSTER_HEADER}), key);
            if self.longest_delay.is_some() {
                action["idle_timeout"] = "0s".into();
            }
            action
        };
        let with_policy = self.retries.iter().map(|(name, policy)| {
            let mut action = action();
            action["retry_policy"] = retry_policy_of(policy, key.is_some());
            chosen(vec![header.clone(), asks_for(name)], action)
        });
        with_policy.chain([chosen(vec![header.clone()], action())]).collect()
    }

    /// How long Envoy waits for a stream on which nothing happens and that has no chosen route: for ever, as in Istio, unless a
    /// fault delays requests. Their VM holds them; should it be lost, nothing else would end them.
    pub(crate) fn stream_idle_timeout(&self) -> String {
        let Some(delay) = self.longest_delay else {
            return "0s".to_owned();
        };
        format!("{}s", delay.saturating_add(PATIENCE).min(LONGEST).as_secs())
    }

    /// The route of requests about which the filters said nothing.
    pub(crate) fn plain(&self, cluster: &str) -> Value {
        let key = self.hashed.iter().find(|(hashed, _)| hashed == cluster).map(|(_, key)| key);
        json!({"name": "plain", "match": {"prefix": "/"}, "route": self.action(json!({"cluster": cluster}), key)})
    }

    /// The route of requests that nobody serves.
    ///
    /// Before the filters ran, a request has no other route where there is no plain one, and Envoy refuses a forbidden upgrade only
    /// to requests that have a route (`ConnectionManagerImpl::ActiveStream::decodeHeaders`).
    pub(crate) fn none() -> Value {
        json!({"name": "none", "match": {"prefix": ""}, "direct_response": {"status": 404}})
    }

    fn action(&self, mut action: Value, key: Option<&Value>) -> Value {
        // Istio, `setTimeout`: no timeout unless a rule says one, or a gRPC client its deadline. The newer way to say the
        // latter, `max_stream_duration`, would bound answers that stream as well.
        action["timeout"] = "0s".into();
        action["max_grpc_timeout"] = "0s".into();
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

/// A route for requests with these headers, for which a filter chose a cluster.
fn chosen(headers: Vec<Value>, action: Value) -> Value {
    json!({"name": "chosen", "match": chosen_match(headers), "route": action})
}

/// Whether a request asks for the policy for retries of that name.
pub(crate) fn asks_for(name: &str) -> Value {
    json!({"name": RETRY_HEADER, "string_match": {"exact": name}})
}

/// The mirror policies of a route with these slots. A copy carries nothing that the filters told Envoy.
pub(crate) fn mirror_policies(slots: &[Slot]) -> Vec<Value> {
    let told = own_headers(slots);
    let policy = |(place, slot): (usize, &Slot)| {
        let removed = told.iter().chain(&slot.headers.remove).map(|name| json!({"remove": name}));
        let set = slot.set().map(|(name, value)| {
            json!({"append": {
                "header": {"key": name, "value": value},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }})
        });
        json!({
            "cluster_header": slot_header(place),
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
        policy["retry_host_predicate"] = previous_hosts();
    }
    policy
}

/// The policy of a route for rules that say what no header says (Istio, `retry.ConvertPolicy`).
pub(crate) fn retry_policy_of(written: &RetryPolicy, by_key: bool) -> Value {
    let milliseconds = |count: u64| format!("{}.{:03}s", count / 1000, count % 1000);
    let mut policy = json!({
        "retry_on": written.retry_on,
        "num_retries": written.attempts,
        "host_selection_retry_max_attempts": 5,
    });
    if !written.status_codes.is_empty() {
        policy["retriable_status_codes"] = json!(written.status_codes);
    }
    if let Some(timeout) = written.per_try_timeout {
        policy["per_try_timeout"] = milliseconds(timeout).into();
    }
    if written.ignore_previous_hosts.unwrap_or(!by_key) {
        policy["retry_host_predicate"] = previous_hosts();
    }
    if written.remote_localities {
        policy["retry_priority"] = json!({
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type": "type.googleapis.com/\
                    envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 2,
            },
        });
    }
    if let Some(backoff) = written.backoff {
        policy["retry_back_off"] = json!({"base_interval": milliseconds(backoff)});
    }
    policy
}

fn previous_hosts() -> Value {
    json!([{
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
    }])
}

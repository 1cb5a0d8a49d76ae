//! Istio's RouteRule as it was before VirtualService: `config.istio.io/v1alpha2`, up to Istio 0.8.
//!
//! The fields and their names are those of Istio's `routing/v1alpha1/route_rule.proto` and `http_fault.proto`, which may be
//! written in camel case or as the protobuf has them. What Serin leaves aside is here as a plain [`Value`].

use super::{CorsPolicy, StringMatch, null_as_absent};
use crate::host_name::full_name;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The spec of a RouteRule: one rule for the requests to one service.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteRule {
    /// The service whose requests the rule is for.
    pub destination: Option<IstioService>,
    /// Of the rules of one service the one with the highest number is asked first; 0 if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub precedence: i32,
    /// Conditions, all of which must hold; without them the rule applies to every request.
    #[serde(rename = "match")]
    pub condition: Option<MatchCondition>,
    /// The versions of the service and their weights; all of its pods if absent.
    pub route: Option<Vec<DestinationWeight>>,
    /// A response that sends the client elsewhere.
    pub redirect: Option<HttpRedirect>,
    /// How path and authority are rewritten.
    pub rewrite: Option<HttpRewrite>,
    /// Whether requests may become WebSocket connections.
    #[serde(default, alias = "websocket_upgrade", deserialize_with = "null_as_absent")]
    pub websocket_upgrade: bool,
    /// How long a response may take.
    #[serde(alias = "http_req_timeout")]
    pub http_req_timeout: Option<HttpTimeout>,
    /// How often a request is tried again.
    #[serde(alias = "http_req_retries")]
    pub http_req_retries: Option<HttpRetry>,
    /// Delays and failures that are put in on purpose.
    #[serde(alias = "http_fault")]
    pub http_fault: Option<HttpFault>,
    /// Faults of connections: Istio refused them.
    #[serde(alias = "l4_fault")]
    pub l4_fault: Option<Value>,
    /// A service that gets a copy of each request.
    pub mirror: Option<IstioService>,
    /// Who may call across origins.
    #[serde(alias = "cors_policy")]
    pub cors_policy: Option<OriginPolicy>,
    /// Headers that requests are given.
    #[serde(default, alias = "append_headers", deserialize_with = "null_as_absent")]
    pub append_headers: BTreeMap<String, String>,
}

impl RouteRule {
    /// The full name of the service whose requests the rule is for, as a manifest in `namespace` names it; `None` if it is
    /// for connections only, or for hosts that are no single service.
    pub fn host(&self, namespace: &str, cluster_domain: &str) -> Option<String> {
        let destination = self.destination.as_ref().filter(|service| service.is_one() && !self.is_for_connections())?;
        Some(destination.host(namespace, cluster_domain))
    }

    /// Whether there are conditions on connections and none on requests.
    pub(crate) fn is_for_connections(&self) -> bool {
        self.condition.as_ref().is_some_and(|condition| condition.tcp.is_some() && condition.request.is_none())
    }

    /// The full names of the services that requests and copies go to, each with the labels of the pods that are meant, as a
    /// manifest in `namespace` names them.
    pub fn destinations(&self, namespace: &str, cluster_domain: &str) -> Vec<(String, &BTreeMap<String, String>)> {
        let entries = self.route.iter().flatten().filter_map(|entry| {
            let service = entry.destination.as_ref().or(self.destination.as_ref())?;
            Some((service.host(namespace, cluster_domain), &entry.labels))
        });
        let mirror = self.mirror.iter().map(|mirror| (mirror.host(namespace, cluster_domain), &mirror.labels));
        entries.chain(mirror).collect()
    }
}

/// A service by its short name, or by its full name (`service`), and perhaps a version of it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IstioService {
    /// The short name.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub name: String,
    /// The namespace; that of the manifest if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub namespace: String,
    /// What follows the namespace in the full name; `svc.` and the cluster's domain if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub domain: String,
    /// The full name.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub service: String,
    /// Labels of the pods that are meant; all pods if there are none.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub labels: BTreeMap<String, String>,
}

impl IstioService {
    /// Whether it is one service: a full name may be addresses, or have a wildcard.
    pub(crate) fn is_one(&self) -> bool {
        !self.service.contains(['/', '*'])
    }

    /// The full name of the service, as a manifest in `namespace` names it (Istio, `ResolveHostname`).
    pub fn host(&self, namespace: &str, cluster_domain: &str) -> String {
        if !self.service.is_empty() {
            return full_name(self.service.strip_suffix('.').unwrap_or(&self.service), namespace, cluster_domain);
        }
        let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        let domain = or(&self.domain, &format!("svc.{cluster_domain}"));
        format!("{}.{}.{domain}", self.name, or(&self.namespace, namespace))
    }
}

/// Which requests a rule applies to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchCondition {
    /// The service that calls.
    pub source: Option<IstioService>,
    /// Conditions on connections: not for an HTTP filter.
    pub tcp: Option<L4Match>,
    /// Conditions on datagrams: Istio refused them.
    pub udp: Option<L4Match>,
    /// Conditions on requests.
    pub request: Option<MatchRequest>,
}

/// Conditions on the addresses of connections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct L4Match {
    /// Where they come from.
    #[serde(default, alias = "source_subnet", deserialize_with = "null_as_absent")]
    pub source_subnet: Vec<String>,
    /// Where they go to.
    #[serde(default, alias = "destination_subnet", deserialize_with = "null_as_absent")]
    pub destination_subnet: Vec<String>,
}

/// Conditions on requests.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchRequest {
    /// By the name of a header in lower case; `uri`, `scheme`, `method` and `authority` stand for those of the request.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub headers: BTreeMap<String, StringMatch>,
}

/// A version of a service and its weight.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestinationWeight {
    /// The service; that of the rule if absent.
    pub destination: Option<IstioService>,
    /// Labels of the pods that are meant; all pods if there are none.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub labels: BTreeMap<String, String>,
    /// The percentage of requests; of a rule's only entry 100 if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub weight: i64,
}

/// A response that sends the client elsewhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRedirect {
    /// The path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
}

/// How path and authority are rewritten.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRewrite {
    /// What stands in for the prefix that matched, or for the whole path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
}

/// How long a response may take.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpTimeout {
    /// A fixed time.
    #[serde(alias = "simple_timeout")]
    pub simple_timeout: Option<SimpleTimeout>,
    /// A policy of another proxy's.
    pub custom: Option<Value>,
}

/// A fixed time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SimpleTimeout {
    /// The time.
    pub timeout: Option<String>,
    /// A header that says another time: Istio did not look at it.
    #[serde(alias = "override_header_name")]
    pub override_header_name: Option<String>,
}

/// How often a request is tried again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpRetry {
    /// A fixed number of times.
    #[serde(alias = "simple_retry")]
    pub simple_retry: Option<SimpleRetry>,
    /// A policy of another proxy's.
    pub custom: Option<Value>,
}

/// A fixed number of times.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SimpleRetry {
    /// How often; 0 for never.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub attempts: i32,
    /// How long one try may take.
    #[serde(alias = "per_try_timeout")]
    pub per_try_timeout: Option<String>,
    /// A header that says another number: Istio did not look at it.
    #[serde(alias = "override_header_name")]
    pub override_header_name: Option<String>,
}

/// Delays and failures that are put in on purpose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpFault {
    /// A wait before the request goes on.
    pub delay: Option<HttpDelay>,
    /// A response in the upstream's stead.
    pub abort: Option<HttpAbort>,
}

/// A wait before the request goes on.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpDelay {
    /// The percentage of requests that wait; 0 if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub percent: f64,
    /// How long they wait.
    #[serde(alias = "fixed_delay")]
    pub fixed_delay: Option<String>,
    /// Istio refused it.
    #[serde(alias = "exponential_delay")]
    pub exponential_delay: Option<Value>,
    /// A header that says another delay: Istio did not look at it.
    #[serde(alias = "override_header_name")]
    pub override_header_name: Option<String>,
}

/// A response in the upstream's stead.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpAbort {
    /// The percentage of requests that are answered; 0 if absent.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub percent: f64,
    /// The status code.
    #[serde(alias = "http_status")]
    pub http_status: Option<i64>,
    /// Istio refused it.
    #[serde(alias = "grpc_status")]
    pub grpc_status: Option<Value>,
    /// Istio did not look at it.
    #[serde(alias = "http2_error")]
    pub http2_error: Option<Value>,
    /// A header that says another status: Istio did not look at it.
    #[serde(alias = "override_header_name")]
    pub override_header_name: Option<String>,
}

/// Who may call across origins.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OriginPolicy {
    /// Origins that may; `*` for all.
    #[serde(default, alias = "allow_origin", deserialize_with = "null_as_absent")]
    pub allow_origin: Vec<String>,
    /// Methods that they may use.
    #[serde(default, alias = "allow_methods", deserialize_with = "null_as_absent")]
    pub allow_methods: Vec<String>,
    /// Headers that they may send.
    #[serde(default, alias = "allow_headers", deserialize_with = "null_as_absent")]
    pub allow_headers: Vec<String>,
    /// Headers of the response that they may read.
    #[serde(default, alias = "expose_headers", deserialize_with = "null_as_absent")]
    pub expose_headers: Vec<String>,
    /// How long a client may remember the response to a preflight.
    #[serde(alias = "max_age")]
    pub max_age: Option<String>,
    /// Whether they may send credentials.
    #[serde(alias = "allow_credentials")]
    pub allow_credentials: Option<bool>,
}

impl From<&OriginPolicy> for CorsPolicy {
    fn from(written: &OriginPolicy) -> Self {
        Self {
            allow_origin: written.allow_origin.clone(),
            allow_methods: written.allow_methods.clone(),
            allow_headers: written.allow_headers.clone(),
            expose_headers: written.expose_headers.clone(),
            max_age: written.max_age.clone(),
            allow_credentials: written.allow_credentials,
            ..Self::default()
        }
    }
}

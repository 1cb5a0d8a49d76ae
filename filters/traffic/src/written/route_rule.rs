//! Istio's RouteRule as it was before VirtualService: `config.istio.io/v1alpha2`, up to Istio 0.8.
//!
//! The fields and their names are those of Istio's `routing/v1alpha1/route_rule.proto` and `http_fault.proto`, which may be
//! written in camel case or as the protobuf has them. What Serin leaves aside is here as a plain [`Value`].

use super::{CorsPolicy, StringMatch};
use crate::names::host::{full_name, without_root};
use crate::record;
use crate::sorted::Sorted;
use serde_json::Value;
use std::collections::BTreeMap;

/// The spec of a RouteRule: one rule for the requests to one service.
#[derive(Clone, Debug, Default)]
pub struct RouteRule {
    /// The service whose requests the rule is for.
    pub destination: Option<IstioService>,
    /// Of the rules of one service the one with the highest number is asked first; 0 if absent.
    pub precedence: i32,
    /// Conditions, all of which must hold; without them the rule applies to every request.
    pub condition: Option<MatchCondition>,
    /// The versions of the service and their weights; all of its pods if absent.
    pub route: Option<Vec<DestinationWeight>>,
    /// A response that sends the client elsewhere.
    pub redirect: Option<HttpRedirect>,
    /// How path and authority are rewritten.
    pub rewrite: Option<HttpRewrite>,
    /// Whether requests may become WebSocket connections.
    pub websocket_upgrade: bool,
    /// How long a response may take.
    pub http_req_timeout: Option<HttpTimeout>,
    /// How often a request is tried again.
    pub http_req_retries: Option<HttpRetry>,
    /// Delays and failures that are put in on purpose.
    pub http_fault: Option<HttpFault>,
    /// Faults of connections: Istio refused them.
    pub l4_fault: Option<Value>,
    /// A service that gets a copy of each request.
    pub mirror: Option<IstioService>,
    /// Who may call across origins.
    pub cors_policy: Option<OriginPolicy>,
    /// Headers that requests are given.
    pub append_headers: BTreeMap<String, String>,
}

record! {
    RouteRule {
        destination, precedence, condition: "match", route, redirect, rewrite, websocket_upgrade,
        http_req_timeout, http_req_retries, http_fault, l4_fault, mirror, cors_policy, append_headers,
    },
    underscores: &["websocket_upgrade", "http_req_timeout", "http_req_retries", "http_fault", "l4_fault", "cors_policy", "append_headers"],
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
#[derive(Clone, Debug, Default)]
pub struct IstioService {
    /// The short name.
    pub name: String,
    /// The namespace; that of the manifest if absent.
    pub namespace: String,
    /// What follows the namespace in the full name; `svc.` and the cluster's domain if absent.
    pub domain: String,
    /// The full name.
    pub service: String,
    /// Labels of the pods that are meant; all pods if there are none.
    pub labels: BTreeMap<String, String>,
}

record! { IstioService { name, namespace, domain, service, labels } }

impl IstioService {
    /// Whether it is one service: a full name may be addresses, or have a wildcard.
    pub(crate) fn is_one(&self) -> bool {
        !self.service.contains(['/', '*'])
    }

    /// The full name of the service, as a manifest in `namespace` names it (Istio, `ResolveHostname`).
    pub fn host(&self, namespace: &str, cluster_domain: &str) -> String {
        if !self.service.is_empty() {
            return full_name(without_root(&self.service), namespace, cluster_domain);
        }
        let or = |text: &str, default: &str| if text.is_empty() { default.to_owned() } else { text.to_owned() };
        let domain = or(&self.domain, &format!("svc.{cluster_domain}"));
        format!("{}.{}.{domain}", self.name, or(&self.namespace, namespace))
    }
}

/// Which requests a rule applies to.
#[derive(Clone, Debug, Default)]
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

record! { MatchCondition { source, tcp, udp, request } }

/// Conditions on the addresses of connections.
#[derive(Clone, Debug, Default)]
pub struct L4Match {
    /// Where they come from.
    pub source_subnet: Vec<String>,
    /// Where they go to.
    pub destination_subnet: Vec<String>,
}

record! { L4Match { source_subnet, destination_subnet }, underscores: &["source_subnet", "destination_subnet"] }

/// Conditions on requests.
#[derive(Clone, Debug, Default)]
pub struct MatchRequest {
    /// By the name of a header in lower case; `uri`, `scheme`, `method` and `authority` stand for those of the request.
    pub headers: Sorted<String, StringMatch>,
}

record! { MatchRequest { headers } }

/// A version of a service and its weight.
#[derive(Clone, Debug, Default)]
pub struct DestinationWeight {
    /// The service; that of the rule if absent.
    pub destination: Option<IstioService>,
    /// Labels of the pods that are meant; all pods if there are none.
    pub labels: BTreeMap<String, String>,
    /// The percentage of requests; of a rule's only entry 100 if absent.
    pub weight: i64,
}

record! { DestinationWeight { destination, labels, weight } }

/// A response that sends the client elsewhere.
#[derive(Clone, Debug, Default)]
pub struct HttpRedirect {
    /// The path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
}

record! { HttpRedirect { uri, authority } }

/// How path and authority are rewritten.
#[derive(Clone, Debug, Default)]
pub struct HttpRewrite {
    /// What stands in for the prefix that matched, or for the whole path.
    pub uri: Option<String>,
    /// The authority.
    pub authority: Option<String>,
}

record! { HttpRewrite { uri, authority } }

/// How long a response may take.
#[derive(Clone, Debug, Default)]
pub struct HttpTimeout {
    /// A fixed time.
    pub simple_timeout: Option<SimpleTimeout>,
    /// A policy of another proxy's.
    pub custom: Option<Value>,
}

record! { HttpTimeout { simple_timeout, custom }, underscores: &["simple_timeout"] }

/// A fixed time.
#[derive(Clone, Debug, Default)]
pub struct SimpleTimeout {
    /// The time.
    pub timeout: Option<String>,
    /// A header that says another time: Istio did not look at it.
    pub override_header_name: Option<String>,
}

record! { SimpleTimeout { timeout, override_header_name }, underscores: &["override_header_name"] }

/// How often a request is tried again.
#[derive(Clone, Debug, Default)]
pub struct HttpRetry {
    /// A fixed number of times.
    pub simple_retry: Option<SimpleRetry>,
    /// A policy of another proxy's.
    pub custom: Option<Value>,
}

record! { HttpRetry { simple_retry, custom }, underscores: &["simple_retry"] }

/// A fixed number of times.
#[derive(Clone, Debug, Default)]
pub struct SimpleRetry {
    /// How often; 0 for never.
    pub attempts: i32,
    /// How long one try may take.
    pub per_try_timeout: Option<String>,
    /// A header that says another number: Istio did not look at it.
    pub override_header_name: Option<String>,
}

record! {
    SimpleRetry {
        attempts, per_try_timeout, override_header_name,
    },
    underscores: &["per_try_timeout", "override_header_name"],
}

/// Delays and failures that are put in on purpose.
#[derive(Clone, Debug, Default)]
pub struct HttpFault {
    /// A wait before the request goes on.
    pub delay: Option<HttpDelay>,
    /// A response in the upstream's stead.
    pub abort: Option<HttpAbort>,
}

record! { HttpFault { delay, abort } }

/// A wait before the request goes on.
#[derive(Clone, Debug, Default)]
pub struct HttpDelay {
    /// The percentage of requests that wait; 0 if absent.
    pub percent: f64,
    /// How long they wait.
    pub fixed_delay: Option<String>,
    /// Istio refused it.
    pub exponential_delay: Option<Value>,
    /// A header that says another delay: Istio did not look at it.
    pub override_header_name: Option<String>,
}

record! {
    HttpDelay {
        percent, fixed_delay, exponential_delay, override_header_name,
    },
    underscores: &["fixed_delay", "exponential_delay", "override_header_name"],
}

/// A response in the upstream's stead.
#[derive(Clone, Debug, Default)]
pub struct HttpAbort {
    /// The percentage of requests that are answered; 0 if absent.
    pub percent: f64,
    /// The status code.
    pub http_status: Option<i64>,
    /// Istio refused it.
    pub grpc_status: Option<Value>,
    /// Istio did not look at it.
    pub http2_error: Option<Value>,
    /// A header that says another status: Istio did not look at it.
    pub override_header_name: Option<String>,
}

record! {
    HttpAbort {
        percent, http_status, grpc_status, http2_error, override_header_name,
    },
    underscores: &["http_status", "grpc_status", "http2_error", "override_header_name"],
}

/// Who may call across origins.
#[derive(Clone, Debug, Default)]
pub struct OriginPolicy {
    /// Origins that may; `*` for all.
    pub allow_origin: Vec<String>,
    /// Methods that they may use.
    pub allow_methods: Vec<String>,
    /// Headers that they may send.
    pub allow_headers: Vec<String>,
    /// Headers of the response that they may read.
    pub expose_headers: Vec<String>,
    /// How long a client may remember the response to a preflight.
    pub max_age: Option<String>,
    /// Whether they may send credentials.
    pub allow_credentials: Option<bool>,
}

record! {
    OriginPolicy {
        allow_origin, allow_methods, allow_headers, expose_headers, max_age, allow_credentials,
    },
    underscores: &["allow_origin", "allow_methods", "allow_headers", "expose_headers", "max_age", "allow_credentials"],
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

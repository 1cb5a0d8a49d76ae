//! What Istio's validation refuses of a DestinationRule (`pkg/config/validation/validation.go`, `ValidateDestinationRule`).
//!
//! The filters read the subsets only. The rest is checked all the same: what Istio refuses must not pass here and fail in
//! the cluster, and a policy that Envoy would refuse must not be rendered.

mod connection_pool;
mod load_balancer;
mod locality;
mod outlier_detection;
mod tls;

use super::names::{mistake_in_fqdn, one_of, validate_dns_label, validate_export_to, validate_labels};
use crate::duration;
use crate::names::host::mistake_in;
use crate::names::port::port_number;
use crate::refusal::{Place, Refusal, Warning};
use crate::share::Share;
use crate::sorted::Sorted;
use crate::written::{
    ClientTls, ConnectionPool, DestinationRule, LoadBalancer, OutlierDetection, ProxyProtocol, RetryBudget, Subset,
    TrafficPolicy, Tunnel, WorkloadSelector,
};
use std::net::IpAddr;

/// Refuses what Istio refuses of `rule`, a DestinationRule of `namespace`.
pub(in crate::compile) fn validate_destination_rule(
    spec: &Place<'_>,
    rule: &DestinationRule,
    namespace: &str,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    if let Some(mistake) = mistake_in(&rule.host) {
        return Err(spec.field("host").refuse(mistake));
    }
    if let Some(policy) = &rule.traffic_policy {
        validate_traffic_policy(&spec.field("trafficPolicy"), policy, warnings)?;
    }
    let mut names = Sorted::default();
    let subsets = spec.field("subsets");
    for (index, subset) in rule.subsets.iter().enumerate() {
        let place = subsets.index(index);
        if names.insert(subset.name.as_str(), ()).is_some() {
            return Err(place.field("name").refuse(format!("{} is defined twice", subset.name)));
        }
        validate_subset(&place, subset, warnings)?;
    }
    validate_export_to(&spec.field("exportTo"), &rule.export_to, namespace)?;
    if let Some(selector) = &rule.workload_selector {
        validate_workload_selector(&spec.field("workloadSelector"), selector, warnings)?;
        if let Some(other) = rule.export_to.iter().find(|name| *name != "." && *name != namespace) {
            let reason =
                format!("{other} is not the rule's own namespace, as it must be where there is a workloadSelector");
            return Err(spec.field("exportTo").refuse(reason));
        }
    }
    Ok(())
}

/// Istio: `validateSubset`.
fn validate_subset(place: &Place<'_>, subset: &Subset, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
    validate_dns_label(&place.field("name"), &subset.name)?;
    validate_labels(&place.field("labels"), &subset.labels)?;
    match &subset.traffic_policy {
        Some(policy) => validate_traffic_policy(&place.field("trafficPolicy"), policy, warnings),
        None => Ok(()),
    }
}

/// Istio: `validateTrafficPolicy`.
fn validate_traffic_policy(
    place: &Place<'_>,
    policy: &TrafficPolicy,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    let TrafficPolicy {
        load_balancer,
        connection_pool,
        outlier_detection,
        port_level_settings,
        tls,
        tunnel,
        proxy_protocol,
        retry_budget,
    } = policy;
    let has_any = load_balancer.is_some()
        || connection_pool.is_some()
        || outlier_detection.is_some()
        || !port_level_settings.is_empty()
        || tls.is_some()
        || tunnel.is_some()
        || proxy_protocol.is_some()
        || retry_budget.is_some();
    if !has_any {
        return Err(place.refuse("must have at least one field"));
    }
    if tunnel.is_some() && proxy_protocol.is_some() {
        return Err(place.field("proxyProtocol").refuse("cannot stand beside tunnel"));
    }
    let parts = Parts { load_balancer, connection_pool, outlier_detection, tls };
    parts.validate(place, warnings)?;
    let ports = place.field("portLevelSettings");
    for (index, level) in port_level_settings.iter().enumerate() {
        let place = ports.index(index);
        if level.port.is_none() {
            return Err(place.field("port").refuse("must not be empty"));
        }
        let parts = Parts {
            load_balancer: &level.load_balancer,
            connection_pool: &level.connection_pool,
            outlier_detection: &level.outlier_detection,
            tls: &level.tls,
        };
        if parts.are_empty() {
            return Err(place.refuse("must have at least one field beside port"));
        }
        parts.validate(&place, warnings)?;
    }
    if let Some(tunnel) = tunnel {
        validate_tunnel(&place.field("tunnel"), tunnel)?;
    }
    if let Some(ProxyProtocol { version: Some(version) }) = proxy_protocol {
        one_of(&place.field("proxyProtocol").field("version"), version, &["V1", "V2"])?;
    }
    match retry_budget {
        Some(budget) => validate_retry_budget(&place.field("retryBudget"), budget),
        None => Ok(()),
    }
}

/// The schema of the CRD.
fn validate_retry_budget(place: &Place<'_>, budget: &RetryBudget) -> Result<(), Refusal> {
    if let Some(percent) = budget.percent {
        Share::compile(&place.field("percent"), percent)?;
    }
    durations(place, &[("budgetInterval", &budget.budget_interval)])
}

/// What a traffic policy and one for a single port have in common.
struct Parts<'a> {
    load_balancer: &'a Option<LoadBalancer>,
    connection_pool: &'a Option<ConnectionPool>,
    outlier_detection: &'a Option<OutlierDetection>,
    tls: &'a Option<ClientTls>,
}

impl Parts<'_> {
    fn are_empty(&self) -> bool {
        self.load_balancer.is_none()
            && self.connection_pool.is_none()
            && self.outlier_detection.is_none()
            && self.tls.is_none()
    }

    fn validate(&self, place: &Place<'_>, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
        if let Some(outliers) = self.outlier_detection {
            outlier_detection::validate(&place.field("outlierDetection"), outliers)?;
        }
        if let Some(pool) = self.connection_pool {
            connection_pool::validate(&place.field("connectionPool"), pool)?;
        }
        if let Some(balancer) = self.load_balancer {
            let can_fail_over = self.outlier_detection.is_some();
            load_balancer::validate(&place.field("loadBalancer"), balancer, can_fail_over, warnings)?;
        }
        match self.tls {
            Some(tls) => tls::validate(&place.field("tls"), tls),
            None => Ok(()),
        }
    }
}

/// Istio: `validateTunnelSettings`.
fn validate_tunnel(place: &Place<'_>, tunnel: &Tunnel) -> Result<(), Refusal> {
    if let Some(protocol) = tunnel.protocol.as_deref().filter(|protocol| !protocol.is_empty()) {
        one_of(&place.field("protocol"), protocol, &["CONNECT", "POST"])?;
    }
    let host = &tunnel.target_host;
    if let Some(mistake) = mistake_in_fqdn(host).filter(|_| host.parse::<IpAddr>().is_err()) {
        return Err(place.field("targetHost").refuse(mistake));
    }
    port_number(&place.field("targetPort"), tunnel.target_port).map(|_| ())
}

/// Istio: `validateWorkloadSelector`.
fn validate_workload_selector(
    place: &Place<'_>,
    selector: &WorkloadSelector,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    let place = place.field("matchLabels");
    for (key, value) in &selector.match_labels {
        if key.is_empty() {
            return Err(place.refuse("a label must have a name"));
        }
        if key.contains('*') || value.contains('*') {
            return Err(place.field(key).refuse("must have no wildcard"));
        }
    }
    if selector.match_labels.is_empty() {
        warnings.push(place.warn("selects every workload: it has no labels"));
    }
    Ok(())
}

/// A number of Istio's that is an `int32` and must not be negative.
fn not_negative(place: &Place<'_>, numbers: &[(&str, Option<i32>)]) -> Result<(), Refusal> {
    match numbers.iter().find_map(|(field, number)| Some((field, number.filter(|number| *number < 0)?))) {
        Some((field, number)) => Err(place.field(field).refuse(format!("{number} is negative"))),
        None => Ok(()),
    }
}

fn durations(place: &Place<'_>, written: &[(&str, &Option<String>)]) -> Result<(), Refusal> {
    for (field, text) in written {
        if let Some(text) = text {
            duration::milliseconds(&place.field(field), text)?;
        }
    }
    Ok(())
}

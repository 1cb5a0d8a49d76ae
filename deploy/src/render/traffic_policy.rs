//! A DestinationRule's traffic policy, as Istio's pilot translates it (`cluster_traffic_policy.go`) into a cluster.
//!
//! What is not translated is told by its path: it is left to Istio.

use super::duration::{duration, mistaken};
use super::http_options::{http_options, speak_http2};
use super::left::leave_any;
use super::load_balancer::load_balancer;
use super::upstream_tls::{Peer, upstream_tls};
use crate::manifests::{Mistake, Origin};
use serde_json::{Value, json};
use serin_traffic::Refusal;
use serin_traffic::written::{
    ClientTls, ConnectionPool, LoadBalancer, OutlierDetection, RetryBudget, TcpPool, TrafficPolicy,
};

/// A part of a traffic policy, and where it is written.
struct Part<'a, T> {
    origin: &'a Origin,
    path: String,
    part: &'a T,
}

impl<T> Part<'_, T> {
    fn mistake(&self, refusal: Refusal) -> Mistake {
        self.origin.mistake(refusal)
    }
}

type At<'a, T> = Option<Part<'a, T>>;

/// The parts of the traffic policies that apply to one cluster.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    load_balancer: At<'a, LoadBalancer>,
    connection_pool: At<'a, ConnectionPool>,
    outlier_detection: At<'a, OutlierDetection>,
    tls: At<'a, ClientTls>,
    retry_budget: At<'a, RetryBudget>,
    /// What only Istio does.
    left: Vec<Mistake>,
    has_any: bool,
}

impl<'a> Settings<'a> {
    /// Whether any policy was laid over.
    pub(crate) fn has_any(&self) -> bool {
        self.has_any
    }

    /// Lays `policy` over what there is: a part that it has replaces the part below.
    ///
    /// Settings for `port` replace everything; what they leave out is as if nobody had said it
    /// (Istio: `MergeSubsetTrafficPolicy`).
    pub(crate) fn overlay(&mut self, origin: &'a Origin, path: &str, policy: &'a TrafficPolicy, port: u16) {
        self.has_any = true;
        let unread = [("tunnel", policy.tunnel.is_some()), ("proxyProtocol", policy.proxy_protocol.is_some())];
        self.left.extend(leave_any(path, unread).map(|refusal| origin.mistake(refusal)));
        self.retry_budget = at(origin, path, "retryBudget", &policy.retry_budget).or(self.retry_budget.take());
        let port_level = policy.port_level_settings.iter().enumerate();
        let mut port_level =
            port_level.filter(|(_, level)| level.port.as_ref().and_then(|it| it.number) == Some(u32::from(port)));
        if let Some((index, level)) = port_level.next() {
            let path = format!("{path}.portLevelSettings[{index}]");
            self.load_balancer = at(origin, &path, "loadBalancer", &level.load_balancer);
            self.connection_pool = at(origin, &path, "connectionPool", &level.connection_pool);
            self.outlier_detection = at(origin, &path, "outlierDetection", &level.outlier_detection);
            self.tls = at(origin, &path, "tls", &level.tls);
            return;
        }
        self.load_balancer = at(origin, path, "loadBalancer", &policy.load_balancer).or(self.load_balancer.take());
        self.connection_pool =
            at(origin, path, "connectionPool", &policy.connection_pool).or(self.connection_pool.take());
        self.outlier_detection =
            at(origin, path, "outlierDetection", &policy.outlier_detection).or(self.outlier_detection.take());
        self.tls = at(origin, path, "tls", &policy.tls).or(self.tls.take());
    }

    /// Writes the settings into `cluster`; the key by which an endpoint is chosen, if there is one, is for the routes. What
    /// is left to Istio comes back as warnings.
    pub(crate) fn apply(self, cluster: &mut Value, peer: &Peer<'_>) -> Result<(Option<Value>, Vec<Mistake>), Mistake> {
        let mut warnings = self.left;
        connection_pool(cluster, self.connection_pool.as_ref(), &mut warnings)?;
        if let Some(budget) = &self.retry_budget {
            retry_budget(cluster, &budget.path, budget.part).map_err(|refusal| budget.mistake(refusal))?;
        }
        if let Some(outliers) = &self.outlier_detection {
            outlier_detection(cluster, outliers, &mut warnings).map_err(|refusal| outliers.mistake(refusal))?;
        }
        if let Some(Part { origin, path, part }) = &self.tls {
            upstream_tls(cluster, origin, path, part, peer, &mut warnings)?;
        }
        let key = match &self.load_balancer {
            Some(Part { origin, path, part }) => {
                let mut left = Vec::new();
                let key = load_balancer(cluster, path, part, &mut left);
                warnings.extend(left.into_iter().map(|refusal| origin.mistake(refusal)));
                key.map_err(|refusal| origin.mistake(refusal))?
            }
            None => None,
        };
        Ok((key, warnings))
    }
}

fn at<'a, T>(origin: &'a Origin, path: &str, field: &str, part: &'a Option<T>) -> At<'a, T> {
    part.as_ref().map(|part| Part { origin, path: format!("{path}.{field}"), part })
}

/// Istio: `applyConnectionPool`; zero is as good as nothing there.
fn connection_pool(
    cluster: &mut Value,
    pool: Option<&Part<'_, ConnectionPool>>,
    warnings: &mut Vec<Mistake>,
) -> Result<(), Mistake> {
    let mut left = Vec::new();
    let written = pool.map(|pool| (pool.path.as_str(), pool.part));
    bounds(cluster, written, &mut left).map_err(|refusal| match pool {
        Some(pool) => pool.mistake(refusal),
        None => Mistake::everywhere(refusal.to_string()),
    })?;
    warnings
        .extend(pool.iter().flat_map(|pool| left.drain(..).map(|refusal| pool.mistake(refusal)).collect::<Vec<_>>()));
    Ok(())
}

fn bounds(cluster: &mut Value, pool: Option<(&str, &ConnectionPool)>, left: &mut Vec<Refusal>) -> Result<(), Refusal> {
    let none = u32::MAX;
    let mut threshold = json!({
        "max_connections": none,
        "max_pending_requests": none,
        "max_requests": none,
        "max_retries": none,
        "track_remaining": true,
    });
    let mut common = json!({});
    if let Some((path, pool)) = pool {
        if let Some(http) = &pool.http {
            let path = format!("{path}.http");
            left.extend(leave_any(
                &path,
                [
                    ("useClientProtocol", http.use_client_protocol == Some(true)),
                    ("maxConcurrentStreams", http.max_concurrent_streams.is_some()),
                    ("http2KeepAlive", http.http2_keep_alive.is_some()),
                ],
            ));
            set(&mut threshold, "max_requests", http.http2_max_requests);
            set(&mut threshold, "max_pending_requests", http.http1_max_pending_requests);
            set(&mut threshold, "max_retries", http.max_retries);
            set(&mut common, "max_requests_per_connection", http.max_requests_per_connection);
            if let Some(idle) = &http.idle_timeout {
                common["idle_timeout"] = duration(&path, "idleTimeout", idle)?.into();
            }
            match http.h2_upgrade_policy.as_deref() {
                None | Some("DEFAULT" | "DO_NOT_UPGRADE") => {}
                Some("UPGRADE") => speak_http2(cluster),
                Some(other) => {
                    let reason = format!("{other} is not one of DEFAULT, DO_NOT_UPGRADE, UPGRADE");
                    return Err(Refusal::new(format!("{path}.h2UpgradePolicy"), reason));
                }
            }
        }
        if let Some(tcp) = &pool.tcp {
            tcp_pool(cluster, &mut threshold, &mut common, &format!("{path}.tcp"), tcp)?;
        }
    }
    cluster["circuit_breakers"] = json!({"thresholds": [threshold]});
    if common != json!({}) {
        http_options(cluster)["common_http_protocol_options"] = common;
    }
    Ok(())
}

fn tcp_pool(
    cluster: &mut Value,
    threshold: &mut Value,
    common: &mut Value,
    path: &str,
    tcp: &TcpPool,
) -> Result<(), Refusal> {
    set(threshold, "max_connections", tcp.max_connections);
    if let Some(timeout) = &tcp.connect_timeout {
        cluster["connect_timeout"] = duration(path, "connectTimeout", timeout)?.into();
    }
    if let Some(longest) = &tcp.max_connection_duration {
        common["max_connection_duration"] = duration(path, "maxConnectionDuration", longest)?.into();
    }
    if let (Some(idle), None) = (&tcp.idle_timeout, common.get("idle_timeout")) {
        common["idle_timeout"] = duration(path, "idleTimeout", idle)?.into();
    }
    if let Some(keepalive) = &tcp.tcp_keepalive {
        let path = format!("{path}.tcpKeepalive");
        let mut probes = json!({});
        if let Some(number) = keepalive.probes {
            probes["keepalive_probes"] = number.into();
        }
        let times =
            [("time", "keepalive_time", &keepalive.time), ("interval", "keepalive_interval", &keepalive.interval)];
        for (field, name, text) in times {
            if let Some(text) = text {
                // Envoy's are whole seconds, as the kernel's are.
                let time = serin_traffic::duration::parse(text).ok_or_else(|| mistaken(&path, field, text))?;
                probes[name] = time.as_secs().into();
            }
        }
        cluster["upstream_connection_options"] = json!({"tcp_keepalive": probes});
    }
    Ok(())
}

fn set(into: &mut Value, field: &str, number: Option<i32>) {
    if let Some(number) = number.filter(|number| *number > 0) {
        into[field] = number.into();
    }
}

/// Istio: `applyRetryBudget`.
fn retry_budget(cluster: &mut Value, path: &str, budget: &RetryBudget) -> Result<(), Refusal> {
    let least = budget.min_retry_concurrency.filter(|least| *least > 0).unwrap_or(3);
    let mut rendered = json!({
        "budget_percent": {"value": budget.percent.unwrap_or(20.0)},
        "min_retry_concurrency": least,
    });
    if let Some(interval) = &budget.budget_interval {
        rendered["budget_interval"] = duration(path, "budgetInterval", interval)?.into();
    }
    cluster["circuit_breakers"]["thresholds"][0]["retry_budget"] = rendered;
    Ok(())
}

/// Istio: `applyOutlierDetection`.
fn outlier_detection(
    cluster: &mut Value,
    outliers: &Part<'_, OutlierDetection>,
    warnings: &mut Vec<Mistake>,
) -> Result<(), Refusal> {
    let Part { origin, path, part: outliers } = outliers;
    let unread = [
        // Istio has read nothing of it since 1.5.
        ("consecutiveErrors", outliers.consecutive_errors.is_some()),
        ("outlierDetectionHttpErrorCodes", !outliers.outlier_detection_http_error_codes.is_empty()),
    ];
    warnings.extend(leave_any(path, unread).map(|refusal| origin.mistake(refusal)));
    let mut detection = json!({"enforcing_success_rate": 0});
    let enforced = |number: u32| if number > 0 { 100 } else { 0 };
    if let Some(number) = outliers.consecutive5xx_errors {
        detection["consecutive_5xx"] = number.into();
        detection["enforcing_consecutive_5xx"] = enforced(number).into();
    }
    if let Some(number) = outliers.consecutive_gateway_errors {
        detection["consecutive_gateway_failure"] = number.into();
        detection["enforcing_consecutive_gateway_failure"] = enforced(number).into();
    }
    if let Some(interval) = &outliers.interval {
        detection["interval"] = duration(path, "interval", interval)?.into();
    }
    if let Some(time) = &outliers.base_ejection_time {
        detection["base_ejection_time"] = duration(path, "baseEjectionTime", time)?.into();
    }
    set(&mut detection, "max_ejection_percent", outliers.max_ejection_percent);
    if outliers.split_external_local_origin_errors == Some(true) {
        detection["split_external_local_origin_errors"] = true.into();
        if let Some(number) = outliers.consecutive_local_origin_failures.filter(|number| *number > 0) {
            detection["consecutive_local_origin_failure"] = number.into();
            detection["enforcing_consecutive_local_origin_failure"] = 100.into();
        }
        detection["enforcing_local_origin_success_rate"] = 0.into();
    }
    cluster["outlier_detection"] = detection;
    // Istio: with few pods a service, panic does more harm than good.
    cluster["common_lb_config"] =
        json!({"healthy_panic_threshold": {"value": outliers.min_health_percent.unwrap_or(0)}});
    Ok(())
}

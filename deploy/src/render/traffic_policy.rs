//! A DestinationRule's traffic policy, as Istio's pilot translates it (`cluster_traffic_policy.go`) into a cluster.
//!
//! What is not translated is refused by its path.

use super::duration::in_seconds;
use super::load_balancer::load_balancer;
use serde_json::{Value, json};
use serin_traffic::Refusal;
use serin_traffic::written::{ConnectionPool, LoadBalancer, OutlierDetection, TcpPool, TrafficPolicy};

/// A part of a traffic policy, and its path.
type At<'a, T> = Option<(String, &'a T)>;

/// The parts of the traffic policies that apply to one cluster.
#[derive(Default)]
pub(crate) struct Settings<'a> {
    load_balancer: At<'a, LoadBalancer>,
    connection_pool: At<'a, ConnectionPool>,
    outlier_detection: At<'a, OutlierDetection>,
    refused: Vec<(String, &'a Value)>,
}

impl<'a> Settings<'a> {
    /// Lays `policy` over what there is: a part that it has replaces the part below.
    ///
    /// Settings for `port` replace everything; what they leave out is as if nobody had said it
    /// (Istio: `MergeSubsetTrafficPolicy`).
    pub(crate) fn overlay(&mut self, path: &str, policy: &'a TrafficPolicy, port: u16) {
        let port_level = policy.port_level_settings.iter().enumerate();
        let mut port_level = port_level.filter(|(_, level)| level.port.number == Some(u32::from(port)));
        let always = [
            ("tunnel", &policy.tunnel),
            ("proxyProtocol", &policy.proxy_protocol),
            ("retryBudget", &policy.retry_budget),
        ];
        self.refuse(path, always);
        if let Some((index, level)) = port_level.next() {
            let path = format!("{path}.portLevelSettings[{index}]");
            self.load_balancer = at(&path, "loadBalancer", &level.load_balancer);
            self.connection_pool = at(&path, "connectionPool", &level.connection_pool);
            self.outlier_detection = at(&path, "outlierDetection", &level.outlier_detection);
            self.refuse(&path, [("tls", &level.tls)]);
            return;
        }
        self.load_balancer = at(path, "loadBalancer", &policy.load_balancer).or(self.load_balancer.take());
        self.connection_pool = at(path, "connectionPool", &policy.connection_pool).or(self.connection_pool.take());
        self.outlier_detection =
            at(path, "outlierDetection", &policy.outlier_detection).or(self.outlier_detection.take());
        self.refuse(path, [("tls", &policy.tls)]);
    }

    fn refuse<const N: usize>(&mut self, path: &str, fields: [(&str, &'a Option<Value>); N]) {
        let there = fields.into_iter().filter_map(|(field, value)| Some((format!("{path}.{field}"), value.as_ref()?)));
        self.refused.extend(there.filter(|(path, value)| !(path.ends_with(".tls") && value["mode"] == "DISABLE")));
    }

    /// Writes the settings into `cluster`; the key by which an endpoint is chosen, if there is one, is for the routes.
    pub(crate) fn apply(&self, cluster: &mut Value) -> Result<Option<Value>, Refusal> {
        if let Some((path, _)) = self.refused.first() {
            return Err(Refusal::new(path, NOT_RENDERED));
        }
        connection_pool(cluster, self.connection_pool.as_ref())?;
        if let Some((path, outliers)) = &self.outlier_detection {
            outlier_detection(cluster, path, outliers)?;
        }
        match &self.load_balancer {
            Some((path, balancer)) => load_balancer(cluster, path, balancer),
            None => Ok(None),
        }
    }
}

const NOT_RENDERED: &str = "is not rendered for an Envoy without Istio";

fn at<'a, T>(path: &str, field: &str, part: &'a Option<T>) -> At<'a, T> {
    part.as_ref().map(|part| (format!("{path}.{field}"), part))
}

pub(crate) fn refuse_any<const N: usize>(path: &str, fields: [(&str, bool); N]) -> Result<(), Refusal> {
    match fields.into_iter().find(|(_, is_there)| *is_there) {
        Some((field, _)) => Err(Refusal::new(format!("{path}.{field}"), NOT_RENDERED)),
        None => Ok(()),
    }
}

pub(crate) fn duration(path: &str, field: &str, text: &str) -> Result<String, Refusal> {
    in_seconds(text).ok_or_else(|| Refusal::new(format!("{path}.{field}"), serin_traffic::duration::mistake_in(text)))
}

/// Istio: `applyConnectionPool`; zero is as good as nothing there.
fn connection_pool(cluster: &mut Value, pool: Option<&(String, &ConnectionPool)>) -> Result<(), Refusal> {
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
            refuse_any(
                &path,
                [
                    ("useClientProtocol", http.use_client_protocol == Some(true)),
                    ("maxConcurrentStreams", http.max_concurrent_streams.is_some()),
                    ("http2KeepAlive", http.http2_keep_alive.is_some()),
                ],
            )?;
            set(&mut threshold, "max_requests", http.http2_max_requests);
            set(&mut threshold, "max_pending_requests", http.http1_max_pending_requests);
            set(&mut threshold, "max_retries", http.max_retries);
            set(&mut common, "max_requests_per_connection", http.max_requests_per_connection);
            if let Some(idle) = &http.idle_timeout {
                common["idle_timeout"] = duration(&path, "idleTimeout", idle)?.into();
            }
            match http.h2_upgrade_policy.as_deref() {
                None | Some("DEFAULT" | "DO_NOT_UPGRADE") => {}
                Some("UPGRADE") => super::cluster::speak_http2(cluster),
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
        super::cluster::http_options(cluster)["common_http_protocol_options"] = common;
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
        for (field, value) in keepalive.as_object().into_iter().flatten() {
            let seconds =
                value.as_str().and_then(in_seconds).and_then(|it| it.trim_end_matches('s').parse::<u32>().ok());
            let (name, number) = match field.as_str() {
                "probes" => ("keepalive_probes", value.as_u64().and_then(|it| u32::try_from(it).ok())),
                "time" => ("keepalive_time", seconds),
                "interval" => ("keepalive_interval", seconds),
                _ => return Err(Refusal::new(format!("{path}.{field}"), "is not one of probes, time, interval")),
            };
            let wrong = || {
                Refusal::new(
                    format!("{path}.{field}"),
                    format!("{value} is neither a number of probes nor whole seconds"),
                )
            };
            probes[name] = number.ok_or_else(wrong)?.into();
        }
        cluster["upstream_connection_options"] = json!({"tcp_keepalive": probes});
    }
    Ok(())
}

fn set(into: &mut Value, field: &str, number: Option<u32>) {
    if let Some(number) = number.filter(|number| *number > 0) {
        into[field] = number.into();
    }
}

/// Istio: `applyOutlierDetection`.
fn outlier_detection(cluster: &mut Value, path: &str, outliers: &OutlierDetection) -> Result<(), Refusal> {
    refuse_any(
        path,
        [
            ("consecutiveErrors", outliers.consecutive_errors.is_some()),
            ("outlierDetectionHttpErrorCodes", outliers.outlier_detection_http_error_codes.is_some()),
        ],
    )?;
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

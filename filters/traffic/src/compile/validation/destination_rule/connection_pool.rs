//! What Istio refuses of a connection pool.

use super::{durations, not_negative};
use crate::compile::validation::names::one_of;
use crate::duration;
use crate::refusal::{Place, Refusal};
use crate::written::{ConnectionPool, HttpPool, TcpPool};

/// Istio: `validateConnectionPool`.
pub(super) fn validate(place: &Place<'_>, pool: &ConnectionPool) -> Result<(), Refusal> {
    if pool.http.is_none() && pool.tcp.is_none() {
        return Err(place.refuse("must have tcp or http"));
    }
    if let Some(http) = &pool.http {
        validate_http(&place.field("http"), http)?;
    }
    match &pool.tcp {
        Some(tcp) => validate_tcp(&place.field("tcp"), tcp),
        None => Ok(()),
    }
}

fn validate_http(place: &Place<'_>, http: &HttpPool) -> Result<(), Refusal> {
    not_negative(
        place,
        &[
            ("http1MaxPendingRequests", http.http1_max_pending_requests),
            ("http2MaxRequests", http.http2_max_requests),
            ("maxRequestsPerConnection", http.max_requests_per_connection),
            ("maxRetries", http.max_retries),
            ("maxConcurrentStreams", http.max_concurrent_streams),
        ],
    )?;
    durations(place, &[("idleTimeout", &http.idle_timeout)])?;
    let upgrade = http.h2_upgrade_policy.as_deref();
    if let Some(policy) = upgrade {
        one_of(&place.field("h2UpgradePolicy"), policy, &["DEFAULT", "DO_NOT_UPGRADE", "UPGRADE"])?;
    }
    if upgrade == Some("UPGRADE") && http.use_client_protocol == Some(true) {
        return Err(place.field("useClientProtocol").refuse("must not be true where h2UpgradePolicy is UPGRADE"));
    }
    let Some(keep_alive) = &http.http2_keep_alive else { return Ok(()) };
    let place = place.field("http2KeepAlive");
    for (field, text) in [("interval", &keep_alive.interval), ("timeout", &keep_alive.timeout)] {
        let place = place.field(field);
        duration::milliseconds(&place, text.as_deref().ok_or_else(|| place.refuse("must not be empty"))?)?;
    }
    Ok(())
}

fn validate_tcp(place: &Place<'_>, tcp: &TcpPool) -> Result<(), Refusal> {
    not_negative(place, &[("maxConnections", tcp.max_connections)])?;
    durations(
        place,
        &[("connectTimeout", &tcp.connect_timeout), ("maxConnectionDuration", &tcp.max_connection_duration)],
    )?;
    if let Some(text) = &tcp.idle_timeout {
        // Zero switches the timeout off.
        let is_off = crate::duration::parse(text).is_some_and(|timeout| timeout.as_millis() == 0);
        if !is_off {
            duration::milliseconds(&place.field("idleTimeout"), text)?;
        }
    }
    match &tcp.tcp_keepalive {
        Some(probes) => {
            durations(&place.field("tcpKeepalive"), &[("time", &probes.time), ("interval", &probes.interval)])
        }
        None => Ok(()),
    }
}

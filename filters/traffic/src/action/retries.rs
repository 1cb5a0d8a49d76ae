//! Timeout and retries: what a rule says of them, as the request headers that Envoy's router takes
//! (Envoy, `config-http-filters-router`).

use super::duration;
use crate::changes::Change;
use crate::refusal::{Place, Refusal};
use crate::written::HttpRoute;

/// When Istio tries again where a rule does not say (`retry.DefaultPolicy`).
const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled";

/// Envoy's conditions that go by the status of gRPC (`x-envoy-retry-grpc-on`).
const GRPC_CONDITIONS: [&str; 5] = ["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"];

/// Envoy's other conditions (`x-envoy-retry-on`).
const CONDITIONS: [&str; 13] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "envoy-ratelimited",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "http3-post-connect-failure",
    "retry-with-empty-body",
    "none",
];

/// The headers that say the timeout and the retries of the rule at `place`.
pub(crate) fn retry_headers(place: &Place<'_>, written: &HttpRoute) -> Result<Vec<Change>, Refusal> {
    let mut headers = Vec::new();
    let mut milliseconds = |name: &str, place: &Place<'_>, text: &str| {
        // Istio takes a timeout of nought for none.
        let count = if crate::duration::parse(text).is_some_and(|d| d.is_zero()) {
            0
        } else {
            duration(place, text)?.as_millis()
        };
        headers.push(Change::set(name, count.to_string()));
        Ok::<(), Refusal>(())
    };
    if let Some(timeout) = &written.timeout {
        milliseconds("x-envoy-upstream-rq-timeout-ms", &place.field("timeout"), timeout)?;
    }
    let Some(retries) = &written.retries else {
        return Ok(headers);
    };
    let place = place.field("retries");
    if let Some(timeout) = &retries.per_try_timeout {
        milliseconds("x-envoy-upstream-rq-per-try-timeout-ms", &place.field("perTryTimeout"), timeout)?;
    }
    if retries.attempts < 0 || retries.attempts > i64::from(i32::MAX) {
        let reason = if retries.attempts < 0 { "is negative" } else { "is too many" };
        return Err(place.field("attempts").refuse(format!("{} {reason}", retries.attempts)));
    }
    if retries.attempts == 0 && (retries.per_try_timeout.is_some() || retries.retry_on.is_some()) {
        return Err(place.refuse("says how to try again, but attempts is 0"));
    }
    for (field, differs) in [
        ("backoff", retries.backoff.is_some()),
        ("retryRemoteLocalities", retries.retry_remote_localities == Some(true)),
        ("retryIgnorePreviousHosts", retries.retry_ignore_previous_hosts == Some(false)),
    ] {
        if differs {
            return Err(place.field(field).refuse("is not implemented: Envoy takes no header for it"));
        }
    }
    headers.push(Change::set("x-envoy-max-retries", retries.attempts.to_string()));
    if retries.attempts > 0 {
        let retry_on = retries.retry_on.as_deref().filter(|text| !text.is_empty()).unwrap_or(DEFAULT_RETRY_ON);
        headers.extend(conditions(&place.field("retryOn"), retry_on)?);
    }
    Ok(headers)
}

/// The conditions, sorted into the headers that take them; status codes have one of their own
/// (Istio, `retry.parseRetryOn`).
fn conditions(place: &Place<'_>, text: &str) -> Result<Vec<Change>, Refusal> {
    let (mut http, mut grpc, mut codes) = (Vec::new(), Vec::new(), Vec::new());
    for condition in text.split(',').map(str::trim).filter(|condition| !condition.is_empty()) {
        match condition.parse::<u16>() {
            Ok(code) if (100..600).contains(&code) => codes.push(condition),
            Err(_) if GRPC_CONDITIONS.contains(&condition) => grpc.push(condition),
            Err(_) if CONDITIONS.contains(&condition) => http.push(condition),
            _ => {
                return Err(
                    place.refuse(format!("`{condition}` is neither one of Envoy's conditions nor a status code"))
                );
            }
        }
    }
    if !codes.is_empty() && !http.contains(&"retriable-status-codes") {
        http.push("retriable-status-codes");
    }
    let lists =
        [("x-envoy-retry-on", http), ("x-envoy-retry-grpc-on", grpc), ("x-envoy-retriable-status-codes", codes)];
    let filled = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Ok(filled.map(|(name, list)| Change::set(name, list.join(","))).collect())
}

//! What a rule does with a request besides routing it.

use super::names::may_be_header_names;
use crate::duration;
use crate::refusal::{Place, Refusal};
use crate::written::{CorsPolicy, Fault, HttpRoute, Percent, Retries, Rewrite, StringMatch};

/// The methods that a CORS policy can name (Istio, `supportedCORSMethods`).
const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

/// The smallest percentage of a fault that is not 0: a part in a million.
const LEAST_PERCENTAGE: f64 = 0.0001;

/// Istio: `validateCORSPolicy`.
pub(super) fn validate_cors(place: &Place<'_>, written: Option<&CorsPolicy>) -> Result<(), Refusal> {
    let Some(written) = written else { return Ok(()) };
    for (index, origin) in written.allow_origins.iter().enumerate() {
        validate_allow_origin(&place.field("allowOrigins").index(index), origin)?;
    }
    for (index, method) in written.allow_methods.iter().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            let reason = format!("{method} is not one of {}", METHODS.join(", "));
            return Err(place.field("allowMethods").index(index).refuse(reason));
        }
    }
    for (field, names) in [("allowHeaders", &written.allow_headers), ("exposeHeaders", &written.expose_headers)] {
        // Istio: `ValidateCORSHTTPHeaderName`; `*` is a token.
        if let Some((index, name)) = names.iter().enumerate().find(|(_, name)| !may_be_header_names(name)) {
            return Err(place.field(field).index(index).refuse(format!("`{name}` is not the name of a header")));
        }
    }
    if let Some(age) = &written.max_age {
        let place = place.field("maxAge");
        if duration::milliseconds(&place, age)?.subsec_nanos() != 0 {
            return Err(place.refuse(format!("{age} is not a number of whole seconds")));
        }
    }
    Ok(())
}

/// Istio: `validateAllowOrigins`.
fn validate_allow_origin(place: &Place<'_>, origin: &StringMatch) -> Result<(), Refusal> {
    let ways = [("exact", &origin.exact), ("prefix", &origin.prefix), ("regex", &origin.regex)];
    match ways.into_iter().find_map(|(field, text)| Some((field, text.as_deref()?))) {
        Some((field, "")) => Err(place.field(field).refuse("must not be empty")),
        Some(_) => Ok(()),
        None => Err(place.refuse("must have exact, prefix or regex")),
    }
}

/// Istio: `validateHTTPFaultInjection`; its parts are looked at where they are compiled.
pub(super) fn validate_fault(place: &Place<'_>, written: Option<&Fault>) -> Result<(), Refusal> {
    let Some(written) = written else { return Ok(()) };
    if written.delay.is_none() && written.abort.is_none() {
        return Err(place.refuse("must have delay or abort"));
    }
    let delay = written.delay.as_ref().and_then(|delay| delay.percentage);
    let abort = written.abort.as_ref().and_then(|abort| abort.percentage);
    for (field, percentage) in [("delay", delay), ("abort", abort)] {
        validate_percentage(&place.field(field).field("percentage"), percentage)?;
    }
    Ok(())
}

/// Istio: `validatePercentage`. What is not from 0 to 100 is refused where it is compiled.
fn validate_percentage(place: &Place<'_>, percentage: Option<Percent>) -> Result<(), Refusal> {
    match percentage {
        Some(Percent { value }) if value > 0.0 && value < LEAST_PERCENTAGE => {
            Err(place.field("value").refuse(format!("{value} is less than {LEAST_PERCENTAGE}, and not 0")))
        }
        _ => Ok(()),
    }
}

/// Istio: `validateHTTPRedirect`, as far as it asks for the rule's matches.
pub(super) fn validate_redirect(place: &Place<'_>, route: &HttpRoute) -> Result<(), Refusal> {
    let prefix = route.redirect.as_ref().and_then(|redirect| redirect.prefix_rewrite.as_deref());
    if prefix.is_none_or(str::is_empty) {
        return Ok(());
    }
    let has_no_prefix = |uri: &StringMatch| uri.prefix.is_none();
    if route.matches.iter().filter_map(|one| one.uri.as_deref()).any(has_no_prefix) {
        let reason = "replaces the prefix that matched: every `uri` of the rule must be a prefix";
        return Err(place.field("prefixRewrite").refuse(reason));
    }
    Ok(())
}

/// When Istio lets a rule try again, besides status codes (Istio, `supportedRetryOnPolicies`).
const RETRY_CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

/// Istio: `validateHTTPRetry`. The number of attempts is looked at where it is compiled.
pub(super) fn validate_retries(place: &Place<'_>, written: Option<&Retries>) -> Result<(), Refusal> {
    let Some(written) = written else { return Ok(()) };
    let without_effect = [
        ("perTryTimeout", written.per_try_timeout.is_some()),
        ("retryOn", written.retry_on.as_deref().is_some_and(|text| !text.is_empty())),
        ("retryRemoteLocalities", written.retry_remote_localities.is_some()),
    ];
    if written.attempts == 0 {
        if let Some((field, _)) = without_effect.into_iter().find(|(_, there)| *there) {
            return Err(place.field(field).refuse("has no effect: attempts is 0"));
        }
    }
    for (field, text) in [("perTryTimeout", &written.per_try_timeout), ("backoff", &written.backoff)] {
        text.as_ref().map_or(Ok(()), |text| duration::milliseconds(&place.field(field), text).map(|_| ()))?;
    }
    let conditions = written.retry_on.as_deref().filter(|text| !text.is_empty());
    let is_known = |condition: &&str| RETRY_CONDITIONS.contains(condition) || is_status_code(condition);
    match conditions.into_iter().flat_map(|text| text.split(',')).find(|condition| !is_known(condition)) {
        Some(condition) => {
            let reason = format!("`{condition}` is neither one of Envoy's conditions nor a status code");
            Err(place.field("retryOn").refuse(reason))
        }
        None => Ok(()),
    }
}

/// Whether `text` is the number of a status that has a name (Go, `http.StatusText`).
fn is_status_code(text: &str) -> bool {
    matches!(
        text.parse::<i32>(),
        Ok(
            100..=103
            | 200..=208
            | 226
            | 300..=305
            | 307..=308
            | 400..=418
            | 421..=426
            | 428..=429
            | 431
            | 451
            | 500..=508
            | 510..=511,
        )
    )
}

/// Istio: `validateURIRegexRewrite`, as far as it is not looked at where the pattern is compiled.
pub(super) fn validate_rewrite(place: &Place<'_>, written: Option<&Rewrite>) -> Result<(), Refusal> {
    match written.and_then(|written| written.uri_regex_rewrite.as_ref()) {
        Some(pattern) if pattern.rewrite.is_empty() => {
            Err(place.field("uriRegexRewrite").field("rewrite").refuse("must not be empty"))
        }
        _ => Ok(()),
    }
}

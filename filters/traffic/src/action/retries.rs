//! Retries: what a rule says of them, as the request headers that Envoy's router takes (Envoy,
//! `config-http-filters-router`), and as a policy of a route where no header says it.

use crate::changes::Change;
use crate::refusal::{Place, Refusal};
use crate::request::Headers;
use crate::written;

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

const MAX_RETRIES: &str = "x-envoy-max-retries";
const RETRY_ON: &str = "x-envoy-retry-on";
const RETRY_GRPC_ON: &str = "x-envoy-retry-grpc-on";
const STATUS_CODES: &str = "x-envoy-retriable-status-codes";
const PER_TRY_TIMEOUT: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

/// The header that asks for a route with a policy of its own, by the policy's name: for what no header of Envoy's says.
pub const RETRY_HEADER: &str = "x-serin-retry";

/// What a rule says of retries, compiled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries {
    attempts: u32,
    /// In milliseconds; 0 for none.
    per_try_timeout: Option<u64>,
    /// The conditions, by the header that takes them; the lists are not empty.
    conditions: Vec<(&'static str, String)>,
    /// The policy that a route has to have, if the headers do not say all of it, and its name.
    policy: Option<(String, RetryPolicy)>,
}

/// The policy of a route (Istio, `retry.ConvertPolicy`), for rules of which headers cannot say it all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RetryPolicy {
    /// How often a request is tried again.
    pub attempts: u32,
    /// Envoy's conditions, with commas between.
    pub retry_on: String,
    /// The status codes that are conditions.
    pub status_codes: Vec<u16>,
    /// How long one try may take, in milliseconds; 0 for any time.
    pub per_try_timeout: Option<u64>,
    /// The longest wait before the first further try, in milliseconds.
    pub backoff: Option<u64>,
    /// Endpoints of other localities are tried.
    pub remote_localities: bool,
    /// Whether endpoints that were tried are avoided; if nothing is said, unless a key has chosen them.
    pub ignore_previous_hosts: Option<bool>,
}

impl Retries {
    pub(crate) fn compile(place: &Place<'_>, written: &written::Retries) -> Result<Self, Refusal> {
        let per_try_timeout = written.per_try_timeout.as_deref();
        let per_try_timeout =
            per_try_timeout.map(|text| super::milliseconds(&place.field("perTryTimeout"), text)).transpose()?;
        let attempts = u32::try_from(written.attempts).ok().filter(|attempts| *attempts <= i32::MAX as u32);
        let attempts = attempts.ok_or_else(|| {
            let reason = if written.attempts < 0 { "is negative" } else { "is too many" };
            place.field("attempts").refuse(format!("{} {reason}", written.attempts))
        })?;
        let backoff = written.backoff.as_deref();
        let backoff = backoff.map(|text| crate::duration::milliseconds(&place.field("backoff"), text)).transpose()?;
        let conditions = if attempts > 0 {
            let retry_on = written.retry_on.as_deref().filter(|text| !text.is_empty()).unwrap_or(DEFAULT_RETRY_ON);
            conditions(&place.field("retryOn"), retry_on)?
        } else {
            Vec::new()
        };
        let of = |header: &str| conditions.iter().find(|(name, _)| *name == header).map(|(_, list)| list.as_str());
        let policy = RetryPolicy {
            attempts,
            retry_on: [RETRY_ON, RETRY_GRPC_ON].into_iter().filter_map(of).collect::<Vec<_>>().join(","),
            status_codes: of(STATUS_CODES).into_iter().flat_map(|list| list.split(',')).flat_map(str::parse).collect(),
            per_try_timeout,
            backoff: backoff.map(|backoff| u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX)),
            remote_localities: written.retry_remote_localities == Some(true),
            ignore_previous_hosts: written.retry_ignore_previous_hosts,
        };
        let policy = (attempts > 0 && policy.is_beyond_headers()).then(|| (policy.name(), policy));
        Ok(Self { attempts, per_try_timeout, conditions, policy })
    }

    /// The policy that a route has to have, if the headers do not say all of it, and its name.
    pub(crate) fn policy(&self) -> Option<&(String, RetryPolicy)> {
        self.policy.as_ref()
    }

    /// The headers that say how often `request` is tried again, and when.
    ///
    /// What a caller says itself stays, as it does beside the policy of a route: Envoy takes it off where it does not trust
    /// the caller. Numbers beat the rule's, conditions and status codes join them (Envoy, `RetryStateImpl`).
    pub(crate) fn changes(&self, request: &Headers) -> Vec<Change> {
        let own_number = |name: &str| request.first(name).is_some_and(|value| number(value).is_some());
        let own_list = |name: &'static str| request.first(name).filter(|value| !value.is_empty());
        let mut changes = Vec::with_capacity(2 + self.conditions.len());
        if let Some(milliseconds) = self.per_try_timeout {
            if !own_number(PER_TRY_TIMEOUT) {
                changes.push(Change::set(PER_TRY_TIMEOUT, milliseconds.to_string()));
            }
        }
        // Without attempts the rule's route has no policy in Istio; Envoy tries once again then where the caller asks for it.
        let asked = own_list(RETRY_ON).or(own_list(RETRY_GRPC_ON)).is_some();
        let has_own = (self.attempts > 0 || asked) && own_number(MAX_RETRIES);
        if !has_own {
            let attempts = if self.attempts == 0 && asked { 1 } else { self.attempts };
            changes.push(Change::set(MAX_RETRIES, attempts.to_string()));
        }
        for (name, list) in &self.conditions {
            let own = own_list(name).map(|own| [list.as_bytes(), b",", own].concat());
            changes.push(Change::set(*name, own.unwrap_or_else(|| list.clone().into_bytes())));
        }
        changes.extend(self.policy.iter().map(|(name, _)| Change::set(RETRY_HEADER, name.as_str())));
        changes
    }
}

impl RetryPolicy {
    /// Whether it says anything that Envoy takes no header for.
    fn is_beyond_headers(&self) -> bool {
        self.backoff.is_some() || self.remote_localities || self.ignore_previous_hosts == Some(false)
    }

    /// A name that says all of it, so that no other policy has the same.
    fn name(&self) -> String {
        let mut name = format!("{};{}", self.attempts, self.retry_on);
        let codes = self.status_codes.iter().map(|code| format!(";{code}"));
        let numbers = [("try", self.per_try_timeout), ("backoff", self.backoff)];
        let numbers = numbers.into_iter().filter_map(|(what, number)| Some(format!(";{what}={}ms", number?)));
        let remote = self.remote_localities.then(|| ";remote".to_owned());
        let previous = self.ignore_previous_hosts.map(|ignored| format!(";ignore-previous={ignored}"));
        name.extend(codes.chain(numbers).chain(remote).chain(previous));
        name
    }
}

/// The number that Envoy reads in a header: decimal digits, perhaps within blanks, perhaps with a plus sign
/// (`absl::SimpleAtoi`).
pub(super) fn number(text: &[u8]) -> Option<u64> {
    // Rust reads a plus sign as well.
    std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

/// The conditions, sorted into the headers that take them; status codes have one of their own
/// (Istio, `retry.parseRetryOn`).
fn conditions(place: &Place<'_>, text: &str) -> Result<Vec<(&'static str, String)>, Refusal> {
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
    let lists = [(RETRY_ON, http), (RETRY_GRPC_ON, grpc), (STATUS_CODES, codes)];
    Ok(lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, list.join(","))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    /// The headers of a request of a caller who says `own`, by a rule with `attempts` and the default conditions.
    fn said(attempts: u32, own: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut request = Headers::default();
        own.iter().for_each(|(name, value)| request.push(name.as_bytes(), value.as_bytes()));
        let conditions = vec![(RETRY_ON, "connect-failure".to_owned()), (STATUS_CODES, "503".to_owned())];
        let conditions = if attempts > 0 { conditions } else { Vec::new() };
        let rule = Retries { attempts, per_try_timeout: Some(200), conditions, policy: None };
        let mut headers: Vec<(String, Vec<u8>)> =
            own.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        rule.changes(&request).iter().for_each(|change| change.apply(&mut headers));
        headers.sort();
        headers.into_iter().map(|(name, value)| (name, String::from_utf8(value).unwrap())).collect()
    }

    fn value<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
        headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_callers_numbers_beat_the_rules() {
        let headers = said(3, &[(MAX_RETRIES, "5"), (PER_TRY_TIMEOUT, "70")]);
        assert_eq!(value(&headers, MAX_RETRIES), Some("5"));
        assert_eq!(value(&headers, PER_TRY_TIMEOUT), Some("70"));
        let headers = said(3, &[(MAX_RETRIES, "many"), (PER_TRY_TIMEOUT, "")]);
        assert_eq!(value(&headers, MAX_RETRIES), Some("3"));
        assert_eq!(value(&headers, PER_TRY_TIMEOUT), Some("200"));
    }

    #[test]
    fn a_callers_conditions_join_the_rules() {
        let headers = said(3, &[(RETRY_ON, "5xx"), (RETRY_GRPC_ON, "internal"), (STATUS_CODES, "409,500")]);
        assert_eq!(value(&headers, RETRY_ON), Some("connect-failure,5xx"));
        assert_eq!(value(&headers, RETRY_GRPC_ON), Some("internal"));
        assert_eq!(value(&headers, STATUS_CODES), Some("503,409,500"));
    }

    #[test]
    fn a_rule_without_attempts_tries_again_only_where_the_caller_says_when() {
        assert_eq!(value(&said(0, &[]), MAX_RETRIES), Some("0"));
        assert_eq!(value(&said(0, &[(MAX_RETRIES, "5")]), MAX_RETRIES), Some("0"));
        assert_eq!(value(&said(0, &[(RETRY_ON, "5xx")]), MAX_RETRIES), Some("1"));
        assert_eq!(value(&said(0, &[(RETRY_GRPC_ON, "internal"), (MAX_RETRIES, "5")]), MAX_RETRIES), Some("5"));
    }
}

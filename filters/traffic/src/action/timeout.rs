//! How long a request may take: a rule's timeout, a gRPC client's deadline, and what a trusted caller says, as the request
//! header that Envoy's router takes.

use super::retries::number;
use crate::changes::Change;
use crate::refusal::{Place, Refusal};
use crate::request::Headers;

/// The header that Envoy's router takes a timeout from, in milliseconds; 0 is none.
const TIMEOUT: &str = "x-envoy-upstream-rq-timeout-ms";

/// The header of a gRPC client's deadline.
const GRPC_TIMEOUT: &str = "grpc-timeout";

/// The largest value of a deadline: eight digits (gRPC over HTTP/2, `TimeoutValue`).
const LARGEST_GRPC_TIMEOUT: u64 = 99_999_999;

/// A rule's timeout, compiled.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Timeout {
    /// In milliseconds, 0 for none that lasts for ever; `None` if the rule says nothing.
    milliseconds: Option<u64>,
}

impl Timeout {
    pub(crate) fn compile(place: &Place<'_>, written: Option<&str>) -> Result<Self, Refusal> {
        let milliseconds = written.map(|text| super::milliseconds(place, text)).transpose()?;
        Ok(Self { milliseconds })
    }

    /// The header that says how long `request` may take, if there is anything to say.
    ///
    /// A caller's own timeout beats the rule's: Envoy takes it off where it does not trust the caller. A deadline of gRPC
    /// counts up to the rule's timeout (Envoy, `FilterUtility::finalTimeout`; Istio, `setTimeout`: `MaxGrpcTimeout`).
    pub(crate) fn change(self, request: &Headers) -> Option<Change> {
        let deadline = if is_grpc(request) { grpc_timeout(request) } else { None };
        let milliseconds = match (deadline, self.milliseconds) {
            (None | Some(0), rule) => rule?,
            (Some(deadline), None | Some(0)) => deadline,
            (Some(deadline), Some(rule)) => deadline.min(rule),
        };
        let own = request.first(TIMEOUT).is_some_and(|value| number(value).is_some());
        (!own).then(|| Change::set(TIMEOUT, milliseconds.to_string()))
    }
}

/// Whether Envoy takes the request for one of gRPC; `application/grpc-web` is not (`Grpc::Common::hasGrpcContentType`).
fn is_grpc(request: &Headers) -> bool {
    let content_type = request.first("content-type").and_then(|value| value.strip_prefix(b"application/grpc"));
    content_type.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"+"))
}

/// The client's deadline in milliseconds, rounded up; none if it is not one (`Grpc::Common::getGrpcTimeout`).
fn grpc_timeout(request: &Headers) -> Option<u64> {
    let (unit, value) = request.first(GRPC_TIMEOUT)?.split_last()?;
    let value = number(value).filter(|value| *value <= LARGEST_GRPC_TIMEOUT)?;
    match unit {
        b'H' => Some(value * 3_600_000),
        b'M' => Some(value * 60_000),
        b'S' => Some(value * 1_000),
        b'm' => Some(value),
        b'u' => Some(value.div_ceil(1_000)),
        b'n' => Some(value.div_ceil(1_000_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    /// What is said of a request with these headers, by a rule with this timeout.
    fn said(rule: Option<u64>, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Headers::default();
        headers.iter().for_each(|(name, value)| request.push(name.as_bytes(), value.as_bytes()));
        match (Timeout { milliseconds: rule }).change(&request)? {
            Change::Set { name, value } if name == TIMEOUT => Some(String::from_utf8(value).unwrap()),
            other => panic!("{other:?} is not a timeout"),
        }
    }

    fn deadline(rule: Option<u64>, text: &str) -> Option<String> {
        said(rule, &[("content-type", "application/grpc"), (GRPC_TIMEOUT, text)])
    }

    #[test]
    fn a_deadline_is_capped_by_the_timeout_of_the_rule() {
        for (rule, text, expected) in [
            (Some(5000), "300m", "300"),
            (Some(500), "3S", "500"),
            (Some(500), "500m", "500"),
            (Some(0), "300m", "300"),
            (None, "300m", "300"),
        ] {
            assert_eq!(deadline(rule, text).as_deref(), Some(expected), "{rule:?} {text}");
        }
    }

    #[test]
    fn a_deadline_of_nought_is_none() {
        assert_eq!(deadline(None, "0m"), None);
        assert_eq!(deadline(Some(0), "0m").as_deref(), Some("0"));
        assert_eq!(deadline(Some(500), "0S").as_deref(), Some("500"));
    }

    #[test]
    fn a_deadline_may_be_in_any_unit_of_grpc_and_is_rounded_up() {
        let units = [("2H", "7200000"), ("2M", "120000"), ("2S", "2000"), ("2m", "2"), ("1u", "1"), ("1001u", "2")];
        let more = [("1n", "1"), ("1000001n", "2"), ("99999999H", "359999996400000"), ("00000000007m", "7")];
        for (text, expected) in units.into_iter().chain(more) {
            assert_eq!(deadline(None, text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_deadline_is_as_if_it_were_not_there() {
        for text in ["", "m", "5", "5x", "5s", "-5m", "1.5S", "100000000m", "18446744073709551616m", "5 S m"] {
            assert_eq!(deadline(None, text), None, "{text}");
            assert_eq!(deadline(Some(700), text).as_deref(), Some("700"), "{text}");
        }
    }

    #[test]
    fn only_grpc_has_deadlines() {
        for (content_type, counts) in [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc-web", false),
            ("application/grpc;charset=utf-8", false),
            ("application/json", false),
        ] {
            let headers = [("content-type", content_type), (GRPC_TIMEOUT, "300m")];
            assert_eq!(
                said(Some(900), &headers).as_deref(),
                Some(if counts { "300" } else { "900" }),
                "{content_type}"
            );
        }
        assert_eq!(said(Some(900), &[(GRPC_TIMEOUT, "300m")]).as_deref(), Some("900"));
    }

    #[test]
    fn a_callers_own_timeout_stays_if_it_is_a_number() {
        for (own, stays) in [("100", true), ("0", true), (" 7 ", true), ("", false), ("abc", false), ("-1", false)] {
            let seen = said(Some(5000), &[(TIMEOUT, own)]);
            assert_eq!(seen.as_deref(), if stays { None } else { Some("5000") }, "{own}");
        }
    }
}

//! What an answer says of the destination that was asked.

/// What became of a request, as far as the destination is to blame or to praise for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The destination answered, with another status than 5xx.
    Good,
    /// The destination answered with a 5xx, broke off, was not reached, or not in time.
    Error,
}

impl Answer {
    /// What a request says of its destination that ended with `status` and with Envoy's response code details
    /// (`response.code_details`); `None` if it says nothing: the client went away, or somebody else answered.
    ///
    /// The details decide, not the status: a 200 of which the rest never came is an error, and a 503 of `ext_authz` is no
    /// answer of the destination. Where there are no details the status decides alone. That the router refuses the request
    /// for the destination's sake (no healthy host, circuit breaker, overload) is an error as well: the client sees no
    /// difference. The names are those of Envoy's `StreamInfo::ResponseCodeDetailValues`; Envoy's documentation calls
    /// `response_timeout` `upstream_response_timeout`.
    ///
    /// A client that is tired of waiting takes the blame with it: give the rule a timeout, and those of a destination that
    /// hangs count.
    ///
    /// ```
    /// use serin_traffic::guard::Answer;
    ///
    /// assert_eq!(Answer::of(Some(404), b"via_upstream"), Some(Answer::Good));
    /// assert_eq!(Answer::of(Some(500), b"via_upstream"), Some(Answer::Error));
    /// let broken_off = b"upstream_reset_after_response_started{protocol_error}";
    /// assert_eq!(Answer::of(Some(200), broken_off), Some(Answer::Error));
    /// assert_eq!(Answer::of(None, b"downstream_remote_disconnect"), None);
    /// ```
    pub fn of(status: Option<u16>, code_details: &[u8]) -> Option<Self> {
        // Envoy says 0 of a request that was never answered.
        let status = status.filter(|status| *status != 0);
        match reason(code_details) {
            b"" | b"via_upstream" => status.map(Self::by_status),
            b"upstream_reset_before_response_started"
            | b"upstream_reset_after_response_started"
            | b"response_timeout"
            | b"upstream_response_timeout"
            | b"upstream_per_try_timeout"
            | b"upstream_per_try_idle_timeout"
            | b"response_payload_too_large"
            | b"no_healthy_upstream"
            | b"cluster_not_found"
            | b"maintenance_mode"
            | b"drop_overload"
            | b"unconditional_drop_overload" => Some(Self::Error),
            // Before the answer has begun, 408 is the client's fault and 504 the destination's. Later nobody can tell who
            // kept silent.
            b"stream_idle_timeout" => status.map(Self::by_status).filter(|answer| *answer == Self::Error),
            // A stream that lived as long as streams may.
            b"max_duration_timeout" | b"upstream_max_stream_duration_reached" => {
                status.filter(|status| *status != 408).map(Self::by_status)
            }
            _ => None,
        }
    }

    fn by_status(status: u16) -> Self {
        if (500..600).contains(&status) { Self::Error } else { Self::Good }
    }
}

/// The details without what stands behind them in brackets, the cause of a reset or of a disconnect.
pub(super) fn reason(code_details: &[u8]) -> &[u8] {
    let end = code_details.iter().position(|byte| matches!(byte, b'{' | b'('));
    end.and_then(|end| code_details.get(..end)).unwrap_or(code_details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn what_the_destination_sends_counts_by_its_status() {
        for (status, answer) in [(200, Answer::Good), (404, Answer::Good), (499, Answer::Good), (600, Answer::Good)] {
            assert_eq!(Answer::of(Some(status), b"via_upstream"), Some(answer), "{status}");
        }
        for status in [500, 503, 599] {
            assert_eq!(Answer::of(Some(status), b"via_upstream"), Some(Answer::Error), "{status}");
        }
    }

    /// As Envoy 1.40 wrote them into its access log.
    #[test]
    fn resets_timeouts_and_refusals_of_the_router_are_errors_whatever_the_status() {
        for (status, details) in [
            (200, "upstream_reset_after_response_started{protocol_error}"),
            (200, "response_timeout"),
            (404, "cluster_not_found"),
            (502, "upstream_reset_before_response_started{protocol_error}"),
            (503, "no_healthy_upstream"),
            (503, "upstream_reset_before_response_started{connection_termination}"),
            (503, "upstream_reset_before_response_started{overflow}"),
            (
                503,
                "upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}",
            ),
            (504, "response_timeout"),
            (504, "stream_idle_timeout"),
            (504, "max_duration_timeout"),
            (504, "upstream_per_try_timeout"),
        ] {
            assert_eq!(Answer::of(Some(status), details.as_bytes()), Some(Answer::Error), "{status} {details}");
        }
    }

    #[test]
    fn a_client_that_went_away_says_nothing_of_the_destination() {
        for (status, details) in [
            (None, "downstream_remote_disconnect"),
            (Some(0), "downstream_remote_disconnect"),
            (Some(200), "downstream_remote_disconnect"),
            (Some(503), "downstream_remote_disconnect"),
            (None, "downstream_local_disconnect(on_idle_timeout)"),
            (None, "http2.remote_reset"),
            (Some(408), "request_overall_timeout"),
            (Some(408), "stream_idle_timeout"),
            (Some(200), "stream_idle_timeout"),
            (Some(408), "max_duration_timeout"),
        ] {
            assert_eq!(Answer::of(status, details.as_bytes()), None, "{status:?} {details}");
        }
    }

    #[test]
    fn what_somebody_else_answers_says_nothing_of_the_destination() {
        for details in ["direct_response", "ext_authz_error", "serin_fault_abort", "fault_filter_abort", "overload"] {
            assert_eq!(Answer::of(Some(503), details.as_bytes()), None, "{details}");
        }
    }

    #[test]
    fn without_details_the_status_decides_and_without_status_nothing_does() {
        assert_eq!(Answer::of(Some(200), b""), Some(Answer::Good));
        assert_eq!(Answer::of(Some(503), b""), Some(Answer::Error));
        assert_eq!(Answer::of(None, b""), None);
        assert_eq!(Answer::of(Some(0), b"via_upstream"), None);
    }

    #[test]
    fn a_stream_that_lived_as_long_as_it_may_is_judged_by_its_status() {
        assert_eq!(Answer::of(Some(200), b"max_duration_timeout"), Some(Answer::Good));
        assert_eq!(Answer::of(Some(200), b"upstream_max_stream_duration_reached"), Some(Answer::Good));
    }
}

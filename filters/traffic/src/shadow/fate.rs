//! What became of a copy, as the answer to the filter's call says it.

use crate::request::Headers;

/// What became of a copy that the proxy took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The mirror answered with that status.
    Answered(u16),
    /// It was sent, as far as anybody knows, and there was no answer, or none in time, or none that the proxy keeps.
    Unanswered,
    /// It was never sent: the mirror takes no connection, or no more of them.
    NeverSent,
}

/// Envoy's own answers to a request that it could not bring to an end: no connection, a reset, no healthy host, a timeout.
const ENVOYS_OWN: [u16; 3] = [502, 503, 504];

/// What the body of Envoy's own answer says where the request went to nobody: connections that were not made, pools that are
/// full, clusters without a host.
///
/// Source: Envoy's `Http::Utility::resetReasonToString`, and `no healthy upstream` of its router.
const NEVER_SENT: [&str; 4] =
    ["connection failure", "reset reason: connection timeout", "reset reason: overflow", "no healthy upstream"];

impl Fate {
    /// How many bytes of the body are asked for: what an answer of Envoy's own says is in the first ones.
    pub const BODY_BYTES: usize = 256;

    /// What the answer to the call says, of which `body` gives the first bytes; no answer has no headers.
    ///
    /// Envoy makes up an answer where there is none. It has no header that says how long the upstream took, which Envoy's
    /// router writes on every other.
    ///
    /// ```
    /// use serin_traffic::{Headers, shadow::Fate};
    ///
    /// let mut answer = Headers::default();
    /// answer.push(b":status", b"503");
    /// let refused = || b"upstream connect error. reset reason: remote connection failure".to_vec();
    /// assert_eq!(Fate::of(&answer, refused), Fate::NeverSent);
    /// answer.push(b"x-envoy-upstream-service-time", b"3");
    /// assert_eq!(Fate::of(&answer, refused), Fate::Answered(503));
    /// ```
    pub fn of(answer: &Headers, body: impl FnOnce() -> Vec<u8>) -> Self {
        let Some(status) = answer.status() else {
            return Self::Unanswered;
        };
        if !ENVOYS_OWN.contains(&status) || answer.first("x-envoy-upstream-service-time").is_some() {
            return Self::Answered(status);
        }
        let body = body();
        let says = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        if NEVER_SENT.iter().any(|text| says(text)) { Self::NeverSent } else { Self::Unanswered }
    }

    /// The status that the mirror answered with.
    pub fn status(self) -> Option<u16> {
        match self {
            Self::Answered(status) => Some(status),
            Self::Unanswered | Self::NeverSent => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn fate(status: &str, body: &str) -> Fate {
        let mut answer = Headers::default();
        answer.push(b":status", status.as_bytes());
        Fate::of(&answer, || body.as_bytes().to_vec())
    }

    #[test]
    fn what_envoy_could_not_send_was_never_sent() {
        let reset = "upstream connect error or disconnect/reset before headers. reset reason: ";
        for reason in [
            "remote connection failure, transport failure reason: delayed connect error: Connection refused",
            "local connection failure",
            // Before 1.22 there was one word for both.
            "connection failure",
            "connection timeout",
            "overflow",
        ] {
            assert_eq!(fate("503", &format!("{reset}{reason}")), Fate::NeverSent, "{reason}");
        }
        assert_eq!(fate("503", "no healthy upstream"), Fate::NeverSent);
        for reason in ["connection termination", "remote reset", "protocol error"] {
            assert_eq!(fate("503", &format!("{reset}{reason}")), Fate::Unanswered, "{reason}");
        }
        assert_eq!(fate("504", "upstream request timeout"), Fate::Unanswered);
    }

    #[test]
    fn another_status_is_the_mirrors_own_whatever_it_says() {
        assert_eq!(fate("500", "no healthy upstream"), Fate::Answered(500));
        assert_eq!(fate("200", ""), Fate::Answered(200));
        assert_eq!(Fate::of(&Headers::default(), Vec::new), Fate::Unanswered, "the proxy has no answer");
    }
}

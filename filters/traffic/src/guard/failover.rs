//! Where requests go while a destination has no cluster or no healthy host: a policy's `failover`, compiled.

use super::answer::reason;
use super::encoding::Reader;
use super::settings::nanoseconds;
use crate::duration;
use crate::refusal::{Place, Refusal};
use crate::written;
use std::time::Duration;

const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The version of [`Unavailable`]'s bytes.
const VERSION: u8 = 1;

/// How long a destination is passed over that is not available: compiled from [`written::Failover`].
///
/// ```
/// use serin_traffic::{guard::Failover, written};
///
/// let written = written::Failover { retry_after: Some("0s".into()) };
/// let refusal = Failover::try_from(&written).unwrap_err();
/// assert_eq!(refusal.to_string(), "failover.retryAfter: 0s is less than a millisecond");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// In nanoseconds.
    retry_after: u64,
}

impl Failover {
    pub(crate) fn compile(place: &Place<'_>, written: &written::Failover) -> Result<Self, Refusal> {
        let retry_after = written.retry_after.as_deref();
        let retry_after =
            retry_after.map(|text| duration::milliseconds(&place.field("retryAfter"), text)).transpose()?;
        Ok(Self { retry_after: nanoseconds(retry_after.unwrap_or(RETRY_AFTER)) })
    }

    /// What is to be written down of a destination of which a request found at `now` that it is not available.
    pub fn found_unavailable(&self, now: u64) -> Unavailable {
        Unavailable { until: now.saturating_add(self.retry_after) }
    }
}

impl TryFrom<&written::Failover> for Failover {
    type Error = Refusal;

    /// Compiles a failover that stands alone, at the path `failover`.
    fn try_from(written: &written::Failover) -> Result<Self, Refusal> {
        Self::compile(&Place::root("failover"), written)
    }
}

/// Whether an answer with this status and these response code details means that its destination has no healthy host or no
/// cluster: Envoy's own answer, not one that an upstream gave. A `cluster_not_found` has the status that the route wants
/// (`cluster_not_found_response_code`: 503, 404 or 500).
///
/// ```
/// use serin_traffic::guard::is_unavailable;
///
/// assert!(is_unavailable(503, b"no_healthy_upstream"));
/// assert!(is_unavailable(404, b"cluster_not_found"));
/// assert!(!is_unavailable(503, b"via_upstream"));
/// ```
pub fn is_unavailable(status: u16, code_details: &[u8]) -> bool {
    match reason(code_details) {
        b"no_healthy_upstream" => status == 503,
        b"cluster_not_found" => matches!(status, 404 | 500 | 503),
        _ => false,
    }
}

/// A destination that was found unavailable, as the workers of one Envoy keep it in shared data.
///
/// It is passed over for a while; then one request tries it. That request may fail, and cannot be sent again: its answer is
/// what tells. So only one should try at a time. Who finds the time over takes [`try_again`](Self::try_again) and writes it
/// if nobody else has written since (compare and swap): whoever succeeds tries, all others still pass over. If the answer
/// then is the destination's own, the record is emptied ([`read`](Self::read) finds nothing in no bytes); if the destination
/// is still unavailable, [`Failover::found_unavailable`] is written once more; if there is no answer, the next one tries
/// after `retryAfter`.
///
/// ```
/// use serin_traffic::{guard::{Failover, Unavailable}, written};
///
/// let failover = Failover::try_from(&written::Failover { retry_after: Some("5s".into()) }).unwrap();
/// let second = 1_000_000_000;
///
/// let found = failover.found_unavailable(100 * second);
/// assert!(found.is_passed_over(&failover, 104 * second));
/// let tried = found.try_again(&failover, 105 * second).unwrap();
/// assert!(tried.is_passed_over(&failover, 105 * second));
///
/// assert_eq!(Unavailable::read(&tried.write()), Some(tried));
/// assert_eq!(Unavailable::read(b""), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unavailable {
    until: u64,
}

impl Unavailable {
    /// Whether requests pass the destination over at `now`.
    ///
    /// A clock that was set back ends it, unless by so little that workers may just read it differently.
    pub fn is_passed_over(&self, failover: &Failover, now: u64) -> bool {
        now < self.until && self.until - now <= failover.retry_after.saturating_mul(2)
    }

    /// What the request that tries the destination again writes before; `None` while it is passed over.
    pub fn try_again(&self, failover: &Failover, now: u64) -> Option<Self> {
        (!self.is_passed_over(failover, now)).then(|| failover.found_unavailable(now))
    }

    /// Reads what [`write`](Self::write) has written; `None` of other bytes: the destination is not known to be
    /// unavailable.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.u8()? != VERSION {
            return None;
        }
        let until = rest.u64()?;
        rest.is_empty().then_some(Self { until })
    }

    /// The bytes of it.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.until.to_le_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn failover() -> Failover {
        Failover::try_from(&written::Failover::default()).unwrap()
    }

    #[test]
    fn only_the_routers_own_answers_mean_that_a_destination_is_unavailable() {
        for (status, details, unavailable) in [
            (503, "no_healthy_upstream", true),
            (503, "cluster_not_found", true),
            (404, "cluster_not_found", true),
            (500, "cluster_not_found", true),
            (200, "cluster_not_found", false),
            (200, "no_healthy_upstream", false),
            (503, "via_upstream", false),
            (503, "upstream_reset_before_response_started{overflow}", false),
            (503, "", false),
        ] {
            assert_eq!(is_unavailable(status, details.as_bytes()), unavailable, "{status} {details}");
        }
    }

    #[test]
    fn a_destination_is_passed_over_for_five_seconds_where_nothing_else_is_written() {
        let found = failover().found_unavailable(100 * SECOND);
        assert!(found.is_passed_over(&failover(), 105 * SECOND - 1));
        assert_eq!(found.try_again(&failover(), 105 * SECOND - 1), None);
        assert!(!found.is_passed_over(&failover(), 105 * SECOND));
    }

    #[test]
    fn of_the_requests_that_find_the_time_over_one_tries() {
        let (failover, now) = (failover(), 105 * SECOND);
        let mut shared = (failover.found_unavailable(100 * SECOND).write(), 0);
        // All of them read before anyone writes.
        let read = [shared.clone(), shared.clone(), shared.clone()];
        let mut tries = 0;
        for (bytes, version) in read {
            let tried = Unavailable::read(&bytes).unwrap().try_again(&failover, now).unwrap();
            if shared.1 == version {
                shared = (tried.write(), version + 1);
                tries += 1;
            }
        }
        assert_eq!(tries, 1);
        assert!(Unavailable::read(&shared.0).unwrap().is_passed_over(&failover, now));
    }

    #[test]
    fn a_clock_set_back_passes_nobody_over_for_long() {
        let found = failover().found_unavailable(100 * SECOND);
        assert!(found.is_passed_over(&failover(), 100 * SECOND - 1), "workers read slightly different clocks");
        assert!(!found.is_passed_over(&failover(), 10 * SECOND));
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_clock_ever_panic(bytes in prop::collection::vec(any::<u8>(), 0..12), until: u64, now: u64) {
            let _ = Unavailable::read(&bytes);
            let found = Unavailable { until };
            prop_assert_eq!(Unavailable::read(&found.write()), Some(found));
            let tried = found.try_again(&failover(), now);
            prop_assert_eq!(tried.is_some(), !found.is_passed_over(&failover(), now));
        }
    }
}

//! Parts of all requests.

use crate::refusal::{Place, Refusal};
use crate::split::Ticket;
use crate::written::Percent;
use std::fmt;

/// A part of all requests, in millionths: Istio's resolution of `mirrorPercentage` (`translatePercentToFractionalPercent`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u32);

impl Share {
    pub(crate) const MILLION: u32 = 1_000_000;

    /// All requests.
    pub const ALL: Share = Share(Share::MILLION);

    /// No request.
    pub const NONE: Share = Share(0);

    /// `percent` of all requests, cut off behind the fourth decimal; `None` unless it is from 0 to 100.
    ///
    /// ```
    /// use serin_traffic::{Share, Ticket};
    ///
    /// let half_a_percent = Share::from_percent(0.5).unwrap();
    /// assert!(half_a_percent.takes(Ticket(0)));
    /// assert!(!half_a_percent.takes(Ticket(u64::MAX / 100)));
    /// assert_eq!(Share::from_percent(100.5), None);
    /// ```
    pub fn from_percent(percent: f64) -> Option<Self> {
        // 0.07 * 10_000.0 is 700.0000000000001 and 0.57 * 10_000.0 is 5699.999999999999: cut off what was meant.
        let millionths = (percent * 10_000.0 + 1e-6).floor();
        (0.0..=100.0).contains(&percent).then_some(Self(millionths as u32))
    }

    /// The share of `percent` written at `place`.
    pub(crate) fn compile(place: &Place<'_>, percent: f64) -> Result<Self, Refusal> {
        Self::from_percent(percent).ok_or_else(|| place.refuse(format!("{percent} is not from 0 to 100")))
    }

    /// The share that stands at `place` as a percentage with its `value`.
    pub(crate) fn read(place: &Place<'_>, written: Percent) -> Result<Self, Refusal> {
        Self::compile(&place.field("value"), written.value)
    }

    /// So many millionths of all requests; all of them if there are more.
    pub fn from_millionths(millionths: u32) -> Self {
        Self(millionths.min(Self::MILLION))
    }

    /// How many millionths of all requests.
    pub fn millionths(self) -> u32 {
        self.0
    }

    /// How many percent of all requests.
    pub fn percent(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// Whether the share takes the request that drew `ticket`.
    pub fn takes(self, ticket: Ticket) -> bool {
        ticket.place_in(u64::from(Self::MILLION)) < u64::from(self.0)
    }

    /// Whether the share is nothing at all.
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    #[test]
    fn all_is_all_and_none_is_none() {
        let (all, none) = (Share::ALL, Share::from_percent(0.0).unwrap());
        for ticket in [0, 1, u64::MAX / 2, u64::MAX].map(Ticket) {
            assert!(all.takes(ticket) && !none.takes(ticket));
        }
        assert_eq!(Share::from_percent(100.0), Some(Share::ALL));
        assert!(none.is_none());
    }

    #[test]
    fn a_share_outside_of_nought_to_a_hundred_is_none() {
        for percent in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::from_percent(percent), None, "{percent}");
        }
    }

    #[test]
    fn hundredths_of_a_percent_are_kept() {
        assert_eq!(Share::from_percent(0.01), Some(Share(100)));
        assert_eq!(Share::from_percent(0.57), Some(Share(5_700)));
        assert_eq!(Share::from_percent(0.00009), Some(Share(0)), "cut off, not rounded");
    }

    proptest! {
        #[test]
        fn a_larger_share_always_takes_whom_a_smaller_one_takes(
            ticket: u64, small in 0.0..100.0f64, more in 0.0..100.0f64,
        ) {
            let ticket = Ticket(ticket);
            let large = (small + more).min(100.0);
            let (small, large) = (Share::from_percent(small).unwrap(), Share::from_percent(large).unwrap());
            prop_assert!(!small.takes(ticket) || large.takes(ticket));
        }
    }
}

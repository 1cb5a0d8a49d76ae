//! A window of time.

use crate::instant;
use crate::refusal::{Place, Refusal};
use crate::written::TimeWindow;

/// A window of time, from its first instant to the one behind its last; in nanoseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Window {
    after: Option<u64>,
    before: Option<u64>,
}

impl Window {
    pub(super) fn compile(place: &Place<'_>, written: &TimeWindow) -> Result<Self, Refusal> {
        let instant = |field, text: Option<&str>| {
            text.map(|text| instant::parse(text).map_err(|reason| place.field(field).refuse(reason))).transpose()
        };
        let after = instant("after", written.after.as_deref())?;
        let before = instant("before", written.before.as_deref())?;
        match (after, before) {
            (None, None) => Err(place.refuse("must have after, before, or both")),
            (Some(after), Some(before)) if after >= before => {
                Err(place.refuse("is empty: before is not later than after"))
            }
            _ => Ok(Self { after, before }),
        }
    }

    pub(super) fn has(&self, now: u64) -> bool {
        self.after.is_none_or(|after| after <= now) && self.before.is_none_or(|before| now < before)
    }
}

//! What a rule does with a request beside routing it: Istio's `HTTPRoute`, compiled.

mod cors;
mod fault;
mod headers;
mod redirect;
mod retries;
mod rewrite;

pub(crate) use cors::Cors;
pub use fault::Fault;
pub(crate) use headers::{Changes, HeaderChanges, changes_of};
pub(crate) use redirect::{DirectResponse, Redirect};
pub(crate) use retries::retry_headers;
pub(crate) use rewrite::Rewrite;

use crate::refusal::{Place, Refusal};
use std::time::Duration;

/// Reads a duration of at least a millisecond, Istio's bound on every duration (`ValidateDuration`).
pub(crate) fn duration(place: &Place<'_>, text: &str) -> Result<Duration, Refusal> {
    let duration = crate::duration::parse(text).ok_or_else(|| place.refuse(crate::duration::mistake_in(text)))?;
    if duration < Duration::from_millis(1) {
        return Err(place.refuse(format!("{text} is less than a millisecond")));
    }
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err(place.refuse(format!("{text} is not a number of whole milliseconds")));
    }
    Ok(duration)
}

//! What a rule does with a request beside routing it: Istio's `HTTPRoute`, compiled.

mod cors;
mod facts;
mod fault;
mod headers;
mod redirect;
mod retries;
mod rewrite;
mod timeout;

pub(crate) use cors::Cors;
pub(crate) use facts::{OfReply, OfRequest, OfResponse};
pub use fault::Fault;
pub(crate) use headers::{Changed, Changes, HeaderChanges, changes_of};
pub(crate) use redirect::{DirectResponse, Redirect};
pub(crate) use retries::Retries;
pub use retries::{RETRY_HEADER, RetryPolicy};
pub(crate) use rewrite::Rewrite;
pub(crate) use timeout::Timeout;

use crate::duration;
use crate::refusal::{Place, Refusal};

/// A timeout in milliseconds; Istio takes one of nought for none.
fn milliseconds(place: &Place<'_>, text: &str) -> Result<u64, Refusal> {
    if duration::parse(text).is_some_and(|duration| duration.is_zero()) {
        return Ok(0);
    }
    Ok(u64::try_from(duration::milliseconds(place, text)?.as_millis()).unwrap_or(u64::MAX))
}

//! Whether a request meets the conditions of a match.

mod conditions;
mod part;
mod text;
mod when;

pub(crate) use conditions::{ClaimCondition, Conditions, HeaderCondition, PathCondition, QueryCondition};
pub(crate) use part::Part;
pub(crate) use text::{TextCondition, compile_replacement};
pub(crate) use when::When;

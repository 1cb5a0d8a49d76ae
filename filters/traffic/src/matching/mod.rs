//! Whether a request meets the conditions of a match.

mod conditions;
mod text;

pub(crate) use conditions::{ClaimCondition, Conditions, HeaderCondition, PathCondition, QueryCondition};
pub(crate) use text::{TextCondition, compile_replacement};

//! Copies of requests: which are sent, what is in them, and what their answers say beside those of the primaries.
//!
//! # Terms
//!
//! The **primary** is the request on its way to the rule's destination; a **shadow** is a copy of it, on its way to a mirror.
//! With the delivery *router* Envoy's router sends it, with the delivery *callout* the filter does.

mod allowance;
mod budget;
mod comparison;
mod connection;
mod copied;
mod fate;
mod settings;
mod slots;

pub use allowance::Allowance;
pub use budget::{ANSWER_BYTES, Budget, COLLECTED_BYTES, ENTRY_BYTES, UNDER_WAY_BYTES, bytes_of, grown};
pub use comparison::{Body, Comparison, Seen, Verdict};
pub use copied::Original;
pub use fate::Fate;
pub(crate) use settings::never_copied;
pub use settings::{Compared, Reason, Shadow, ShadowHeaders};
pub(crate) use slots::give_slots;
pub use slots::{SLOT, Slot};

/// The header that marks shadows. A request that has it is not copied again.
///
/// It is the one thing that the filters believe a client: whoever sends it gets no shadow, and that is all.
pub const MARK: &str = "x-shadowed-by";

/// What the mark says.
pub const MARKED: &str = "serin";

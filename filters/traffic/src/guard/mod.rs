//! Guards withdraw the share of a failing destination ([`Guard`]); failover skips a destination without healthy hosts
//! ([`Failover`]).
//!
//! What is decided here is decided by all workers of one Envoy together, over values that they keep in shared data:
//! [`Record`] and [`Unavailable`]. A worker of a guarded rule
//!
//! 1. asks the record that it read last for [`Record::factor`] when it splits a request, and remembers [`Record::epoch`] if
//!    the guarded destination gets it;
//! 2. counts what became of it, [`Answer::of`], in its own [`Tally`];
//! 3. reads the record every [`Guard::flush_after`] (by a timer, or as requests come), at once if [`Tally::is_urgent`]; and
//!    unless the record is steady and the tally empty, absorbs the tally ([`Record::absorb`]), writes the outcome by compare
//!    and swap if it differs (reading again if another worker was faster), and logs the [`Transition`]. In any case it
//!    starts a new tally then, in the epoch of the record that it now knows.
//!
//! # Terms
//!
//! A destination's share is **withdrawn** when more than `maxErrorPercent` of at least `minRequests` answers within `window`
//! were errors. After `hold` it is **tried** with a tenth of its share, and either withdrawn again or **restored**.
//!
//! # Limits
//!
//! A destination that gives fewer than `minRequests` answers within a window is never judged. The fewer they are, the more
//! chance decides: one error in a hundred passes a bound of 5 % in one of two thousand windows of 100 answers, one in forty
//! in one of twenty-five. gRPC's status is not looked at.

mod answer;
mod encoding;
mod failover;
mod record;
mod settings;
mod tally;
#[cfg(test)]
mod tests;
mod transition;
mod window;

pub use answer::Answer;
pub use failover::{Failover, Unavailable, is_unavailable};
pub use record::Record;
pub use settings::Guard;
pub use tally::{Epoch, Tally};
pub use transition::{Step, Transition};

//! Which of several weighted destinations a request gets: by chance, in turn, or by a key.

mod chance;
#[cfg(test)]
mod crowd;
mod exact;
mod history;
#[cfg(test)]
mod history_tests;
mod ramp;
mod sticky;
#[cfg(test)]
mod sticky_tests;
#[cfg(test)]
mod sticky_vectors;
mod weights;

pub use chance::{Ticket, split};
pub use exact::Rotation;
pub use history::History;
pub use ramp::Ramp;
pub use sticky::{Pick, Sticky};
pub use weights::Weights;

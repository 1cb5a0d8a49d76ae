//! Which of several weighted destinations a request gets: by chance, in turn, or by a key.

mod chance;
mod exact;
mod history;
mod ramp;
mod sticky;
#[cfg(test)]
mod tests;
mod weights;

pub use chance::{Ticket, split};
pub use exact::Rotation;
pub use history::History;
pub use ramp::Ramp;
pub use sticky::{Pick, Sticky};
pub use weights::Weights;

//! Which of several weighted destinations a request gets: by chance.

mod chance;
mod ramp;
mod weights;

pub use chance::{Ticket, split};
pub use ramp::Ramp;
pub use weights::Weights;

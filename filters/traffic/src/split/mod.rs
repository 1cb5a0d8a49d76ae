//! Which of several weighted destinations a request gets: by chance or in turn.

mod chance;
mod exact;
mod ramp;
mod weights;

pub use chance::{Ticket, split};
pub use exact::Rotation;
pub use ramp::Ramp;
pub use weights::Weights;

//! Which of several weighted destinations a request gets: by chance.

mod chance;
mod weights;

pub use chance::{Ticket, split};
pub use weights::Weights;

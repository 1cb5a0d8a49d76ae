//! What splits promise, held against many keys.

mod crowd;
mod history;
mod sticky;
mod vectors;

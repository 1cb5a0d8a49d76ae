//! A real Envoy: where its binary is, and a process of it.

mod admin;
mod binary;
mod process;

pub use binary::{NotFound, find};
pub use process::{Failure, Process};

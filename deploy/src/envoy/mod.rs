//! A real Envoy: where its binary is, a process of it, and what that logs.

mod admin;
mod binary;
mod log;
mod process;

pub use binary::{NotFound, find};
pub use log::Filters;
pub use process::{Failure, Process};

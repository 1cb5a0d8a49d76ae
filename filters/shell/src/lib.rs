//! What every Serin module shares at the border to the proxy.
//!
//! The modules decide nothing: [`serin_traffic`] does. Here bytes are moved: the configuration in ([`start`]), a request
//! in, and what was decided about it out. No request can make anything in here panic: the hostcalls hand their status to the
//! caller, and a call that the proxy refuses is one that changes nothing.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![deny(unsafe_code)]

mod arrival;
mod collections;
mod copies;
mod counts;
mod delays;
mod draws;
mod guards;
#[allow(unsafe_code, reason = "the border itself: pointers to the host and memory from it")]
mod hostcall;
mod logging;
mod memory;
pub mod metrics;
mod mirrored;
mod node;
mod outbox;
mod pairs;
mod plugin;
mod primary;
mod requests;
mod response;
mod root;
mod rotations;
mod series;
mod shadowing;
mod shared;
mod stream;
mod timer;
mod worker;

pub use plugin::Filter;
pub use root::start;

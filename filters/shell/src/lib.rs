//! What every Serin module shares at the border to the proxy.
//!
//! The modules decide nothing: [`serin_traffic`] does. Here bytes are moved: the configuration in ([`start`]), a request
//! in and its decision out ([`Request`]), chance from the proxy's clock ([`Draws`]). No request can make anything in here
//! panic: the hostcalls hand their status to the caller, and a call that the proxy refuses is one that changes nothing.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![deny(unsafe_code)]

mod collections;
mod copies;
mod delays;
mod draws;
mod guards;
#[allow(unsafe_code, reason = "the border itself: pointers to the host and memory from it")]
mod hostcall;
mod logging;
mod memory;
pub mod metrics;
mod node;
mod outbox;
mod pairs;
mod picker;
mod primary;
mod request;
mod response;
mod root;
mod rotations;
mod routing;
mod sent;
mod series;
mod shadowing;
mod timer;

pub use delays::Held;
pub use draws::Draws;
pub use request::Request;
pub use response::Response;
pub use root::{Filter, Plugin, start};
pub use routing::Routing;
pub use shadowing::Shadowing;

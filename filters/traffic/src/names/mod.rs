//! Names: how people write them, and what they are in full.

pub mod cluster;
pub mod gateway;
pub mod host;
pub(crate) mod port;
pub(crate) mod token;

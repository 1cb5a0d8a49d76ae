//! What Serin's filters cost an Envoy, beside an empty filter, Lua and Envoy's own routes.

pub mod client;
pub mod cores;
pub mod upstream;

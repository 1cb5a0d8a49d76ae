//! What Serin's filters cost an Envoy, beside an empty filter, Lua and Envoy's own routes.
//!
//! `make bench` runs it. An Envoy with one worker has a listener for each subject ([`stage`], [`scenes`]). The subjects have
//! turns ([`turn`]), all in every [`round`]; a [`client`] on another core keeps the worker busy, and the kernel says how much
//! CPU time the worker has had ([`cores`]). What was measured is saved ([`results`]); all that people read is made from it.

pub mod chart;
pub mod client;
pub mod cores;
pub mod estimate;
pub mod grid;
pub mod listener;
pub mod lua;
pub mod machine;
pub mod page;
pub mod results;
pub mod round;
pub mod rules;
pub mod scenes;
pub mod shop;
pub mod stage;
pub mod starts;
pub mod swaps;
pub mod tables;
pub mod targets;
pub mod turn;
pub mod upstream;
pub mod wasm;
pub mod wrk;

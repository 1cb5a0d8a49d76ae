//! Simulation: what the rules say of many requests that nobody sends.
//!
//! The rules are asked by the very functions that the filters ask them by, with the configuration that the filters would
//! be given. There is no proxy: no guard has withdrawn anything, and every destination is there.

mod key;
mod moves;
mod report;
mod request;
mod rules;
mod run;
mod way;

pub(crate) use key::{KeyPlace, Keys};
pub(crate) use moves::Moves;
pub(crate) use report::{Labels, moves_json, moves_table, run_json, run_notes, run_table};
pub(crate) use request::Asked;
pub(crate) use rules::Rules;
pub(crate) use run::Run;
pub(crate) use way::{Way, way_in};

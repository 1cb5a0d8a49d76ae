//! Serin's command line, and what it is made of.
//!
//! People write manifests; [`manifests`] reads them into a [`World`](manifests::World). [`render`] draws an Envoy
//! configuration from it, [`envoy`] runs one, and [`pocket`] puts an echo server for every pod behind it: a cluster in a
//! pocket, in which requests can be sent ([`load`]) and seen. [`scenario`] says beforehand who should get what, and judges;
//! `simulate` asks the rules alone.

pub mod command;
pub mod echo;
pub mod envoy;
pub mod load;
pub mod manifests;
mod modules;
pub mod pocket;
pub mod render;
pub mod scenario;
mod simulate;
mod table;
mod yaml;

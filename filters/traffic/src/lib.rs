//! What Istio's traffic rules decide about a request, as pure functions over plain values.
//!
//! A configuration is *written* ([`written`]: manifests as people type them), then *compiled* ([`Policy`]: what
//! requests ask). Compiling refuses what is wrong, with path and reason; afterwards nothing can fail:
//!
//! ```
//! use serin_traffic::{Policy, written::{Configuration, Source}};
//!
//! let written = br#"{"resources": [{
//!     "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "reviews"},
//!     "spec": {"hosts": ["reviews"], "http": [{"route": [
//!         {"destination": {"host": "reviews", "subset": "v1"}, "weight": 90},
//!         {"destination": {"host": "reviews", "subset": "v2"}, "weight": -10}]}]}}]}"#;
//! let refusal = Policy::compile(&Configuration::from_json(written)?, &Source::default()).unwrap_err();
//! assert_eq!(refusal.to_string(), "resources[0].spec.http[0].route[1].weight: -10 is negative");
//! # Ok::<(), serin_traffic::Refusal>(())
//! ```
//!
//! # Terms
//!
//! A **rule** is one entry of a VirtualService's `http[]`; a **match** is one entry of its `match[]`. An [`Outcome`] says
//! which rule applies to a request. A [`Ticket`] is what a request draws; it decides which **destination** a weighted
//! rule gives, and whether a **mirror** gets a copy, the **shadow**.
//!
//! # Scope
//!
//! This crate knows neither the proxy nor any I/O: no clock, no randomness, no logging. Callers bring them as values.
//!
//! # Tests
//!
//! Unit tests stand in `mod tests` at the end of their file, or, once they pass a hundred lines, in `tests.rs` in the folder
//! of that name; what needs several files of one folder is tested in its `tests/`. All else is tested from outside, in
//! `tests/it`. `#[test]` is `wasm_test::test` everywhere, so that all of them run as wasm32 too.

#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![deny(unsafe_code)]

mod action;
pub mod age;
mod cache_control;
mod canary;
mod changes;
mod compile;
mod decision;
pub mod destination_rules;
mod digest;
pub mod duration;
mod format;
pub mod guard;
mod handoff;
mod headers;
mod index;
pub mod instant;
mod key;
mod lookup;
mod matching;
pub mod metrics;
pub mod names;
mod order;
mod policy;
mod printable;
mod refusal;
mod request;
#[cfg(test)]
mod scene;
pub mod shadow;
mod share;
mod sorted;
mod split;
pub mod visibility;
#[cfg(test)]
mod wasm_test;
pub mod written;

pub use action::{Fault, RETRY_HEADER, RetryPolicy};
pub use cache_control::private;
pub use canary::{Choice, PickedBy, Worker};
pub use changes::{Change, Reply};
pub use compile::Compiled;
pub use decision::{Chosen, CopyTo, CopyWay, Decision, Part, Reveal, Watch};
pub use digest::Digest;
pub use format::given_key;
pub use handoff::{Handoff, ROUTE_KEY, SENT_KEY};
pub use headers::{CLUSTER_HEADER, OWN_PREFIX, SUBSET_HEADER};
pub use key::{Found, IssuedCookie, KeyChain, KeySource, keyed_ticket};
pub use names::cluster::{ClusterName, ClusterTemplate, ISTIO_TEMPLATE, subset_of_labels};
pub use policy::{Applied, Destination, Mirror, Outcome, Policy, ResponseChanges, Rule, RuleId, VirtualService};
pub use printable::Printable;
pub use refusal::{Place, Refusal, Warning};
pub use request::{Field, Headers, Request, Response};
pub use share::Share;
pub use sorted::Sorted;
pub use split::{History, Pick, Ramp, Rotation, Sticky, Ticket, Weights, split};

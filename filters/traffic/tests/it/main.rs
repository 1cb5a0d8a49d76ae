//! What rules decide about requests, scene by scene: natively, and on wasm32 in Node.

mod actions;
mod canary;
mod canary_policies;
mod conformance;
mod delegates;
mod handoff;
mod hosts;
mod matches;
mod mirrors;
mod refusals;
mod resources;
mod route_rules;
mod samples;
mod scene;
mod splits;
mod tickets;
mod validation;

//! Tests of the command line and its parts; those that need an Envoy start a real one, and fail without it.

mod actions;
mod backend;
mod callouts;
mod command_line;
mod compose;
mod conformance;
mod echo;
mod elsewhere;
mod equivalence;
mod examples;
mod files;
mod gateways;
mod istio;
mod judging;
mod jwt;
mod manifests;
mod metrics;
mod pages;
mod pocket;
mod process;
mod rendering;
mod scenarios;
mod shadows;
mod simulate;
mod splits;
mod up;

//! The modules in the test host: alone, in a chain, and all in one, scene by scene.

mod actions;
mod configuration;
mod conformance;
mod contract;
mod copies;
mod cost;
mod decisions;
mod hostcalls;
mod metrics;
mod routing;
mod scene;
mod shadows;
mod size;
mod splits;
mod withdrawals;

//! The filters' metrics: what a real Envoy makes of them, and what is shown and told of them.

mod arrival;
mod dashboard;
mod guest;
mod page;
mod query;

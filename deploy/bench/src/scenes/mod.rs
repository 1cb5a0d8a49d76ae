//! Who is measured, in which scene.

mod rules;
mod splits;

use serde_json::{Value, json};
use serin_modules::Module;

pub use rules::{FLOOR, HOSTCALLS, rules};
pub use splits::*;

/// An Envoy without a filter.
pub const NOTHING: &str = "no filter";
/// A filter that exports every callback and does nothing in them.
pub const EMPTY: &str = "empty Wasm filter";
/// Envoy's own route table.
pub const TABLE: &str = "Envoy's own routes";
/// A filter in Lua.
pub const LUA: &str = "Lua";
/// The first module of the chain.
pub const HEADER_ROUTER: &str = "header-router";
/// All in one module.
pub const CANARY: &str = "canary";
/// Three modules that do the same.
pub const CHAIN: &str = "chain of three";

/// The filters of a subject that is Serin.
pub fn modules(subject: &str) -> &'static [Module] {
    match subject {
        HEADER_ROUTER => &[Module::HeaderRouter],
        CANARY => &[Module::Canary],
        CHAIN => &Module::CHAIN,
        _ => &[],
    }
}

/// One route for everything, with that action.
fn everything(action: Value) -> Vec<Value> {
    vec![json!({"match": {"prefix": "/"}, "route": action})]
}

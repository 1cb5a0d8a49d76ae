//! canary: header-router, subset-picker and shadow-mirror in one module, with one call into the VM per request.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use serin_shell::Filter;
use serin_traffic::Part;

proxy_wasm::main! {{
    serin_shell::start::<Canary>();
}}

struct Canary;

impl Filter for Canary {
    const NAME: &'static str = "canary";
    const PART: Part = Part::All;
}

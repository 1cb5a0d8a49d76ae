//! shadow-mirror: decides which copies of a request are sent, and has Envoy send them.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use serin_shell::Filter;
use serin_traffic::Part;

proxy_wasm::main! {{
    serin_shell::start::<ShadowMirror>();
}}

struct ShadowMirror;

impl Filter for ShadowMirror {
    const NAME: &'static str = "shadow-mirror";
    const PART: Part = Part::Copy;
}

//! header-router: decides which rule of which VirtualService applies to a request, and routes those of one destination.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use serin_shell::Filter;
use serin_traffic::Part;

proxy_wasm::main! {{
    serin_shell::start::<HeaderRouter>();
}}

struct HeaderRouter;

impl Filter for HeaderRouter {
    const NAME: &'static str = "header-router";
    const PART: Part = Part::Route;
}

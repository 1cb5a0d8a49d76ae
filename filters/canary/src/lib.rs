//! canary: header-router, subset-picker and shadow-mirror in one module, with one call into the VM per request.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use serin_shell::{Filter, Plugin, Request, Root};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::<Root<Canary>>::default());
}}

/// The context of one request.
struct Canary(Rc<Plugin>);

impl Filter for Canary {
    const NAME: &'static str = "canary";

    fn stream(plugin: Rc<Plugin>) -> Box<dyn HttpContext> {
        Box::new(Self(plugin))
    }
}

impl Context for Canary {}

impl HttpContext for Canary {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut request = Request::current(&self.0);
        if request.answer_unmatched() {
            return Action::Pause;
        }
        if let Some(rule) = request.rule() {
            if let Some(destination) = rule.pick(|| self.0.draws.draw()) {
                request.send_to(destination);
            }
            request.copy_to(rule.shadows(|| self.0.draws.draw()));
        }
        request.finish();
        Action::Continue
    }
}

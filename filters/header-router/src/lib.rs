//! header-router: decides which rule of which VirtualService applies to a request, and routes those of one destination.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use serin_shell::{Filter, Plugin, Request, Root};
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::<Root<HeaderRouter>>::default());
}}

/// The context of one request.
struct HeaderRouter(Rc<Plugin>);

impl Filter for HeaderRouter {
    const NAME: &'static str = "header-router";

    fn stream(plugin: Rc<Plugin>) -> Box<dyn HttpContext> {
        Box::new(Self(plugin))
    }
}

impl Context for HeaderRouter {}

impl HttpContext for HeaderRouter {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut request = Request::current(&self.0);
        if request.answer_unmatched() {
            return Action::Pause;
        }
        if let Some(destination) = request.rule().and_then(|rule| rule.only_destination()) {
            request.send_to(destination);
        }
        request.finish();
        Action::Continue
    }
}

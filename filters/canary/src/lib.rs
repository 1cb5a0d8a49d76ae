//! canary: header-router, subset-picker and shadow-mirror in one module, with one call into the VM per request.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use serin_shell::{Filter, Plugin, Request, Routing, Shadowing};
use std::rc::Rc;

proxy_wasm::main! {{
    serin_shell::start::<Canary>();
}}

/// The context of one request.
struct Canary {
    plugin: Rc<Plugin>,
    context_id: u32,
    routing: Routing,
    shadowing: Shadowing,
}

impl Filter for Canary {
    const NAME: &'static str = "canary";

    fn stream(plugin: Rc<Plugin>, context_id: u32) -> Box<dyn HttpContext> {
        Box::new(Self { plugin, context_id, routing: Routing::default(), shadowing: Shadowing::default() })
    }
}

impl Context for Canary {}

impl HttpContext for Canary {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let request = Request::current(&self.plugin, self.context_id);
        let shadowing = &mut self.shadowing;
        self.routing.route(
            request,
            |request, rule| request.pick(rule),
            |request, rule, held| shadowing.copy(request, rule, end_of_stream, held),
        )
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.shadowing.request_body(&self.plugin, size, end_of_stream);
        Action::Continue
    }

    fn on_http_request_trailers(&mut self, _count: usize) -> Action {
        self.shadowing.request_trailers(&self.plugin);
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        self.shadowing.response_headers(&self.plugin, end_of_stream);
        self.routing.answer()
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.shadowing.response_body(&self.plugin, size, end_of_stream);
        Action::Continue
    }

    fn on_http_response_trailers(&mut self, _count: usize) -> Action {
        self.shadowing.response_end(&self.plugin);
        Action::Continue
    }

    fn on_log(&mut self) {
        // Its client did not wait until it went on.
        if self.routing.waits() {
            self.shadowing.unrouted(&self.plugin);
        }
        self.routing.end(&self.plugin);
        self.shadowing.end(&self.plugin);
    }
}

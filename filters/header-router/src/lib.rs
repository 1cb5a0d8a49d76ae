//! header-router: decides which rule of which VirtualService applies to a request, and routes those of one destination.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use serin_shell::{Filter, Plugin, Request, Routing};
use std::rc::Rc;

proxy_wasm::main! {{
    serin_shell::start::<HeaderRouter>();
}}

/// The context of one request.
struct HeaderRouter {
    plugin: Rc<Plugin>,
    context_id: u32,
    routing: Routing,
}

impl Filter for HeaderRouter {
    const NAME: &'static str = "header-router";

    fn stream(plugin: Rc<Plugin>, context_id: u32) -> Box<dyn HttpContext> {
        Box::new(Self { plugin, context_id, routing: Routing::default() })
    }
}

impl Context for HeaderRouter {}

impl HttpContext for HeaderRouter {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let request = Request::current(&self.plugin, self.context_id);
        self.routing.route(request, |request, rule| request.only_destination(rule), |_, _, _| ())
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.routing.answer()
    }
}

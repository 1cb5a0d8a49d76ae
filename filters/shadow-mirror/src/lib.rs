//! shadow-mirror: decides which copies of a request are sent, and has Envoy send them.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use serin_shell::{Filter, Plugin, Request, Response, Shadowing};
use std::rc::Rc;

proxy_wasm::main! {{
    serin_shell::start::<ShadowMirror>();
}}

/// The context of one request.
struct ShadowMirror {
    plugin: Rc<Plugin>,
    context_id: u32,
    /// What is to be done to the answer.
    response: Response,
    shadowing: Shadowing,
}

impl Filter for ShadowMirror {
    const NAME: &'static str = "shadow-mirror";

    fn stream(plugin: Rc<Plugin>, context_id: u32) -> Box<dyn HttpContext> {
        Box::new(Self { plugin, context_id, response: Response::default(), shadowing: Shadowing::default() })
    }
}

impl Context for ShadowMirror {}

impl HttpContext for ShadowMirror {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let mut request = Request::current(&self.plugin, self.context_id);
        if let Some(rule) = request.rule() {
            self.shadowing.copy(&mut request, rule, end_of_stream, None);
        }
        self.response = request.finish();
        Action::Continue
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
        self.response.headers();
        Action::Continue
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
        self.shadowing.end(&self.plugin);
    }
}

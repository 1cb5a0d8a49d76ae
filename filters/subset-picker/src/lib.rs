//! subset-picker: decides which of a rule's weighted destinations a request gets.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use serin_shell::{Filter, Plugin, Request, Response};
use std::rc::Rc;

proxy_wasm::main! {{
    serin_shell::start::<SubsetPicker>();
}}

/// The context of one request.
struct SubsetPicker {
    plugin: Rc<Plugin>,
    context_id: u32,
    /// What is to be done to the answer.
    response: Response,
}

impl Filter for SubsetPicker {
    const NAME: &'static str = "subset-picker";

    fn stream(plugin: Rc<Plugin>, context_id: u32) -> Box<dyn HttpContext> {
        Box::new(Self { plugin, context_id, response: Response::default() })
    }
}

impl Context for SubsetPicker {}

impl HttpContext for SubsetPicker {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut request = Request::current(&self.plugin, self.context_id);
        if let Some(rule) = request.rule() {
            // Where there is nothing to choose, the filter that matched the request has sent it on its way.
            let settled = request.is_reused() && rule.only_destination().is_some();
            if !settled {
                if let Some(destination) = request.pick(rule) {
                    request.send_to(destination);
                }
            }
        }
        self.response = request.finish();
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.response.headers();
        Action::Continue
    }

    fn on_log(&mut self) {
        self.response.end(&self.plugin);
    }
}

//! header-router: decides which rule of which VirtualService applies to a request, and routes those of one destination.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};
use serin_shell::{Filter, Held, Passage, Plugin, Request, Root, change_response};
use serin_traffic::Change;
use std::rc::Rc;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::<Root<HeaderRouter>>::default());
}}

/// The context of one request.
struct HeaderRouter {
    plugin: Rc<Plugin>,
    context_id: u32,
    /// What is to be done to the answer.
    response_changes: Vec<Change>,
    /// The request waits while this is held.
    held: Option<Held>,
}

impl Filter for HeaderRouter {
    const NAME: &'static str = "header-router";

    fn stream(plugin: Rc<Plugin>, context_id: u32) -> Box<dyn HttpContext> {
        Box::new(Self { plugin, context_id, response_changes: Vec::new(), held: None })
    }
}

impl Context for HeaderRouter {}

impl HttpContext for HeaderRouter {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        let mut request = Request::current(&self.plugin, self.context_id);
        match request.pass() {
            Passage::Answered(held) => {
                self.held = held;
                return Action::Pause;
            }
            Passage::Later(held) => self.held = Some(held),
            Passage::Free => {}
        }
        if let Some(rule) = request.rule() {
            self.response_changes = request.apply(rule);
            if let Some(destination) = rule.only_destination() {
                request.send_to(destination);
                // The rule has the last word on the answer, as it has in Envoy.
                self.response_changes.splice(0..0, destination.response_changes.iter().cloned());
            }
        }
        request.finish();
        if self.held.is_some() { Action::Pause } else { Action::Continue }
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        change_response(&self.response_changes);
        Action::Continue
    }
}

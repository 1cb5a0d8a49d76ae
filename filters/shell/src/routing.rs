//! header-router's part in a request and its answer; canary plays it too.

use crate::delays::Held;
use crate::request::{Passage, Request};
use crate::response::Response;
use crate::root::Plugin;
use proxy_wasm::types::Action;
use serin_traffic::{Destination, Rule};

/// What is remembered of a request between its way there and its answer.
#[derive(Default)]
pub struct Routing {
    /// What is to be done to the answer.
    response: Response,
    /// The request waits while this is held.
    held: Option<Held>,
}

impl Routing {
    /// Does to the request what its rule says. `send` says to which destination it goes; `sent` is told once it is as its
    /// destination will see it, and whether it waits.
    pub fn route<'p>(
        &mut self,
        mut request: Request<'p>,
        send: impl FnOnce(&mut Request<'p>, &'p Rule) -> Option<&'p Destination>,
        sent: impl FnOnce(&mut Request<'p>, &'p Rule, Option<&Held>),
    ) -> Action {
        match request.pass() {
            Passage::Answered(held) => {
                self.held = held;
                self.response = request.finish();
                return Action::Pause;
            }
            Passage::Later(held) => self.held = Some(held),
            Passage::Free => {}
        }
        if let Some(rule) = request.rule() {
            request.apply(rule);
            let destination = send(&mut request, rule);
            if let Some(destination) = destination {
                request.send_to(destination);
                sent(&mut request, rule, self.held.as_ref());
            }
            request.apply_to_response(rule, destination);
        }
        self.response = request.finish();
        if self.held.is_some() { Action::Pause } else { Action::Continue }
    }

    /// Does to the answer what the rule says.
    pub fn answer(&self) -> Action {
        self.response.headers();
        Action::Continue
    }

    /// Whether the request still waits, so that it has gone nowhere yet.
    pub fn waits(&self) -> bool {
        self.held.as_ref().is_some_and(Held::waits)
    }

    /// Learns from how the request ended.
    pub fn end(&self, plugin: &Plugin) {
        self.response.end(plugin);
    }
}

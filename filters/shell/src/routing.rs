//! header-router's part in a request and its answer; canary plays it too.

use crate::delays::Held;
use crate::request::{Passage, Request, change_response};
use proxy_wasm::types::Action;
use serin_traffic::{Change, Destination, Rule};

/// What is remembered of a request between its way there and its answer.
#[derive(Default)]
pub struct Routing {
    /// What is to be done to the answer.
    response_changes: Vec<Change>,
    /// The request waits while this is held.
    held: Option<Held>,
}

impl Routing {
    /// Does to the request what its rule says. `send` sends it on its way, and says to which destination.
    pub fn route<'p>(
        &mut self,
        mut request: Request<'p>,
        send: impl FnOnce(&mut Request<'p>, &'p Rule) -> Option<&'p Destination>,
    ) -> Action {
        match request.pass() {
            Passage::Answered(held) => {
                self.held = held;
                return Action::Pause;
            }
            Passage::Later(held) => self.held = Some(held),
            Passage::Free => {}
        }
        if let Some(rule) = request.rule() {
            let of_rule = request.apply(rule);
            if let Some(destination) = send(&mut request, rule) {
                request.send_to(destination);
                self.response_changes.clone_from(&destination.response_changes);
            }
            // The rule has the last word on the answer, as it has in Envoy.
            self.response_changes.extend(of_rule);
        }
        request.finish();
        if self.held.is_some() { Action::Pause } else { Action::Continue }
    }

    /// Does to the answer what the rule says.
    pub fn answer(&self) -> Action {
        change_response(&self.response_changes);
        Action::Continue
    }
}

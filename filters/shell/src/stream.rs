//! A stream: a request is decided when its headers arrive, and here the decision is carried out.
//!
//! Nothing is decided here: which rule applies, in which order it is carried out and what comes of it stands in
//! [`serin_traffic::Decision`].
//!
//! Envoy chooses its route again once a filter has changed a header of the request, without being asked: to modules of the ABI
//! that the SDK writes, up to 0.2.1, that is promised (Envoy 1.33, release notes). What the proxy refuses is left undone.

use crate::arrival::Arrival;
use crate::counts::Owner;
use crate::delays::{self, Held};
use crate::hostcall::{self, Side};
use crate::plugin::{Filter, Plugin};
use crate::response::{Response, make};
use crate::shadowing::Shadowing;
use crate::worker;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;
use serin_traffic::shadow::SLOT;
use serin_traffic::{CLUSTER_HEADER, Chosen, Decision, ROUTE_KEY, Reply, RuleId, SENT_KEY, SUBSET_HEADER, Watch};
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::Duration;

/// The context of one request in the module `F`.
pub(crate) struct Stream<F> {
    plugin: Rc<Plugin>,
    context_id: u32,
    /// The request waits while this is held.
    held: Option<Held>,
    response: Response,
    /// What is to be learnt from how the request ends.
    watch: Option<Watch>,
    /// What holds only if another filter sends the request to the destination that was chosen here.
    handed_on: Option<HandedOn>,
    shadowing: Shadowing,
    filter: PhantomData<F>,
}

/// A destination that was chosen here and is for a later filter to name.
struct HandedOn {
    rule: RuleId,
    response_levels: usize,
    passed_over: Option<usize>,
}

/// What a wait and a local reply leave of a request.
enum Passage {
    /// It goes on, perhaps later: the stream is paused while it is held.
    On,
    /// It gets a local reply: the stream is paused, and nothing more done to it.
    Answered,
}

impl<F: Filter> Stream<F> {
    pub(crate) fn new(plugin: Rc<Plugin>, context_id: u32) -> Self {
        let (response, shadowing) = (Response::default(), Shadowing::default());
        Self { plugin, context_id, held: None, response, watch: None, handed_on: None, shadowing, filter: PhantomData }
    }

    /// Carries out what was decided about `request`, which is without a body if it is `whole`.
    #[inline(never)]
    fn carry_out(&mut self, plugin: &Plugin, request: &Arrival<'_>, decision: Decision<'_>, whole: bool) -> Action {
        let rule = decision.rule();
        if let Some(text) = &decision.publish {
            // Refused, it costs the filters behind this one a match of their own.
            let _ = hostcall::set_filter_state(ROUTE_KEY, text.as_bytes());
        }
        if let Some(reveal) = &decision.reveal {
            self.response.reveal(reveal);
        }
        for change in &decision.request {
            let _ = make(Side::Request, change);
        }
        let passage = self.wait_and_reply(plugin, decision.wait, decision.reply);
        if let Passage::On = passage {
            if let Some((cookie, value)) = decision.destination.as_ref().and_then(Chosen::cookie) {
                self.response.issue(cookie, value, request.is_secure());
            }
            self.response.change(decision.response);
            let [virtual_service, name] = &decision.names;
            let owner = Owner { rule, names: [virtual_service, name] };
            match &decision.destination {
                Some(chosen) if chosen.is_handed_on => self.hand_on(rule, chosen),
                Some(chosen) => self.send_to(plugin, owner, chosen),
                None => {}
            }
            if !decision.copies.is_empty() {
                let held = self.held.as_ref();
                self.shadowing.copy(plugin, owner, &decision.copies, whole, held, |number, cluster| {
                    let slot = format!("{SLOT}{number}");
                    let _ = hostcall::set_header(Side::Request, &slot, cluster.as_bytes());
                });
            }
        }
        if matches!(passage, Passage::Answered) || self.held.is_some() { Action::Pause } else { Action::Continue }
    }

    fn wait_and_reply(&mut self, plugin: &Plugin, wait: Option<Duration>, reply: Option<Reply>) -> Passage {
        let waits = reply.is_some();
        let reply = match wait {
            None => reply,
            Some(wait) => match plugin.delays.hold(self.context_id, wait, reply) {
                Ok(held) => {
                    self.held = Some(held);
                    return if waits { Passage::Answered } else { Passage::On };
                }
                // There is no memory to keep the reply in: it is given now.
                Err(reply) => reply,
            },
        };
        if reply.as_ref().is_some_and(delays::answer) { Passage::Answered } else { Passage::On }
    }

    fn send_to(&mut self, plugin: &Plugin, owner: Owner<'_>, chosen: &Chosen<'_>) {
        plugin.requests.count(&plugin.counts, owner, chosen);
        if let Some((rule, place)) = owner.rule.zip(chosen.passed_over()) {
            worker::count_failover(plugin, rule, place);
        }
        self.watch = chosen.watch;
        if chosen.confirm {
            let _ = hostcall::set_filter_state(SENT_KEY, b"1");
        }
        let _ = hostcall::set_header(Side::Request, CLUSTER_HEADER, chosen.cluster.as_bytes());
        if let Some(subset) = &chosen.subset {
            let _ = hostcall::set_header(Side::Request, SUBSET_HEADER, subset.as_bytes());
        }
    }

    /// Remembers what belongs to a destination that a later filter is to name, until it is known whether one has.
    fn hand_on(&mut self, rule: Option<RuleId>, chosen: &Chosen<'_>) {
        self.watch = chosen.watch;
        let (response_levels, passed_over) = (chosen.response_levels(), chosen.passed_over());
        self.handed_on =
            rule.filter(|_| chosen.has_consequences()).map(|rule| HandedOn { rule, response_levels, passed_over });
    }

    /// Finds out whether a later filter has sent the request where it was decided here.
    fn find_out_whether_sent(&mut self) {
        let Some(HandedOn { rule, response_levels, passed_over }) = self.handed_on.take() else {
            return;
        };
        if hostcall::property(&[SENT_KEY]).is_none() {
            self.watch = None;
            self.response.leave_out_destination(response_levels);
        } else if let Some(place) = passed_over {
            worker::count_failover(&self.plugin, rule, place);
        }
    }
}

impl<F> Context for Stream<F> {}

impl<F: Filter> HttpContext for Stream<F> {
    fn on_http_request_headers(&mut self, _count: usize, end_of_stream: bool) -> Action {
        let plugin = Rc::clone(&self.plugin);
        let request = Arrival::new(&plugin.policy);
        let before = if plugin.policy.is_first() { None } else { request.before() };
        let decision = plugin.policy.decide(&request, &*plugin, F::PART, before);
        self.carry_out(&plugin, &request, decision, end_of_stream)
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
        self.find_out_whether_sent();
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
        // Its client did not wait until it went on.
        if self.held.as_ref().is_some_and(Held::waits) {
            self.shadowing.unrouted(&self.plugin);
        }
        self.find_out_whether_sent();
        if let Some(watch) = self.watch {
            worker::learn(&self.plugin, watch);
        }
        self.shadowing.end(&self.plugin);
    }
}

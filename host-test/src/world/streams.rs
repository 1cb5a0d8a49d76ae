//! Streams: one request and its response, and where in the chain of filters each part of them is.

use super::attributes::Tree;
use super::clock::Instant;
use super::context::StreamId;
use super::fields::Fields;
use super::logging::LogLine;
use crate::cost::{Cost, Hostcall};
use crate::request::Request;
use crate::response::{Reply, Response};
use std::collections::{BTreeMap, VecDeque};

/// Which way a message passes the chain: requests first to last, responses last to first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// A part of a message on its way. The bytes of headers and trailers lie in the message itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Headers { end: bool },
    Body { bytes: Vec<u8>, end: bool },
    Trailers,
}

/// A request or a response as it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) headers: Fields,
    pub(crate) trailers: Fields,
    /// The bytes of the body as it arrived.
    pub(crate) body_len: usize,
}

/// What has left the chain at its far end.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Passed {
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    pub(crate) complete: bool,
}

/// How a filter holds a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// Headers wait, bodies still reach the filter (`StopIteration` where it is allowed).
    Headers,
    /// Nothing reaches the filter until it continues (`StopAllIterationAndWatermark`).
    Everything,
}

/// One direction at one filter: what waits before it, and what it holds.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) inbox: VecDeque<Part>,
    pub(crate) hold: Option<Hold>,
    /// Whether headers were given to the filter and not passed on.
    pub(crate) headers_held: Option<bool>,
    /// The body that the filter sees; it is kept between callbacks while `body_held`.
    pub(crate) body: Vec<u8>,
    pub(crate) body_held: bool,
    pub(crate) body_end: bool,
    pub(crate) trailers_held: bool,
    /// What the filter may touch now; Envoy takes a map away as soon as it is passed on.
    pub(crate) headers_open: bool,
    pub(crate) body_open: bool,
    pub(crate) trailers_open: bool,
}

impl Gate {
    fn is_held(&self) -> bool {
        self.hold.is_some() || self.body_held || self.trailers_held
    }
}

/// One filter in the chain of one stream.
#[derive(Debug)]
pub(crate) struct Stage {
    /// The VM and plugin context that serve it; none if the filter is skipped (failed open).
    pub(crate) server: Option<Server>,
    pub(crate) request: Gate,
    pub(crate) response: Gate,
}

/// Who serves a stage.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server {
    pub(crate) vm: usize,
    pub(crate) root: u32,
    /// The stream context, once it is created.
    pub(crate) context: Option<u32>,
}

impl Stage {
    pub(crate) fn gate(&mut self, direction: Direction) -> &mut Gate {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

/// One request and its response.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) worker: usize,
    pub(crate) started: Instant,
    pub(crate) destination_port: u16,
    pub(crate) attributes: Tree,
    pub(crate) filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) request: Message,
    pub(crate) response: Option<Message>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) upstream: Option<Passed>,
    pub(crate) downstream: Option<Passed>,
    pub(crate) replied: bool,
    pub(crate) details: Option<String>,
    pub(crate) reset: bool,
    pub(crate) logging: bool,
    pub(crate) route_cache_clears: u32,
    pub(crate) automatic_clears: u32,
    pub(crate) fuel: u64,
    pub(crate) costs: Vec<Cost>,
    pub(crate) hostcalls: Vec<Hostcall>,
    pub(crate) log: Vec<LogLine>,
    /// Counts changes, so that an exchange knows when to look again.
    pub(crate) version: u64,
}

impl Stream {
    /// A request before the first filter.
    pub(crate) fn new(id: StreamId, started: Instant, request: Request, servers: Vec<Option<Server>>) -> Stream {
        let body_len = request.chunks.iter().map(Vec::len).sum();
        let stages =
            servers.into_iter().map(|server| Stage { server, request: Gate::default(), response: Gate::default() });
        let mut stream = Stream {
            id,
            worker: request.worker,
            started,
            destination_port: request.port,
            attributes: request.attributes,
            filter_state: BTreeMap::new(),
            request: Message { headers: request.headers, trailers: request.trailers, body_len },
            response: None,
            stages: stages.collect(),
            upstream: None,
            downstream: None,
            replied: false,
            details: None,
            reset: false,
            logging: false,
            route_cache_clears: 0,
            automatic_clears: 0,
            fuel: 0,
            costs: Vec::new(),
            hostcalls: Vec::new(),
            log: Vec::new(),
            version: 0,
        };
        let trailers = !stream.request.trailers.is_empty();
        stream.enter_all(Direction::Request, request.chunks, trailers, !request.abandoned);
        stream
    }

    /// The upstream's response arrives.
    pub(crate) fn respond(&mut self, response: Response) {
        let trailers = !response.trailers.is_empty();
        let body_len = response.body.len();
        self.details = Some(response.details);
        self.response = Some(Message { headers: response.headers, trailers: response.trailers, body_len });
        self.enter_all(Direction::Response, response.chunks, trailers, true);
    }

    fn enter_all(&mut self, direction: Direction, chunks: Vec<Vec<u8>>, trailers: bool, ends: bool) {
        let mut left = chunks.len();
        self.enter(direction, Part::Headers { end: ends && left == 0 && !trailers });
        for bytes in chunks {
            left -= 1;
            self.enter(direction, Part::Body { bytes, end: ends && left == 0 && !trailers });
        }
        if trailers && ends {
            self.enter(direction, Part::Trailers);
        }
    }

    /// Whether parts pass in this direction now.
    pub(crate) fn passes(&self, direction: Direction) -> bool {
        match direction {
            Direction::Request => self.response.is_none(),
            Direction::Response => self.response.is_some(),
        }
    }

    fn gate(&self, direction: Direction, place: usize) -> Option<&Gate> {
        self.stages.get(place).map(|stage| match direction {
            Direction::Request => &stage.request,
            Direction::Response => &stage.response,
        })
    }

    pub(crate) fn body(&self, direction: Direction, place: usize) -> Option<&[u8]> {
        self.gate(direction, place).filter(|gate| gate.body_open).map(|gate| gate.body.as_slice())
    }

    pub(crate) fn body_mut(&mut self, direction: Direction, place: usize) -> Option<&mut Vec<u8>> {
        let gate = self.stages.get_mut(place)?.gate(direction);
        gate.body_open.then_some(&mut gate.body)
    }

    /// Puts a part before the first filter of its direction.
    pub(crate) fn enter(&mut self, direction: Direction, part: Part) {
        match direction {
            Direction::Request => self.hand_to(direction, Some(0), part),
            Direction::Response => self.hand_to(direction, self.stages.len().checked_sub(1), part),
        }
    }

    /// Passes a part on from the filter at `place`.
    pub(crate) fn pass_on(&mut self, direction: Direction, place: usize, part: Part) {
        let next = match direction {
            Direction::Request => Some(place + 1),
            Direction::Response => place.checked_sub(1),
        };
        self.hand_to(direction, next, part);
    }

    fn hand_to(&mut self, direction: Direction, place: Option<usize>, part: Part) {
        match place.and_then(|place| self.stages.get_mut(place)) {
            Some(stage) => stage.gate(direction).inbox.push_back(part),
            None => self.leave(direction, part),
        }
    }

    /// A part leaves the chain: for the router, or for the client.
    fn leave(&mut self, direction: Direction, part: Part) {
        let (far_end, message) = match direction {
            Direction::Request => (&mut self.upstream, Some(&self.request)),
            Direction::Response => (&mut self.downstream, self.response.as_ref()),
        };
        let Some(message) = message else { return };
        let passed = far_end.get_or_insert_default();
        match part {
            Part::Headers { end } => {
                passed.headers = message.headers.clone();
                passed.complete = end;
            }
            Part::Body { bytes, end } => {
                passed.body.extend(bytes);
                passed.complete = end;
            }
            Part::Trailers => {
                passed.trailers = message.trailers.clone();
                passed.complete = true;
            }
        }
    }

    /// The next part that a filter can take: the one that has come furthest.
    pub(crate) fn next_part(&mut self, direction: Direction) -> Option<(usize, Part)> {
        let count = self.stages.len();
        let furthest_first =
            (0..count).map(|step| if direction == Direction::Request { count - 1 - step } else { step });
        for place in furthest_first {
            let gate = self.stages[place].gate(direction);
            if gate.hold != Some(Hold::Everything)
                && let Some(part) = gate.inbox.pop_front()
            {
                return Some((place, part));
            }
        }
        None
    }

    /// Passes on whatever the filter at `place` holds (Envoy `commonContinue`).
    pub(crate) fn release(&mut self, direction: Direction, place: usize) {
        let gate = self.stages[place].gate(direction);
        gate.hold = None;
        (gate.headers_open, gate.body_open, gate.trailers_open) = (false, false, false);
        let mut parts = Vec::new();
        parts.extend(gate.headers_held.take().map(|end| Part::Headers { end }));
        if std::mem::take(&mut gate.body_held) {
            parts.push(Part::Body { bytes: std::mem::take(&mut gate.body), end: gate.body_end });
        }
        if std::mem::take(&mut gate.trailers_held) {
            parts.push(Part::Trailers);
        }
        for part in parts {
            self.pass_on(direction, place, part);
        }
    }

    /// Throws away what is still on its way in a direction.
    pub(crate) fn discard(&mut self, direction: Direction) {
        for stage in &mut self.stages {
            *stage.gate(direction) = Gate::default();
        }
    }

    /// Whether a filter holds the request or the response.
    pub(crate) fn is_paused(&self) -> bool {
        self.stages.iter().any(|stage| stage.request.is_held() || stage.response.is_held())
    }

    /// A filter answers in the upstream's place. While the request passes, the reply goes through the filters that have
    /// seen the request; later it goes straight to the client (Envoy `sendLocalReply`).
    pub(crate) fn reply(&mut self, reply: Reply) {
        if self.replied || self.reset || self.downstream.is_some() {
            return;
        }
        self.replied = true;
        self.details = Some(reply.details);
        self.discard(Direction::Request);
        self.discard(Direction::Response);
        let through_filters = self.response.is_none();
        let mut headers = Fields::new();
        headers.add(":status", reply.status.to_string());
        for (name, value) in reply.headers.iter() {
            headers.add(name, value);
        }
        if !reply.body.is_empty() {
            headers.replace("content-length", reply.body.len().to_string());
            if !headers.contains("content-type") {
                headers.add("content-type", "text/plain");
            }
        }
        self.response = Some(Message { headers, trailers: Fields::new(), body_len: reply.body.len() });
        let last = reply.body.is_empty();
        let mut parts = vec![Part::Headers { end: last }];
        if !last {
            parts.push(Part::Body { bytes: reply.body, end: true });
        }
        for part in parts {
            if through_filters {
                self.enter(Direction::Response, part);
            } else {
                self.leave(Direction::Response, part);
            }
        }
    }
}

//! Exchanges: what became of one request.

use crate::cost::{Cost, Hostcall};
use crate::response::Reply;
use crate::sandbox::Shared;
use crate::world::context::StreamId;
use crate::world::fields::Fields;
use crate::world::logging::LogLine;
use crate::world::streams::{Passed, Stream};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// One request, and what has become of it so far. It is a window, not a copy: after an HTTP call is answered, the exchange
/// that waited for it shows what happened then.
pub struct Exchange {
    pub(crate) id: StreamId,
    shared: Shared,
    sent: Passed,
    /// What was seen, newest last. Older views are kept because callers may still hold references into them.
    views: OnceCell<Box<View>>,
}

struct View {
    version: u64,
    seen: Seen,
    next: OnceCell<Box<View>>,
}

#[derive(Clone, Default)]
struct Seen {
    upstream: Passed,
    left: bool,
    reply: Option<Reply>,
    response: Option<Reply>,
    filter_state: BTreeMap<Vec<u8>, Vec<u8>>,
    route_cache_clears: u32,
    automatic_clears: u32,
    paused: bool,
    reset: bool,
    fuel: u64,
    costs: Vec<Cost>,
    hostcalls: Vec<Hostcall>,
    log: Vec<LogLine>,
}

impl Exchange {
    pub(crate) fn new(id: StreamId, shared: Shared, sent: Passed) -> Exchange {
        Exchange { id, shared, sent, views: OnceCell::new() }
    }

    /// The first value of a header of the request that left for the upstream. `None` if it has none, or if nothing has
    /// left: the filters answered themselves, or hold the request.
    ///
    /// # Panics
    ///
    /// If the value is not UTF-8; see [`Exchange::upstream_header_bytes`].
    #[track_caller]
    pub fn upstream_header(&self, name: &str) -> Option<&str> {
        let value = self.upstream_header_bytes(name)?;
        match std::str::from_utf8(value) {
            Ok(text) => Some(text),
            Err(_) => panic!("the upstream header {name} is not UTF-8: {}", value.escape_ascii()),
        }
    }

    /// The first value of a header of the request that left for the upstream, whatever its bytes.
    pub fn upstream_header_bytes(&self, name: &str) -> Option<&[u8]> {
        self.upstream_headers().get(name)
    }

    /// The headers of the request that left for the upstream; none if nothing has left.
    pub fn upstream_headers(&self) -> &Fields {
        &self.seen().upstream.headers
    }

    /// The body that has left for the upstream.
    pub fn upstream_body(&self) -> &[u8] {
        &self.seen().upstream.body
    }

    /// The trailers of the request that left for the upstream.
    pub fn upstream_trailers(&self) -> &Fields {
        &self.seen().upstream.trailers
    }

    /// Whether the request has left with headers, body and trailers exactly as they were sent.
    pub fn is_untouched(&self) -> bool {
        let seen = self.seen();
        seen.left && seen.reply.is_none() && !seen.reset && seen.upstream == self.sent
    }

    /// The headers as the client sent them.
    pub fn sent_headers(&self) -> &Fields {
        &self.sent.headers
    }

    /// What a filter answered in the upstream's place, or the 503 of a filter that has failed.
    pub fn reply(&self) -> Option<&Reply> {
        self.seen().reply.as_ref()
    }

    /// What the client received: the upstream's response as the filters passed it on, or the local reply.
    pub fn response(&self) -> Option<&Reply> {
        self.seen().response.as_ref()
    }

    /// A value of the stream's filter state: what a filter wrote by `set_property`, or by its whole key, as
    /// `envoy.string`.
    pub fn filter_state(&self, name: &str) -> Option<&[u8]> {
        let state = &self.seen().filter_state;
        let own = state.get(format!("wasm.{name}").as_bytes());
        own.or_else(|| state.get(name.as_bytes())).map(Vec::as_slice)
    }

    /// The stream's filter state by Envoy's keys: what `set_property` wrote has the prefix `wasm.`.
    pub fn filter_states(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.seen().filter_state.iter().map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    /// How often filters have cleared the route cache themselves.
    pub fn route_cache_clears(&self) -> u32 {
        self.seen().route_cache_clears
    }

    /// How often Envoy has cleared the route cache on its own, for a changed request header (ABI 0.2.1 and before).
    pub fn automatic_route_cache_clears(&self) -> u32 {
        self.seen().automatic_clears
    }

    /// Whether a filter holds the request or the response.
    pub fn paused(&self) -> bool {
        self.seen().paused
    }

    /// Whether a filter has closed the stream without an answer.
    pub fn was_reset(&self) -> bool {
        self.seen().reset
    }

    /// What filters have logged for this stream.
    pub fn log(&self) -> &[LogLine] {
        &self.seen().log
    }

    /// The fuel that all callbacks of this stream have taken, about one unit for each instruction. It is the same in
    /// every run.
    pub fn fuel(&self) -> u64 {
        self.seen().fuel
    }

    /// The fuel of each callback, in order; empty unless the proxy was built with
    /// [`fuel_metered`](crate::ProxyBuilder::fuel_metered).
    pub fn costs(&self) -> &[Cost] {
        &self.seen().costs
    }

    /// The hostcalls that the callbacks of this stream have made, in order.
    pub fn hostcalls(&self) -> &[Hostcall] {
        &self.seen().hostcalls
    }

    /// Looks at the world again if something has changed since the last look. A stream that has ended stays as it was.
    fn seen(&self) -> &Seen {
        let world = self.shared.world();
        let stream = world.streams.get(&self.id);
        let view =
            |version| Box::new(View { version, seen: stream.map(Seen::of).unwrap_or_default(), next: OnceCell::new() });
        let version = stream.map_or(0, |stream| stream.version);
        let mut newest = self.views.get_or_init(|| view(version));
        while let Some(next) = newest.next.get() {
            newest = next;
        }
        if stream.is_some() && newest.version != version {
            newest = newest.next.get_or_init(|| view(version));
        }
        &newest.seen
    }

    /// Takes the last look, before the stream goes.
    pub(crate) fn look(&self) {
        self.seen();
    }
}

impl Seen {
    fn of(stream: &Stream) -> Seen {
        let response = stream.downstream.as_ref().map(|passed| {
            let status = passed.headers.text(":status").and_then(|status| status.parse().ok()).unwrap_or_default();
            let mut headers = passed.headers.clone();
            headers.remove(":status");
            Reply { status, headers, body: passed.body.clone(), details: stream.details.clone().unwrap_or_default() }
        });
        // What had left before a filter answered is not what the upstream served.
        let upstream = stream.upstream.clone().filter(|_| !stream.replied);
        Seen {
            left: upstream.is_some(),
            upstream: upstream.unwrap_or_default(),
            reply: response.clone().filter(|_| stream.replied),
            response,
            filter_state: stream.filter_state.clone(),
            route_cache_clears: stream.route_cache_clears,
            automatic_clears: stream.automatic_clears,
            paused: stream.is_paused(),
            reset: stream.reset,
            fuel: stream.fuel,
            costs: stream.costs.clone(),
            hostcalls: stream.hostcalls.clone(),
            log: stream.log.clone(),
        }
    }
}

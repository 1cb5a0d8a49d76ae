//! What hostcalls mean: the state of the proxy around its filters, without a pointer in sight.

pub(crate) mod attributes;
pub(crate) mod buffers;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod fields;
pub(crate) mod foreign_functions;
pub(crate) mod grpc_calls;
pub(crate) mod http_calls;
pub(crate) mod http_fields;
pub(crate) mod logging;
pub(crate) mod metrics;
pub(crate) mod properties;
mod protobuf;
pub(crate) mod queues;
pub(crate) mod shared_data;
pub(crate) mod streams;
pub(crate) mod timers;

use crate::response::{Reply, Response};
use clock::Instant;
use context::{Context, RootId, StreamId};
use fields::Fields;
use logging::{Level, LogLine};
use std::collections::{BTreeMap, BTreeSet};
use streams::{Direction, Stream};

/// Everything that the VMs of one proxy share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) log: Vec<LogLine>,
    pub(crate) log_level: Level,
    pub(crate) timers: timers::Timers,
    pub(crate) attributes: attributes::Tree,
    pub(crate) streams: BTreeMap<StreamId, Stream>,
    pub(crate) shared_data: shared_data::SharedData,
    pub(crate) queues: queues::Queues,
    pub(crate) metrics: metrics::Metrics,
    pub(crate) http_calls: http_calls::HttpCalls,
    pub(crate) grpc_calls: grpc_calls::GrpcCalls,
    pub(crate) foreign: foreign_functions::Foreign,
    pub(crate) delivery: Delivery,
    /// Plugin contexts that have asked for time before their end.
    pub(crate) pending_done: BTreeSet<RootId>,
    /// What hostcalls asked for that happens once the callback has returned.
    pub(crate) after: Vec<After>,
    random: u64,
    last_token: u32,
}

/// What the running callback was handed.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    pub(crate) configuration: Option<Vec<u8>>,
    pub(crate) response: Option<Response>,
    pub(crate) grpc_message: Option<Vec<u8>>,
    pub(crate) grpc_initial_metadata: Option<Fields>,
    pub(crate) grpc_trailing_metadata: Option<Fields>,
    /// The code and message of `proxy_get_status`.
    pub(crate) status: (u32, String),
}

/// What happens once the running callback has returned (cpp-host `addAfterVmCallAction`).
#[derive(Debug)]
pub(crate) enum After {
    /// A filter lets a message go on.
    Continue(StreamId, usize, Direction),
    /// A filter answers in the upstream's place.
    Reply(StreamId, Reply),
    /// A filter closes the stream without an answer.
    Reset(StreamId),
    /// There is an item in a queue.
    QueueReady(RootId, u32),
    /// A plugin context that had asked for time is done.
    Done(RootId),
}

/// What kind of call a token stands for; it is in the token's low bits, as in cpp-host.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallKind {
    Http = 0,
    Grpc = 1,
    GrpcStream = 2,
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        World {
            now: Instant::start(),
            log: Vec::new(),
            log_level: Level::Info,
            timers: Default::default(),
            attributes: Default::default(),
            streams: BTreeMap::new(),
            shared_data: Default::default(),
            queues: Default::default(),
            metrics: Default::default(),
            http_calls: Default::default(),
            grpc_calls: Default::default(),
            foreign: Default::default(),
            delivery: Delivery::default(),
            pending_done: BTreeSet::new(),
            after: Vec::new(),
            random: seed,
            last_token: 0,
        }
    }

    /// The stream of a stream context, about to be changed.
    pub(crate) fn stream_of(&mut self, who: &Context) -> Option<&mut Stream> {
        who.stream.and_then(|(id, _)| self.stream_mut(id))
    }

    /// A stream that is about to be changed.
    pub(crate) fn stream_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(&id)?;
        stream.version += 1;
        Some(stream)
    }

    pub(crate) fn say(&mut self, who: &Context, level: Level, message: String) {
        let line = LogLine { level, filter: who.plugin.name.clone(), message };
        if let Some(stream) = self.stream_of(who) {
            stream.log.push(line.clone());
        }
        self.log.push(line);
    }

    /// A token that no call of this proxy has had: multiples of four, with the kind in the low bits.
    pub(crate) fn next_token(&mut self, kind: CallKind) -> u32 {
        self.last_token = self.last_token.checked_add(4).unwrap_or(4);
        self.last_token | kind as u32
    }

    /// The next eight random bytes, always the same for one seed (splitmix64).
    pub(crate) fn random(&mut self) -> [u8; 8] {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    }

    /// Ends everything that belongs to a plugin context which is no more.
    pub(crate) fn forget(&mut self, root: RootId) {
        self.timers.cancel(root);
        self.http_calls.cancel(root);
        self.grpc_calls.cancel_all(root);
    }
}

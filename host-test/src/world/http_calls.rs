//! HTTP calls: requests that a filter sends itself. They belong to the plugin context, so they outlive the stream.

use super::clock::Instant;
use super::context::{Context, RootId};
use super::fields::Fields;
use crate::status::Status;
use std::collections::BTreeSet;
use std::time::Duration;

/// An HTTP call that a filter has made, as its cluster received it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The cluster it was sent to.
    pub cluster: String,
    /// The headers, pseudo-headers first; `content-length` is added if there is a body.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Fields,
    /// After how long Envoy gives up; `None` is never.
    pub timeout: Option<Duration>,
    /// The name of the filter that made it.
    pub filter: String,
    pub(crate) token: u32,
    pub(crate) root: RootId,
    pub(crate) due: Option<Instant>,
}

/// The calls that were made, and those among them that nobody has answered yet.
#[derive(Debug, Default)]
pub(crate) struct HttpCalls {
    pub(crate) made: Vec<Call>,
    pub(crate) pending: Vec<Call>,
    /// Clusters that the proxy does not have.
    pub(crate) unknown: BTreeSet<String>,
    /// Clusters without a healthy host.
    pub(crate) unreachable: BTreeSet<String>,
}

/// What a filter wants to send.
pub(crate) struct Outgoing {
    pub(crate) cluster: String,
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    pub(crate) timeout_ms: i32,
}

impl HttpCalls {
    /// Sends a call (Envoy `Context::httpCall`): it needs a cluster that exists, `:path`, `:method` and `:authority`.
    pub(crate) fn send(&mut self, who: &Context, call: Outgoing, token: u32, now: Instant) -> Result<(), Status> {
        let Ok(timeout) = u64::try_from(call.timeout_ms) else {
            return Err(Status::BadArgument);
        };
        let complete = [":path", ":method", ":authority"].iter().all(|name| call.headers.contains(name));
        if !complete || self.unknown.contains(&call.cluster) {
            return Err(Status::BadArgument);
        }
        if self.unreachable.contains(&call.cluster) {
            return Err(Status::InternalFailure);
        }
        let mut headers = call.headers;
        if !call.body.is_empty() {
            headers.replace("content-length", call.body.len().to_string());
        }
        let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
        let call = Call {
            cluster: call.cluster,
            headers,
            body: call.body,
            trailers: call.trailers,
            timeout,
            filter: who.plugin.name.clone(),
            token,
            root: who.root,
            due: timeout.map(|timeout| now.after(timeout)),
        };
        self.made.push(call.clone());
        self.pending.push(call);
        Ok(())
    }

    /// Takes a call out of those that wait for an answer.
    pub(crate) fn take(&mut self, token: u32) -> Option<Call> {
        let place = self.pending.iter().position(|call| call.token == token)?;
        Some(self.pending.remove(place))
    }

    /// The call that Envoy gives up next, and when.
    pub(crate) fn next_timeout(&self) -> Option<(Instant, u32)> {
        self.pending.iter().filter_map(|call| Some((call.due?, call.token))).min()
    }

    /// Cancels the calls of a plugin context that is no more.
    pub(crate) fn cancel(&mut self, root: RootId) {
        self.pending.retain(|call| call.root != root);
    }
}

//! Contexts: who is speaking when a hostcall arrives.

use std::sync::Arc;

/// The number of a stream, unique in one proxy.
pub(crate) type StreamId = u64;

/// Which plugin context it is: the worker, the VM in it, and the context in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RootId {
    pub(crate) worker: usize,
    pub(crate) vm: usize,
    pub(crate) context: u32,
}

/// What the host knows of one plug-in: the words that the proxy's configuration says about it.
#[derive(Debug)]
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) root_id: String,
    pub(crate) vm_id: String,
    pub(crate) configuration: Vec<u8>,
    pub(crate) allow_on_headers_stop_iteration: bool,
}

/// A context of the guest, as the world sees it (spec: "Context lifecycle").
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) root: RootId,
    pub(crate) plugin: Arc<Plugin>,
    /// The stream, and the place of the filter in its chain; none for a plugin context.
    pub(crate) stream: Option<(StreamId, usize)>,
}

//! A row, and what became of its request.

use serde_json::Value;
use std::time::Duration;

/// Names and values, as they are on the wire.
pub type Fields = Vec<(String, Vec<u8>)>;

/// One row.
pub struct Row {
    /// The file that has it, without `.json`.
    pub file: &'static str,
    /// What it shows, as a sentence.
    pub name: String,
    /// Where the rule is documented.
    pub source: String,
    /// The rules, as the configuration of a filter.
    pub configuration: Value,
    /// Whether Envoy takes the caller for internal.
    pub trusts: bool,
    /// The client's request.
    pub request: Request,
    /// The upstream's response.
    pub response: Response,
    /// What has to become of it.
    pub expect: Expected,
}

/// A request as the client sends it.
pub struct Request {
    /// `:method`.
    pub method: String,
    /// `:scheme`.
    pub scheme: String,
    /// `:authority`.
    pub authority: String,
    /// `:path`, with its query.
    pub target: String,
    /// All other headers.
    pub headers: Fields,
    /// The body.
    pub body: String,
}

/// The upstream's response.
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Fields,
    /// How many tries get that status; later ones get 200.
    pub first: Option<u64>,
    /// How long the upstream takes.
    pub after: Duration,
}

/// What a row expects.
#[derive(Default)]
pub struct Expected {
    /// The cluster that the request goes to.
    pub cluster: Option<String>,
    pub(crate) subset: Option<Option<String>>,
    /// The clusters that get a copy.
    pub shadows: Vec<String>,
    pub(crate) status: Option<u16>,
    pub(crate) upstream: Vec<(String, Vec<Vec<u8>>)>,
    pub(crate) router: Vec<(String, Vec<Vec<u8>>)>,
    pub(crate) path: Option<String>,
    pub(crate) authority: Option<String>,
    pub(crate) response: Vec<(String, Vec<Vec<u8>>)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) untouched: bool,
    /// How long the request is held.
    pub delay: Option<Duration>,
    pub(crate) envoy: ExpectedOfEnvoy,
}

/// What only a real Envoy can show.
#[derive(Default)]
pub(crate) struct ExpectedOfEnvoy {
    /// The client's status though the filters let the request go.
    pub(crate) status: Option<u16>,
    pub(crate) tries: Option<u64>,
    pub(crate) upstream: Vec<(String, Vec<Vec<u8>>)>,
    pub(crate) response: Vec<(String, Vec<Vec<u8>>)>,
}

/// What became of a row's request.
#[derive(Debug, Default, PartialEq)]
pub struct Seen {
    /// The cluster that it went to, if it did.
    pub cluster: Option<String>,
    /// The subset of that cluster.
    pub subset: Option<String>,
    /// The clusters that got a copy.
    pub shadows: Vec<String>,
    /// The status that the client got: below [`Level::Envoy`] only if a filter replied.
    pub status: Option<u16>,
    /// The request as it left; none if it did not.
    pub upstream: Option<Fields>,
    /// The response's headers.
    pub response: Fields,
    /// The response's body, if a filter replied.
    pub body: Vec<u8>,
    /// The request left as it came, and no cluster was chosen.
    pub untouched: bool,
    /// How long the request was held.
    pub delay: Option<Duration>,
    /// How often the request reached the upstream.
    pub tries: u64,
}

/// How far a level can see.
#[derive(Clone, Copy, PartialEq)]
pub enum Level {
    /// Functions that decide, without a proxy: they do not know which headers a host adds to a local reply.
    Pure,
    /// Filters in a host that has no router.
    Modules,
    /// A real Envoy.
    Envoy,
}

//! Responses: what an upstream answers, and what a client receives.

use crate::world::fields::Fields;

/// What Envoy says of a response that an upstream gave.
const VIA_UPSTREAM: &str = "via_upstream";

/// A response of an upstream, or the answer to a filter's own call. Start with [`response`].
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub(crate) headers: Fields,
    pub(crate) body: Vec<u8>,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailers: Fields,
    pub(crate) details: String,
}

/// A response with a status and nothing else.
pub fn response(status: u32) -> Response {
    let headers = [(":status", status.to_string())].into_iter().collect();
    Response {
        headers,
        body: Vec::new(),
        chunks: Vec::new(),
        trailers: Fields::new(),
        details: VIA_UPSTREAM.to_owned(),
    }
}

impl Response {
    /// Adds a header.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Response {
        self.headers.add(name, value);
        self
    }

    /// Sets the whole body, which arrives in one piece.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Response {
        self.body = body.into();
        self.chunks = if self.body.is_empty() { Vec::new() } else { vec![self.body.clone()] };
        self
    }

    /// Adds a piece to the body; each piece is a callback of its own.
    pub fn chunk(mut self, chunk: impl Into<Vec<u8>>) -> Response {
        let chunk = chunk.into();
        self.body.extend(&chunk);
        self.chunks.push(chunk);
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: &str, value: impl Into<Vec<u8>>) -> Response {
        self.trailers.add(name, value);
        self
    }

    /// Says why it is as it is, in Envoy's words (`response.code_details`): `via_upstream` if nothing is said. What the
    /// router answers where there is no upstream, such as a 503 with `no_healthy_upstream`, passes the filters as well.
    pub fn details(mut self, details: &str) -> Response {
        self.details = details.to_owned();
        self
    }

    /// A stream that was reset before any header came.
    pub(crate) fn nothing() -> Response {
        Response { headers: Fields::new(), ..response(0) }
    }
}

/// What a client receives.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// The headers without `:status`. Envoy adds `content-length` and `content-type` to a local reply with a body.
    pub headers: Fields,
    /// The body.
    pub body: Vec<u8>,
    /// Why, in Envoy's words (`%RESPONSE_CODE_DETAILS%`); `wasm_fail_stream` if a filter has trapped.
    pub details: String,
}

impl Reply {
    /// The first value of a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.text(name)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

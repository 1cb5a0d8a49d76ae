//! Requests, as a client sends them.

use crate::world::attributes::{Tree, Value};
use crate::world::fields::Fields;

/// A request on its way to the proxy. Start with [`get`] or [`post`], add what differs.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) headers: Fields,
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailers: Fields,
    pub(crate) attributes: Tree,
    pub(crate) port: u16,
    pub(crate) worker: usize,
    pub(crate) abandoned: bool,
}

/// A GET request. `url` is `http://authority/path?query`, or a path alone, which goes to `http://localhost`.
pub fn get(url: &str) -> Request {
    request("GET", url)
}

/// A POST request; see [`get`] for the URL.
pub fn post(url: &str) -> Request {
    request("POST", url)
}

/// A request with any method; see [`get`] for the URL.
///
/// The headers come in Envoy's order: `:authority`, `:path`, `:method`, `:scheme`, then those that are added.
pub fn request(method: &str, url: &str) -> Request {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = match rest.find(['/', '?']) {
        Some(start) => rest.split_at(start),
        None => (rest, ""),
    };
    let authority = if authority.is_empty() { "localhost" } else { authority };
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let named = authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    let usual = if scheme == "https" { 443 } else { 80 };
    let headers = [(":authority", authority), (":path", &path), (":method", method), (":scheme", scheme)];
    Request {
        headers: headers.into_iter().collect(),
        chunks: Vec::new(),
        trailers: Fields::new(),
        attributes: Tree::default(),
        port: named.and_then(|(_, port)| port.parse().ok()).unwrap_or(usual),
        worker: 0,
        abandoned: false,
    }
}

impl Request {
    /// Adds a header, behind those that are there.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.headers.add(name, value);
        self
    }

    /// Adds an `x-request-id`, as Envoy does at the edge.
    pub fn with_request_id(self, id: &str) -> Request {
        self.header("x-request-id", id)
    }

    /// Sets the whole body, which arrives in one piece.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.chunks = vec![body.into()];
        self.chunks.retain(|chunk| !chunk.is_empty());
        self
    }

    /// Adds a piece to the body; each piece is a callback of its own.
    pub fn chunk(mut self, chunk: impl Into<Vec<u8>>) -> Request {
        self.chunks.push(chunk.into());
        self
    }

    /// Adds a trailer.
    pub fn trailer(mut self, name: &str, value: impl Into<Vec<u8>>) -> Request {
        self.trailers.add(name, value);
        self
    }

    /// The client goes away amid its request: no piece of it is the last. What follows is [`Proxy::finish`].
    ///
    /// [`Proxy::finish`]: crate::Proxy::finish
    pub fn abandoned(mut self) -> Request {
        self.abandoned = true;
        self
    }

    /// Sets an attribute for this request, over what the host would say: `.property(["destination", "port"], 9080i64)`.
    pub fn property<P: AsRef<str>>(mut self, path: impl IntoIterator<Item = P>, value: impl Into<Value>) -> Request {
        self.attributes.set(path.into_iter().map(|part| part.as_ref().to_owned()).collect(), value.into());
        self
    }

    /// Sends it to this worker, counted from 0; see [`ProxyBuilder::workers`](crate::ProxyBuilder::workers).
    pub fn on_worker(mut self, worker: usize) -> Request {
        self.worker = worker;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_falls_into_pseudo_headers_and_port() {
        let request = get("http://reviews:9080/reviews/1?full=yes");
        let expected =
            [(":authority", "reviews:9080"), (":path", "/reviews/1?full=yes"), (":method", "GET"), (":scheme", "http")];
        assert_eq!(request.headers, expected.into_iter().collect());
        assert_eq!(request.port, 9080);
    }

    #[test]
    fn the_port_defaults_by_scheme() {
        assert_eq!(get("https://reviews").port, 443);
        assert_eq!(get("/cart").port, 80);
        assert_eq!(get("http://[::1]/").port, 80);
        assert_eq!(get("http://[::1]:8080/").port, 8080);
    }
}

//! What of a request is about its connection, and so in no copy.

use crate::request::Headers;

/// Headers that are about one connection (RFC 9110 7.6.1), and those that Envoy sets itself for each request.
const OF_CONNECTION: [&[u8]; 11] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"content-length",
    b"expect",
];

/// Whether a header of this name, in lower case, is about one connection only, or is set by Envoy for each request.
pub(super) fn is_of_connection(name: &[u8]) -> bool {
    OF_CONNECTION.contains(&name)
}

/// Whether the request turns its connection into another, so that nobody can send it twice (RFC 9110 7.8, 9.3.6).
pub(super) fn is_upgrade(headers: &Headers) -> bool {
    headers.first(":method") == Some(b"CONNECT") || headers.first("upgrade").is_some()
}

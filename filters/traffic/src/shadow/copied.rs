//! What is in a copy that the filter sends itself.

use super::settings::Shadow;
use super::{MARK, MARKED};
use crate::request::Headers;

/// What the names of the filters' own headers begin with.
const OWN_PREFIX: &[u8] = b"x-serin-";

/// Headers that are about one connection (RFC 9110 7.6.1), and those that Envoy writes anew.
const NOT_COPIED: [&[u8]; 11] = [
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

/// Whether a header of this name, in lower case, is about one connection only, or is written anew for each.
pub fn is_hop_by_hop(name: &[u8]) -> bool {
    NOT_COPIED.contains(&name)
}

/// The headers of a request that is copied, as its destination sees them.
#[derive(Debug)]
pub struct Original<'a>(pub &'a Headers);

impl Original<'_> {
    /// The headers of the copy: those of the request, without what is about its connection and the filters' own, with what
    /// the policy says of copies, and marked.
    pub fn copied(&self, shadow: &Shadow) -> Vec<(String, Vec<u8>)> {
        let removed = |name: &[u8]| {
            is_hop_by_hop(name)
                || name.starts_with(OWN_PREFIX)
                || name == MARK.as_bytes()
                || shadow.headers.remove.iter().any(|remove| remove.as_bytes() == name)
                || shadow.headers.set.iter().any(|(set, _)| set.as_bytes() == name)
        };
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, _)| !removed(name)) {
            let value = if shadow.authority_suffix && name == b":authority" { shadowed(value) } else { value.to_vec() };
            headers.push((String::from_utf8_lossy(name).into_owned(), value));
        }
        headers.extend(shadow.headers.set.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())));
        headers.push((MARK.to_owned(), MARKED.as_bytes().to_vec()));
        headers
    }
}

/// The authority with `-shadow` before its port, as Envoy's router writes it (`disable_shadow_host_suffix_append`).
fn shadowed(authority: &[u8]) -> Vec<u8> {
    let port = authority.iter().rposition(|byte| matches!(byte, b':' | b']'));
    let end = port.filter(|at| authority.get(*at) == Some(&b':')).unwrap_or(authority.len());
    let (host, port) = authority.split_at_checked(end).unwrap_or((authority, b""));
    [host, b"-shadow", port].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Place;
    use crate::wasm_test::test;
    use serde_json::{Value, json};

    fn shadow(written: Value) -> Shadow {
        let written = serde_json::from_value(written).unwrap();
        Shadow::compile(&Place::root("shadow"), &written, "salt", &mut Vec::new()).unwrap()
    }

    fn copied(headers: &[(&str, &str)], written: Value) -> Vec<String> {
        let mut original = Headers::default();
        for (name, value) in headers {
            original.push(name.as_bytes(), value.as_bytes());
        }
        let text = |(name, value): (String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(&value));
        Original(&original).copied(&shadow(written)).into_iter().map(text).collect()
    }

    #[test]
    fn a_copy_is_marked_and_carries_nothing_of_the_connection_or_of_the_filters() {
        let headers = [
            (":method", "POST"),
            (":path", "/a"),
            (":authority", "reviews:9080"),
            ("cookie", "a=b"),
            ("connection", "close"),
            ("content-length", "3"),
            ("x-serin-cluster", "c"),
        ];
        assert_eq!(
            copied(&headers, json!({"delivery": "callout"})),
            [":method: POST", ":path: /a", ":authority: reviews:9080", "cookie: a=b", "x-shadowed-by: serin"]
        );
    }

    #[test]
    fn a_copy_has_the_headers_that_the_policy_gives_it() {
        let written = json!({"headers": {"set": {"X-Shadow": "true"}, "remove": ["Cookie", "authorization"]}});
        let headers = [("cookie", "a=b"), ("x-shadow", "no"), ("x-shadow", "nor this"), ("accept", "*/*")];
        assert_eq!(copied(&headers, written), ["accept: */*", "x-shadow: true", "x-shadowed-by: serin"]);
    }

    #[test]
    fn the_suffix_stands_before_the_port() {
        for (authority, expected) in [
            ("reviews", "reviews-shadow"),
            ("reviews:9080", "reviews-shadow:9080"),
            ("[::1]:80", "[::1]-shadow:80"),
            ("[::1]", "[::1]-shadow"),
        ] {
            assert_eq!(shadowed(authority.as_bytes()), expected.as_bytes(), "{authority}");
        }
    }
}

//! What is in a copy that the filter sends itself.

use super::connection::is_of_connection;
use super::settings::Shadow;
use super::{MARK, MARKED};
use crate::headers::OWN_PREFIX;
use crate::request::Headers;

/// Headers by which Envoy's router is told how to send a request, and which it takes off before it does: those of a primary
/// would give its copy the primary's timeout, and retries.
///
/// Source: Envoy's `envoy.filters.http.router`, "HTTP headers"; the last two say what Envoy found out about a request.
const FOR_ROUTER: [&[u8]; 13] = [
    b"x-envoy-max-retries",
    b"x-envoy-retry-on",
    b"x-envoy-retry-grpc-on",
    b"x-envoy-retriable-header-names",
    b"x-envoy-retriable-status-codes",
    b"x-envoy-upstream-alt-stat-name",
    b"x-envoy-upstream-rq-timeout-alt-response",
    b"x-envoy-upstream-rq-timeout-ms",
    b"x-envoy-upstream-rq-per-try-timeout-ms",
    b"x-envoy-upstream-stream-duration-ms",
    b"x-envoy-hedge-on-per-try-timeout",
    b"x-envoy-expected-rq-timeout-ms",
    b"x-envoy-internal",
];

/// The headers of a request that is copied, as its destination sees them.
#[derive(Debug)]
pub struct Original<'a>(pub &'a Headers);

impl Original<'_> {
    /// The headers of the copy: those of the request, without what is about its connection and the filters' own, with what
    /// the policy says of copies, and marked.
    pub fn copied(&self, shadow: &Shadow) -> Vec<(String, Vec<u8>)> {
        let removed = |name: &[u8], value: &[u8]| {
            // What gRPC asks for with `te`, Envoy passes on.
            (is_of_connection(name) && (name, value) != (b"te", b"trailers"))
                || FOR_ROUTER.contains(&name)
                || name.starts_with(OWN_PREFIX.as_bytes())
                || name == MARK.as_bytes()
                || shadow.headers.remove.iter().any(|remove| remove.as_bytes() == name)
                || shadow.headers.set.iter().any(|(set, _)| set.as_bytes() == name)
        };
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        for (name, value) in self.0.iter().filter(|(name, value)| !removed(name, value)) {
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
    use crate::written::read;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample;
    use serde_json::{Value, json};

    const NAMES: &[&str] = &["a", "b", "c", "d", "connection", "x-envoy-retry-on", "x-serin-cluster", MARK];

    fn shadow(written: Value) -> Shadow {
        let written = read("shadow", written).unwrap();
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
    fn a_copy_has_neither_the_timeout_nor_the_retries_of_its_primary() {
        let headers = [
            ("x-envoy-retry-on", "5xx"),
            ("x-envoy-max-retries", "3"),
            ("x-envoy-upstream-rq-timeout-ms", "10000"),
            ("x-envoy-original-path", "/old"),
            ("te", "trailers"),
        ];
        let expected = ["x-envoy-original-path: /old", "te: trailers", "x-shadowed-by: serin"];
        assert_eq!(copied(&headers, json!({"delivery": "callout"})), expected);
        assert_eq!(copied(&[("te", "gzip")], json!({})), ["x-shadowed-by: serin"]);
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

    proptest! {
        #[test]
        fn whatever_is_not_taken_off_is_always_copied_byte_for_byte(
            fields in vec((sample::select(NAMES), vec(any::<u8>(), 0..8)), 0..12),
        ) {
            let mut original = Headers::default();
            for (name, value) in &fields {
                original.push(name.as_bytes(), value);
            }
            let copied = Original(&original).copied(&shadow(json!({"headers": {"set": {"b": "1"}, "remove": ["c"]}})));
            let kept = fields.iter().filter(|(name, _)| ["a", "d"].contains(name));
            let expected = kept.map(|(name, value)| ((*name).to_owned(), value.clone()));
            let added = [("b", "1"), (MARK, MARKED)].map(|(name, value)| (name.to_owned(), value.into()));
            prop_assert_eq!(copied, expected.chain(added).collect::<Vec<_>>());
        }
    }
}

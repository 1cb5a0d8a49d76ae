//! The conditions of one match: Istio's `HTTPMatchRequest`, compiled.

use super::{Part, TextCondition, When};
use crate::request::{Headers, Request};
use crate::written::RepeatedHeaders;
use std::sync::Arc;

/// Conditions on a request, all of which must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) path: Option<PathCondition>,
    pub(crate) headers: Vec<HeaderCondition>,
    pub(crate) query: Vec<QueryCondition>,
    pub(crate) claims: Vec<ClaimCondition>,
    pub(crate) port: Option<u16>,
    /// What a CanaryPolicy asks beside; all matches of a rule share it.
    pub(crate) when: Option<Arc<When>>,
}

/// A condition on the path.
#[derive(Clone, Debug)]
pub(crate) struct PathCondition {
    pub(crate) text: TextCondition,
    pub(crate) any_case: bool,
}

/// A condition on a header.
#[derive(Clone, Debug)]
pub(crate) struct HeaderCondition {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) text: TextCondition,
    /// The header must not be like this (Istio, `withoutHeaders`).
    pub(crate) without: bool,
}

/// A condition on a parameter of the query.
#[derive(Clone, Debug)]
pub(crate) struct QueryCondition {
    pub(crate) name: String,
    pub(crate) text: TextCondition,
}

/// A condition on a claim of the verified JWT.
#[derive(Clone, Debug)]
pub(crate) struct ClaimCondition {
    /// The names that lead to it in the payload.
    pub(crate) path: Vec<String>,
    pub(crate) text: TextCondition,
    /// The claim must not be like this (Istio, `withoutHeaders`).
    pub(crate) without: bool,
}

impl Conditions {
    /// Whether every request meets the conditions (Istio, `IsCatchAllRoute`).
    pub(crate) fn hold_always(&self) -> bool {
        let any_path = match &self.path {
            None => true,
            Some(path) => match &path.text {
                TextCondition::Present => true,
                TextCondition::Prefix(prefix) => prefix.is_empty() || prefix == b"/",
                TextCondition::Regex(regex) => regex.as_str() == ".*",
                TextCondition::Exact(_) => false,
            },
        };
        any_path
            && self.headers.is_empty()
            && self.query.is_empty()
            && self.claims.is_empty()
            && self.port.is_none()
            && self.when.is_none()
    }

    /// The texts that parts of a request must match, all of them. Conditions that a part is absent or does not match are not
    /// among them: a request can meet those without any text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Part<'_>, &TextCondition)> {
        let path = self.path.iter().map(|path| (path.part(), &path.text));
        let headers = self.headers.iter().filter(|condition| !condition.without);
        let headers = headers.map(|condition| (Part::Header(&condition.name), &condition.text));
        let query = self.query.iter().map(|condition| (Part::Parameter(&condition.name), &condition.text));
        let claims = self.claims.iter().filter(|condition| !condition.without);
        let claims = claims.map(|condition| (Part::Claim(&condition.path), &condition.text));
        path.chain(headers).chain(query).chain(claims)
    }

    /// Whether `request` meets all of the conditions.
    pub(crate) fn hold(&self, request: &impl Request, repeated: RepeatedHeaders) -> bool {
        let headers = request.headers();
        self.path.as_ref().is_none_or(|path| path.holds(headers.path()))
            && self.headers.iter().all(|condition| condition.holds(headers, repeated))
            && self.query.iter().all(|condition| condition.holds(headers))
            && self.port.is_none_or(|port| request.port() == Some(port))
            && self.claims.iter().all(|condition| condition.holds(request))
            && self.when.as_ref().is_none_or(|when| when.holds(request))
    }
}

impl PathCondition {
    /// The length of the prefix, if it is a prefix that the path is compared with.
    pub(crate) fn prefix_length(&self) -> Option<usize> {
        match &self.text {
            TextCondition::Prefix(prefix) => Some(prefix.len()),
            TextCondition::Present => Some(1),
            TextCondition::Exact(_) | TextCondition::Regex(_) => None,
        }
    }

    fn part(&self) -> Part<'static> {
        match self.text {
            TextCondition::Exact(_) | TextCondition::Prefix(_) if self.any_case => Part::PathInAnyCase,
            _ => Part::Path,
        }
    }

    fn holds(&self, path: &[u8]) -> bool {
        if self.any_case { self.text.holds_in_any_case(path) } else { self.text.holds(path) }
    }
}

impl HeaderCondition {
    /// A header that is not there meets no condition. It meets its opposite if an empty value does not meet the
    /// condition: Istio has Envoy treat a missing header as empty in `withoutHeaders`, but for mere presence.
    fn holds(&self, headers: &Headers, repeated: RepeatedHeaders) -> bool {
        let mut values = headers.values(&self.name).peekable();
        if values.peek().is_none() {
            return self.without && (matches!(self.text, TextCondition::Present) || !self.text.holds(b""));
        }
        let held = match repeated {
            RepeatedHeaders::Individually => values.any(|value| self.text.holds(value)),
            RepeatedHeaders::Joined => self.text.holds(&values.collect::<Vec<_>>().join(&b',')),
        };
        held != self.without
    }
}

impl ClaimCondition {
    /// One value of a list is enough; a missing claim matches nothing.
    fn holds(&self, request: &impl Request) -> bool {
        request.claim(&self.path).iter().any(|value| self.text.holds(value)) != self.without
    }
}

impl QueryCondition {
    fn holds(&self, headers: &Headers) -> bool {
        headers.query_parameter(&self.name).is_some_and(|value| self.text.holds(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use RepeatedHeaders::{Individually, Joined};

    fn header(name: &str, text: TextCondition) -> HeaderCondition {
        HeaderCondition { name: name.to_owned(), text, without: false }
    }

    fn without(name: &str, text: TextCondition) -> HeaderCondition {
        HeaderCondition { without: true, ..header(name, text) }
    }

    fn exact(value: &str) -> TextCondition {
        TextCondition::Exact(value.as_bytes().to_vec())
    }

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::default();
        for (name, value) in fields {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        headers
    }

    #[test]
    fn a_missing_header_meets_no_condition() {
        let none = headers(&[]);
        assert!(!header("x-group", TextCondition::Present).holds(&none, Individually));
        assert!(!header("x-group", exact("")).holds(&none, Individually));
        assert!(header("x-group", exact("")).holds(&headers(&[("x-group", "")]), Individually));
    }

    #[test]
    fn without_headers_treats_a_missing_header_as_empty() {
        let none = headers(&[]);
        assert!(without("x-group", TextCondition::Present).holds(&none, Individually));
        assert!(without("x-group", exact("a")).holds(&none, Individually));
        assert!(!without("x-group", exact("")).holds(&none, Individually));
        assert!(!without("x-group", TextCondition::Prefix(Vec::new())).holds(&none, Individually));
    }

    #[test]
    fn a_repeated_header_is_matched_value_by_value_or_joined() {
        let both = headers(&[("x-group", "a"), ("x-group", "b")]);
        assert!(header("x-group", exact("b")).holds(&both, Individually));
        assert!(!header("x-group", exact("b")).holds(&both, Joined));
        assert!(header("x-group", exact("a,b")).holds(&both, Joined));
        assert!(!without("x-group", exact("b")).holds(&both, Individually));
    }

    #[test]
    fn a_value_need_not_be_text() {
        let mut bytes = Headers::default();
        bytes.push(b"x-name", b"caf\xe9");
        assert!(header("x-name", TextCondition::Prefix(b"caf".to_vec())).holds(&bytes, Individually));
        assert!(!header("x-name", exact("café")).holds(&bytes, Individually));
    }
}

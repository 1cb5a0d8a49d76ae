//! A request as decisions see it.

use std::net::IpAddr;
use std::ops::Range;

/// What a decision may ask of a request.
///
/// Headers are a value at hand; all else is asked for only when a rule needs it, since the answer may cost a hostcall.
pub trait Request {
    /// The request's headers, with `:method`, `:scheme`, `:authority` and `:path` among them.
    fn headers(&self) -> &Headers;

    /// The port of the listener that the request came in on, if the proxy says.
    fn port(&self) -> Option<u16>;

    /// The values of the claim at `path` in the payload of the JWT that the proxy has verified: several if it is a list.
    fn claim(&self, path: &[String]) -> Vec<Vec<u8>>;

    /// The address that the request came from, as the proxy sees it: the client's, or that of the proxy before this one.
    fn source_address(&self) -> Option<IpAddr>;

    /// The proxy's clock, in nanoseconds since 1970.
    fn now(&self) -> u64;

    /// The attribute at `path`, as the proxy serializes it (Envoy, "Attributes"), if the proxy has such a thing.
    fn attribute(&self, _path: &[&str]) -> Option<Vec<u8>> {
        None
    }
}

/// What the changes to an answer may ask of it.
pub trait Response {
    /// The answer's headers, with `:status` among them.
    fn headers(&self) -> &Headers;

    /// The proxy's clock, in nanoseconds since 1970.
    fn now(&self) -> u64;

    /// The attribute at `path`, as the proxy serializes it, if the proxy has such a thing.
    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>>;
}

/// The headers of a request: names in lower case and values as bytes, in the order in which they came.
///
/// ```
/// use serin_traffic::Headers;
///
/// let mut headers = Headers::default();
/// headers.push(b":path", b"/cart?id=7");
/// headers.push(b"x-group", b"a");
/// headers.push(b"x-group", b"b");
/// assert_eq!(headers.first("x-group"), Some(&b"a"[..]));
/// assert_eq!(headers.values("x-group").count(), 2);
/// assert_eq!(headers.path(), b"/cart");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

/// Where one field's name and value stand among the bytes.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name's place.
    pub name: Range<usize>,
    /// The value's place.
    pub value: Range<usize>,
}

impl Headers {
    /// The headers whose names and values stand in `bytes` where `fields` says; a place outside of it reads as empty.
    pub fn within(bytes: Vec<u8>, fields: Vec<Field>) -> Self {
        let mut headers = Self { bytes, fields };
        for field in &headers.fields {
            if let Some(name) = headers.bytes.get_mut(field.name.clone()) {
                name.make_ascii_lowercase();
            }
        }
        headers
    }

    /// The status of an answer, if these are its headers.
    pub fn status(&self) -> Option<u16> {
        std::str::from_utf8(self.first(":status")?).ok()?.parse().ok()
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let start = self.bytes.len();
        let middle = start + name.len();
        self.bytes.extend(name.iter().map(u8::to_ascii_lowercase));
        self.bytes.extend_from_slice(value);
        self.fields.push(Field { name: start..middle, value: middle..middle + value.len() });
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.at(&field.name), self.at(&field.value)))
    }

    /// The values of the fields called `name`, which is in lower case, in order.
    pub fn values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(|(field, _)| *field == name.as_bytes()).map(|(_, value)| value)
    }

    /// The value of the first field called `name`.
    pub fn first(&self, name: &str) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// The path, without query and fragment.
    pub fn path(&self) -> &[u8] {
        let target = self.first(":path").unwrap_or_default();
        let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
        target.get(..end).unwrap_or(target)
    }

    /// The value of the first parameter of the query called `name`, as it was sent: nothing is decoded.
    ///
    /// Istio's `queryParams` compare this value; a parameter without `=` has an empty one.
    pub fn query_parameter(&self, name: &str) -> Option<&[u8]> {
        self.query_parameters().find(|(parameter, _)| *parameter == name.as_bytes()).map(|(_, value)| value)
    }

    /// The names and values of the query's parameters, in order, as they were sent.
    pub fn query_parameters(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let target = self.first(":path").unwrap_or_default();
        let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
        let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at + 1..));
        query.into_iter().flat_map(|query| query.split(|byte| *byte == b'&')).map(|parameter| {
            let end = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
            (parameter.get(..end).unwrap_or_default(), parameter.get(end + 1..).unwrap_or_default())
        })
    }

    fn at(&self, place: &Range<usize>) -> &[u8] {
        self.bytes.get(place.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn with_path(path: &str) -> Headers {
        let mut headers = Headers::default();
        headers.push(b":path", path.as_bytes());
        headers
    }

    #[test]
    fn the_query_is_not_part_of_the_path() {
        assert_eq!(with_path("/a?b=/c").path(), b"/a");
        assert_eq!(with_path("/a#b?c").path(), b"/a");
        assert_eq!(with_path("").path(), b"");
        assert_eq!(Headers::default().path(), b"");
    }

    #[test]
    fn of_a_repeated_parameter_the_first_counts() {
        let headers = with_path("/?a=1&a=2&b&c=&d=x=y&%61=z#e=5");
        assert_eq!(headers.query_parameter("a"), Some(&b"1"[..]));
        assert_eq!(headers.query_parameter("b"), Some(&b""[..]));
        assert_eq!(headers.query_parameter("c"), Some(&b""[..]));
        assert_eq!(headers.query_parameter("d"), Some(&b"x=y"[..]));
        assert_eq!(headers.query_parameter("e"), None, "the fragment is not part of the query");
        assert_eq!(headers.query_parameter("A"), None);
    }

    #[test]
    fn a_place_outside_of_the_bytes_reads_as_empty() {
        let headers = Headers::within(b"ab".to_vec(), vec![Field { name: 0..1, value: 1..9 }]);
        assert_eq!(headers.first("a"), Some(&b""[..]));
    }
}

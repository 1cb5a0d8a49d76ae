//! What the values of headers may ask, at each of the times at which they are made.

use crate::changes::Reply;
use crate::format::Facts;
use crate::headers::OWN_PREFIX;
use crate::request::{Request, Response};

/// What a request tells on its way.
pub(crate) struct OfRequest<'a, R> {
    pub(crate) request: &'a R,
    /// Where it goes, if that is known yet.
    pub(crate) cluster: Option<String>,
}

impl<R: Request> Facts for OfRequest<'_, R> {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        // What the filters tell each other is taken off: nobody else sees it.
        let value = self.request.headers().first(name).filter(|_| !name.starts_with(OWN_PREFIX));
        value.map(<[u8]>::to_vec)
    }

    fn response_header(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.request.attribute(path)
    }

    fn cluster(&self) -> Option<String> {
        self.cluster.clone()
    }

    fn now(&self) -> u64 {
        self.request.now()
    }
}

/// What a request and the filter's own answer to it tell.
pub(crate) struct OfReply<'a, R> {
    pub(crate) request: OfRequest<'a, R>,
    pub(crate) reply: &'a Reply,
}

impl<R: Request> Facts for OfReply<'_, R> {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        self.request.request_header(name)
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        if name == ":status" {
            return Some(self.reply.status.to_string().into_bytes());
        }
        self.reply.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.clone())
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        match path {
            ["response", "code_details"] => Some(self.reply.details_in_envoy().into()),
            ["response" | "upstream", ..] => None,
            path => self.request.attribute(path),
        }
    }

    fn cluster(&self) -> Option<String> {
        self.request.cluster()
    }

    fn now(&self) -> u64 {
        self.request.now()
    }
}

/// What an answer tells; what the request tells is in the values already.
pub(crate) struct OfResponse<'a, R>(pub(crate) &'a R);

impl<R: Response> Facts for OfResponse<'_, R> {
    fn request_header(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.headers().first(name).map(<[u8]>::to_vec)
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.0.attribute(path)
    }

    fn cluster(&self) -> Option<String> {
        None
    }

    fn now(&self) -> u64 {
        self.0.now()
    }
}

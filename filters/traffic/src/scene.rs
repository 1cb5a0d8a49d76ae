//! A request for unit tests, from a line; and texts for their properties.

use crate::request::{Headers, Request};
use proptest::collection::{SizeRange, vec};
use proptest::prelude::*;
use std::cell::Cell;
use std::net::IpAddr;

/// A request as the proxy sees it.
#[derive(Clone, Debug)]
pub(crate) struct Get {
    headers: Headers,
    groups: Vec<Vec<u8>>,
    claims_read: Cell<usize>,
    source_address: Option<IpAddr>,
    now: u64,
}

/// `GET http://reviews{target}`.
pub(crate) fn get(target: &str) -> Get {
    let request = Get {
        headers: Headers::default(),
        groups: Vec::new(),
        claims_read: Cell::new(0),
        source_address: None,
        now: 0,
    };
    request.header(":authority", "reviews").header(":path", target).header(":method", "GET")
}

impl Get {
    /// The same with a header more.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name.as_bytes(), value.as_ref());
        self
    }

    /// The same of somebody who is in that group, too, as the claim `group` of a verified JWT says.
    pub(crate) fn group(mut self, group: &str) -> Self {
        self.groups.push(group.into());
        self
    }

    /// How often a claim was asked for.
    pub(crate) fn claims_read(&self) -> usize {
        self.claims_read.get()
    }

    /// The same from that address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.source_address = Some(address.parse().unwrap());
        self
    }

    /// The same at that instant, RFC 3339.
    pub(crate) fn at(mut self, instant: &str) -> Self {
        self.now = crate::instant::parse(instant).unwrap();
        self
    }

    /// The same so many nanoseconds after the beginning of 1970.
    pub(crate) fn at_nanosecond(mut self, now: u64) -> Self {
        self.now = now;
        self
    }
}

impl Request for Get {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn port(&self) -> Option<u16> {
        Some(80)
    }

    fn claim(&self, path: &[String]) -> Vec<Vec<u8>> {
        self.claims_read.set(self.claims_read() + 1);
        if path == ["group"] { self.groups.clone() } else { Vec::new() }
    }

    fn source_address(&self) -> Option<IpAddr> {
        self.source_address
    }

    fn now(&self) -> u64 {
        self.now
    }
}

/// Any text. Without std there are no texts by regular expression.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..20).prop_map(String::from_iter)
}

/// A text of these characters.
pub(crate) fn text_of(characters: &str, length: impl Into<SizeRange>) -> impl Strategy<Value = String> {
    vec(prop::sample::select(characters.chars().collect::<Vec<_>>()), length).prop_map(String::from_iter)
}

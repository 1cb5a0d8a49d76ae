//! The request that is repeated, with another key each time.

use super::key::KeyPlace;
use serin_traffic::{Headers, Request};
use std::net::IpAddr;

/// What all requests have in common.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The host that is asked for, with its port if one is said.
    pub(crate) authority: String,
    /// The port of the listener.
    pub(crate) port: u16,
    /// The path, with its query.
    pub(crate) path: String,
    /// Further headers.
    pub(crate) headers: Vec<(String, String)>,
    /// The time, in nanoseconds since 1970.
    pub(crate) now: u64,
}

/// One request.
#[derive(Debug)]
pub(crate) struct Simulated {
    headers: Headers,
    port: u16,
    address: Option<IpAddr>,
    now: u64,
}

impl Asked {
    /// The request of a client with that key, and with a cookie that it was given before.
    pub(crate) fn by(&self, key: Option<(&KeyPlace, &str)>, given: Option<&(String, String)>) -> Simulated {
        let mut headers = Headers::default();
        let mut path = self.path.clone();
        let mut address = None;
        headers.push(b":method", b"GET");
        headers.push(b":scheme", b"http");
        headers.push(b":authority", self.authority.as_bytes());
        let pair = |name: &str, value: &str| format!("{name}={value}").into_bytes();
        match key {
            Some((KeyPlace::Header(name), key)) => headers.push(name.as_bytes(), key.as_bytes()),
            Some((KeyPlace::Cookie(name), key)) => headers.push(b"cookie", &pair(name, key)),
            Some((KeyPlace::Baggage(name), key)) => headers.push(b"baggage", &pair(name, key)),
            Some((KeyPlace::QueryParam(name), key)) => {
                let separator = if path.contains('?') { '&' } else { '?' };
                path = format!("{path}{separator}{name}={key}");
            }
            Some((KeyPlace::SourceIp, key)) => address = key.parse().ok(),
            None => {}
        }
        if let Some((name, value)) = given {
            headers.push(b"cookie", &pair(name, value));
        }
        headers.push(b":path", path.as_bytes());
        for (name, value) in &self.headers {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        Simulated { headers, port: self.port, address, now: self.now }
    }
}

impl Request for Simulated {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn port(&self) -> Option<u16> {
        Some(self.port)
    }

    fn claim(&self, _path: &[String]) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn source_address(&self) -> Option<IpAddr> {
        self.address
    }

    fn now(&self) -> u64 {
        self.now
    }
}

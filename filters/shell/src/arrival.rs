//! A request as it arrived: what a decision may ask of it.

use crate::hostcall::{self, Side};
use crate::pairs;
use serin_traffic::{Handoff, Headers, Policy, ROUTE_KEY, Sorted};
use std::cell::{Cell, OnceCell};
use std::net::{IpAddr, SocketAddr};

/// The current request.
pub(crate) struct Arrival<'p> {
    policy: &'p Policy,
    headers: OnceCell<Headers>,
    /// The claims that were asked for: rules that want the same one cost one hostcall.
    claims: Cell<Sorted<Vec<String>, Vec<Vec<u8>>>>,
}

impl<'p> Arrival<'p> {
    pub(crate) fn new(policy: &'p Policy) -> Self {
        Self { policy, headers: OnceCell::new(), claims: Cell::default() }
    }

    /// What an earlier filter has decided about the request.
    pub(crate) fn before(&self) -> Option<Handoff> {
        self.policy.read_handoff(&hostcall::property(&[ROUTE_KEY])?)
    }

    /// Whether the client speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.headers().first(":scheme") == Some(b"https")
    }

    fn headers(&self) -> &Headers {
        self.headers.get_or_init(|| hostcall::headers(Side::Request).map(pairs::headers).unwrap_or_default())
    }
}

impl serin_traffic::Request for Arrival<'_> {
    fn headers(&self) -> &Headers {
        self.headers()
    }

    /// The listener's port: the one that the configuration says, else the one that the request came in on.
    fn port(&self) -> Option<u16> {
        self.policy.port().or_else(|| {
            let bytes = hostcall::property(&["destination", "port"])?;
            u16::try_from(i64::from_le_bytes(bytes.try_into().ok()?)).ok()
        })
    }

    fn claim(&self, path: &[String]) -> Vec<Vec<u8>> {
        let mut claims = self.claims.take();
        let known = claims.get_or_insert_with(path.to_vec(), || verified_claim(path));
        let values = known.map(|values| values.clone()).unwrap_or_default();
        self.claims.set(claims);
        values
    }

    fn source_address(&self) -> Option<IpAddr> {
        let bytes = hostcall::property(&["source", "address"])?;
        let text = std::str::from_utf8(&bytes).ok()?;
        // With the port behind it; a pipe has neither.
        text.parse().map(|address: SocketAddr| address.ip()).or_else(|_| text.parse()).ok()
    }

    fn now(&self) -> u64 {
        hostcall::now().unwrap_or_default()
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        hostcall::property(path)
    }
}

/// The values of a claim. Envoy's `jwt_authn` leaves the payload of a verified token in the dynamic metadata, where Istio
/// has it do so.
fn verified_claim(path: &[String]) -> Vec<Vec<u8>> {
    let mut property = vec!["metadata", "filter_metadata", "envoy.filters.http.jwt_authn", "payload"];
    property.extend(path.iter().map(String::as_str));
    match hostcall::property(&property) {
        None => Vec::new(),
        Some(bytes) => pairs::list(&bytes).unwrap_or_else(|| vec![bytes]),
    }
}

//! A policy's `shadow`, compiled.

use super::MARK;
use super::connection::{is_of_connection, is_upgrade};
use crate::duration;
use crate::key::{Found, KeyChain, header_name, keyed_ticket};
use crate::refusal::{Place, Refusal, Warning};
use crate::request::{Headers, Request};
use crate::share::Share;
use crate::split::Ticket;
use crate::written::{self, Delivery};
use std::fmt;
use std::time::Duration;

const MAX_IN_FLIGHT: u32 = 100;
const MAX_BODY_BYTES: u64 = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(5);

/// The most that `maxBodyBytes` may be: the filter keeps a body until it is whole.
pub(super) const LARGEST_BODY: u64 = 64 << 20;

/// How the copies of a rule's requests are sent.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Who sends them.
    pub delivery: Delivery,
    /// How many copies may be under way at a time, on each worker.
    pub max_in_flight: u32,
    /// How many bytes of body a copy may have.
    pub max_body_bytes: usize,
    /// How long the body of a request may take to come in, and then the answer to its copy.
    pub timeout: Duration,
    /// How many copies a second, on each worker.
    pub max_per_second: Option<u32>,
    /// What is done to the headers of copies.
    pub headers: ShadowHeaders,
    /// Whether the copy's authority has `-shadow` before its port.
    pub authority_suffix: bool,
    /// What is compared of the answers, if anything is.
    pub compare: Option<Compared>,
    keys: Option<KeyChain>,
    salt: Vec<u8>,
    methods: Option<Vec<String>>,
}

/// What is done to the headers of copies, beside marking them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowHeaders {
    /// The headers that get this value; names in lower case.
    pub set: Vec<(String, String)>,
    /// The headers that are taken off; names in lower case.
    pub remove: Vec<String>,
}

/// What is compared of the answers of primary and shadow.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Whether the statuses are.
    pub status: bool,
    /// Whether the bodies are.
    pub body: bool,
    /// The share of the differences that is logged.
    pub logged: Share,
}

/// Why a copy was not sent that the rule's percentages gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The request is itself a shadow.
    Shadow,
    /// The request turns its connection into another, such as a WebSocket.
    Upgrade,
    /// The request's method is not among `methods`.
    Method,
    /// There were `maxPerSecond` before it.
    Rate,
    /// There are `maxInFlight` under way.
    InFlight,
    /// The body has more than `maxBodyBytes`.
    Body,
    /// The body was not whole within `timeout`.
    Slow,
    /// The worker keeps as many bytes of requests and copies as it may, of all rules together.
    Memory,
    /// The request ended before its body did.
    Aborted,
    /// The request itself went to no upstream: it has no cluster or no healthy host, or another filter answered it.
    Unrouted,
    /// The proxy could not send it: the mirror has no cluster, no healthy host, or takes no connection.
    Refused,
    /// The proxy ended this configuration of the filter before the copy was sent.
    Ended,
    /// An earlier filter of the chain decided it under another configuration than that of the filter that sends copies.
    Reconfigured,
}

impl Shadow {
    /// Compiles what was written at `place`. What has no effect is said in `warnings`.
    pub(crate) fn compile(
        place: &Place<'_>,
        written: &written::Shadow,
        default_salt: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Refusal> {
        let written::Shadow { delivery, key, salt, max_in_flight, max_body_bytes, timeout, .. } = written;
        if *delivery == Delivery::Router {
            let for_callouts = [
                ("maxInFlight", max_in_flight.is_some()),
                ("maxBodyBytes", max_body_bytes.is_some()),
                ("timeout", timeout.is_some()),
                ("compare", written.compare.is_some()),
            ];
            for (field, _) in for_callouts.iter().filter(|(_, there)| *there) {
                warnings.push(place.field(field).warn("has no effect: the delivery is not callout"));
            }
        }
        if *max_in_flight == Some(0) {
            return Err(place.field("maxInFlight").refuse("0 would send no copy at all"));
        }
        if written.max_per_second == Some(0) {
            return Err(place.field("maxPerSecond").refuse("0 would send no copy at all"));
        }
        let max_body_bytes = max_body_bytes.unwrap_or(MAX_BODY_BYTES);
        if max_body_bytes > LARGEST_BODY {
            let reason =
                format!("{max_body_bytes} is more than {LARGEST_BODY}: the filter keeps the body of each copy");
            return Err(place.field("maxBodyBytes").refuse(reason));
        }
        let keys = (!key.is_empty()).then(|| KeyChain::compile(&place.field("key"), key, false)).transpose()?;
        if keys.is_none() && salt.is_some() {
            warnings.push(place.field("salt").warn("has no effect: there is no key"));
        }
        let timeout =
            timeout.as_deref().map(|text| duration::milliseconds(&place.field("timeout"), text)).transpose()?;
        let headers = written.headers.as_ref();
        let headers = headers.map(|headers| ShadowHeaders::compile(&place.field("headers"), headers)).transpose()?;
        let compare = written.compare.as_ref();
        Ok(Self {
            delivery: *delivery,
            max_in_flight: max_in_flight.unwrap_or(MAX_IN_FLIGHT),
            max_body_bytes: usize::try_from(max_body_bytes).unwrap_or(usize::MAX),
            timeout: timeout.unwrap_or(TIMEOUT),
            max_per_second: written.max_per_second,
            headers: headers.unwrap_or_default(),
            authority_suffix: written.authority_suffix,
            compare: compare.map(|compare| Compared::compile(&place.field("compare"), compare)).transpose()?,
            keys,
            salt: salt.as_deref().unwrap_or(default_salt).as_bytes().to_vec(),
            methods: written
                .methods
                .as_ref()
                .map(|methods| methods_of(&place.field("methods"), methods))
                .transpose()?,
        })
    }

    /// Why nothing of `request` is copied, whatever the percentages say.
    pub fn refuses(&self, request: &impl Request) -> Option<Reason> {
        let headers = request.headers();
        let reason = never_copied(headers);
        if reason.is_some() {
            return reason;
        }
        let method = headers.first(":method").unwrap_or_default();
        let is_wanted = |methods: &Vec<String>| methods.iter().any(|wanted| wanted.as_bytes() == method);
        (!self.methods.as_ref().is_none_or(is_wanted)).then_some(Reason::Method)
    }

    /// The ticket by which all mirrors decide, if requests are sampled by a key and `request` has one.
    pub fn ticket(&self, request: &impl Request) -> Option<Ticket> {
        match self.keys.as_ref()?.read(request) {
            Found::Key { key, .. } => Some(keyed_ticket(&self.salt, &key)),
            Found::Issue(_) | Found::None => None,
        }
    }
}

/// Why no policy whatever copies a request with these headers.
pub(crate) fn never_copied(headers: &Headers) -> Option<Reason> {
    if headers.first(MARK).is_some() {
        return Some(Reason::Shadow);
    }
    is_upgrade(headers).then_some(Reason::Upgrade)
}

impl ShadowHeaders {
    fn compile(place: &Place<'_>, written: &written::ShadowHeaders) -> Result<Self, Refusal> {
        let mut headers = Self::default();
        let set = place.field("set");
        for (name, value) in &written.set {
            let place = set.field(name);
            let name = changeable(&place, name)?;
            if is_of_connection(name.as_bytes()) {
                return Err(place.refuse(format!("`{name}` is Envoy's to write")));
            }
            if value.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                return Err(place.refuse(format!("{value:?} cannot be the value of a header")));
            }
            if value.contains('%') {
                return Err(place.refuse(format!("`{value}`: Envoy's %…% operators are not implemented")));
            }
            headers.set.push((name, value.clone()));
        }
        let remove = place.field("remove");
        for (index, name) in written.remove.iter().enumerate() {
            headers.remove.push(changeable(&remove.index(index), name)?);
        }
        Ok(headers)
    }
}

/// The name of a header that copies may have otherwise than their primaries, in lower case.
fn changeable(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    let name = header_name(place, name)?;
    match name.as_str() {
        _ if name.starts_with(':') => Err(place.refuse(format!("`{name}` cannot be changed on a copy"))),
        MARK => Err(place.refuse(format!("`{MARK}` is reserved: Serin sets it on every copy"))),
        _ => Ok(name),
    }
}

impl Compared {
    fn compile(place: &Place<'_>, written: &written::Compare) -> Result<Self, Refusal> {
        if !written.status && !written.body {
            return Err(place.refuse("must have status or body"));
        }
        let logged = Share::compile(&place.field("sampleLog"), written.sample_log)?;
        Ok(Self { status: written.status, body: written.body, logged })
    }
}

fn methods_of(place: &Place<'_>, written: &[String]) -> Result<Vec<String>, Refusal> {
    if written.is_empty() {
        return Err(place.refuse("must not be empty"));
    }
    for (index, method) in written.iter().enumerate() {
        if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
            return Err(place.index(index).refuse(format!("`{method}` is not a method such as GET")));
        }
    }
    Ok(written.to_vec())
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::Shadow,
        Self::Upgrade,
        Self::Method,
        Self::Rate,
        Self::InFlight,
        Self::Body,
        Self::Slow,
        Self::Memory,
        Self::Aborted,
        Self::Unrouted,
        Self::Refused,
        Self::Ended,
        Self::Reconfigured,
    ];

    /// The reason in one word, as metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Upgrade => "upgrade",
            Self::Method => "method",
            Self::Rate => "rate",
            Self::InFlight => "in_flight",
            Self::Body => "body",
            Self::Slow => "slow",
            Self::Memory => "memory",
            Self::Aborted => "aborted",
            Self::Unrouted => "unrouted",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Reconfigured => "reconfigured",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

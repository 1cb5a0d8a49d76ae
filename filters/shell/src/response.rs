//! What a filter does to the answer to a request, and what it learns from it.

use crate::hostcall::{self, Side, Status};
use crate::memory::{Charge, Purpose};
use crate::pairs;
use serin_traffic::{Change, Headers, IssuedCookie, ResponseChanges, Reveal, private};
use std::cell::OnceCell;

/// The key of the filter state that says how a request was decided; filters add to it one after the other.
const DECISION_KEY: &str = "serin.decision";

/// The header of answers that says how a request was decided.
const DECISION: &str = "x-serin-decision";

const CACHE_CONTROL: &str = "cache-control";

/// The headers by which shared caches know what they may keep.
const FOR_CACHES: [&str; 2] = [CACHE_CONTROL, "cdn-cache-control"];

/// Changes of fewer bytes are the rules' own: they are always made.
const SMALL_BYTES: usize = 4 << 10;

/// What is remembered of a request for its answer.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// What is done to the answer, in order.
    changes: ResponseChanges,
    /// How many bytes the changes have.
    bytes: usize,
    /// Their part of the memory that there is for answers, if they are large.
    charge: Option<Charge>,
    /// Whether the answer says how the request was decided.
    revealed: bool,
    cookie: Option<Cookie>,
}

/// A cookie that the client is given unless the answer gives it one of the same name.
#[derive(Debug)]
struct Cookie {
    cookie: IssuedCookie,
    text: String,
}

impl Response {
    /// Has `changes` made to the answer; those that are large because the client's headers are, only while there is memory
    /// for them.
    pub(crate) fn change(&mut self, changes: ResponseChanges) {
        let more = changes.bytes();
        self.bytes += more;
        if self.bytes > SMALL_BYTES {
            let charged = match &mut self.charge {
                Some(charge) => charge.grow(more),
                None => {
                    self.charge = Charge::take(Purpose::Answers, self.bytes);
                    self.charge.is_some()
                }
            };
            if !charged {
                self.bytes -= more;
                return;
            }
        }
        self.changes.extend(changes);
    }

    /// Leaves out what belongs to a destination that the request was not sent to: the first `levels` of the changes, and the
    /// cookie.
    pub(crate) fn leave_out_destination(&mut self, levels: usize) {
        self.changes.leave_out(levels);
        self.cookie = None;
    }

    /// Has the answer say how the request was decided, so far as the filters have said it: `reveal` is what this one says.
    pub(crate) fn reveal(&mut self, reveal: &Reveal) {
        let before =
            if reveal.continues { hostcall::property(&[DECISION_KEY]).unwrap_or_default() } else { Vec::new() };
        let space: &[u8] = if before.is_empty() || reveal.text.is_empty() { b"" } else { b" " };
        // Refused, the answer says less.
        let _ = hostcall::set_filter_state(DECISION_KEY, &[&before, space, reveal.text.as_bytes()].concat());
        self.revealed = true;
    }

    /// Has the client given the cookie, of this value.
    pub(crate) fn issue(&mut self, cookie: &IssuedCookie, value: &str, secure: bool) {
        self.cookie = Some(Cookie { cookie: cookie.clone(), text: cookie.set_cookie(value, secure) });
    }

    /// Does to the answer that is on its way what is to be done. What the proxy refuses is left undone.
    pub(crate) fn headers(&self) {
        for change in self.changes.changes(&Arrived::default()) {
            let _ = make(Side::Response, &change);
        }
        if let Some(Cookie { cookie, text }) = &self.cookie {
            let headers = hostcall::response_headers().map(pairs::headers).unwrap_or_default();
            if !headers.values("set-cookie").any(|value| cookie.is_set_by(value)) {
                let _ = hostcall::add_header(Side::Response, "set-cookie", text.as_bytes());
                for name in FOR_CACHES {
                    // What is for one kind of caches only counts if the answer has it (RFC 9213).
                    let is_there = headers.first(name).is_some();
                    if let Some(value) = private(headers.values(name)).filter(|_| is_there || name == CACHE_CONTROL) {
                        let _ = hostcall::set_header(Side::Response, name, &value);
                    }
                }
            }
        }
        if self.revealed {
            let decision = hostcall::property(&[DECISION_KEY]).unwrap_or_default();
            let _ = hostcall::set_header(Side::Response, DECISION, &decision);
        }
    }
}

/// The answer as it came.
#[derive(Default)]
struct Arrived(OnceCell<Headers>);

impl serin_traffic::Response for Arrived {
    fn headers(&self) -> &Headers {
        self.0.get_or_init(|| hostcall::response_headers().map(pairs::headers).unwrap_or_default())
    }

    fn now(&self) -> u64 {
        hostcall::now().unwrap_or_default()
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        hostcall::property(path)
    }
}

pub(crate) fn make(side: Side, change: &Change) -> Result<(), Status> {
    match change {
        Change::Remove { name } => hostcall::remove_header(side, name.as_bytes()),
        Change::Set { name, value } => hostcall::set_header(side, name, value),
        Change::Add { name, value } => hostcall::add_header(side, name, value),
    }
}

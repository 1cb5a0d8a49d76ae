//! Copies that the filter sends itself: from the request that was copied to the answer that is compared.
//!
//! A copy is sent by the root context when the worker's timer comes next, and so is its answer taken: the SDK hands answers
//! only to the context that was current at the call, and the stream may be gone long before.

use crate::draws::Draws;
use crate::hostcall::{self, Bytes, Side};
use crate::metrics::{Counter, Histogram};
use crate::pairs;
use crate::timer::Timer;
use log::warn;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::shadow::{Body, Compared, Comparison, Reason, Seen, Verdict, status_of_upstream};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// How many bytes of an answer are hashed at a time.
const PART: usize = 1 << 16;

/// The copies of one worker that are still to be sent, and those whose answers are still to come.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: RefCell<VecDeque<Copy>>,
    called: RefCell<HashMap<u32, Called>>,
    draws: Draws,
    timer: Rc<Timer>,
}

/// What copies of one rule to one mirror are counted under.
#[derive(Debug)]
pub(crate) struct Series {
    virtual_service: String,
    route: String,
    cluster: String,
    sent: Counter,
}

/// A copy that is to be sent.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) series: Rc<Series>,
    pub(crate) headers: Rc<Vec<(String, Vec<u8>)>>,
    pub(crate) body: Rc<Vec<u8>>,
    pub(crate) trailers: Rc<Vec<(String, Vec<u8>)>>,
    pub(crate) timeout: Duration,
    pub(crate) place: InFlight,
    pub(crate) primary: Option<Rc<Primary>>,
}

/// A copy on its way.
#[derive(Debug)]
struct Called {
    series: Rc<Series>,
    /// Given back when the answer is there.
    _place: InFlight,
    primary: Option<Rc<Primary>>,
    since: u64,
}

/// One of the places that copies of a rule may take at a time.
#[derive(Debug)]
pub(crate) struct InFlight(Rc<Cell<u32>>);

/// The answer that shadows are compared with.
#[derive(Debug)]
pub(crate) struct Primary {
    compared: Compared,
    /// The method and the path, without the query.
    request: String,
    since: u64,
    seen: Cell<Option<Seen>>,
    /// Shadows that were answered before.
    shadows: RefCell<Vec<(Rc<Series>, Option<Seen>)>>,
}

impl Series {
    pub(crate) fn new([virtual_service, route]: [&str; 2], cluster: &str) -> Self {
        let labels = [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::ShadowCluster, cluster)];
        let sent = Counter::new(Metric::Shadows, &labels);
        let [virtual_service, route, cluster] = [virtual_service, route, cluster].map(str::to_owned);
        Self { virtual_service, route, cluster, sent }
    }

    /// Counts a copy that is sent.
    pub(crate) fn sent(&self) {
        self.sent.add(1);
    }

    /// Counts a copy that is not sent.
    pub(crate) fn dropped(&self, reason: Reason) {
        Counter::new(Metric::ShadowsDropped, &self.labels(Label::Reason, reason.as_str())).add(1);
    }

    fn judged(&self, comparison: &Comparison, verdict: Verdict) {
        Counter::new(Metric::ShadowResults, &self.labels(Label::Result, verdict.as_str())).add(1);
        let [labels @ .., _] = self.labels(Label::Result, "");
        Histogram::new(Metric::PrimaryLatency, &labels).record(comparison.primary.milliseconds);
        if let Some(shadow) = comparison.shadow {
            Histogram::new(Metric::ShadowLatency, &labels).record(shadow.milliseconds);
        }
    }

    fn labels<'a>(&'a self, last: Label, value: &'a str) -> [(Label, &'a str); 4] {
        [
            (Label::VirtualService, &self.virtual_service),
            (Label::Route, &self.route),
            (Label::ShadowCluster, &self.cluster),
            (last, value),
        ]
    }
}

impl InFlight {
    /// Takes a place, unless `most` are taken.
    pub(crate) fn take(taken: &Rc<Cell<u32>>, most: u32) -> Option<Self> {
        if taken.get() >= most {
            return None;
        }
        taken.set(taken.get() + 1);
        Some(Self(Rc::clone(taken)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl Primary {
    pub(crate) fn new(compared: Compared, request: String) -> Self {
        let since = hostcall::now().unwrap_or_default();
        Self { compared, request, since, seen: Cell::default(), shadows: RefCell::default() }
    }

    /// The primary was answered: compares the shadows that were before it.
    pub(crate) fn answered(&self, status: u16, body: &Body, outbox: &Outbox) {
        let seen = Seen::new(status, body, self.since, hostcall::now().unwrap_or_default());
        self.seen.set(Some(seen));
        let shadows = self.shadows.try_borrow_mut().map(|mut shadows| std::mem::take(&mut *shadows));
        for (series, shadow) in shadows.unwrap_or_default() {
            self.compare(&series, seen, shadow, outbox);
        }
    }

    /// A shadow was answered, or will not be.
    fn shadow_answered(&self, series: Rc<Series>, shadow: Option<Seen>, outbox: &Outbox) {
        match (self.seen.get(), self.shadows.try_borrow_mut()) {
            (Some(primary), _) => self.compare(&series, primary, shadow, outbox),
            (None, Ok(mut shadows)) => shadows.push((series, shadow)),
            (None, Err(_)) => {}
        }
    }

    fn compare(&self, series: &Series, primary: Seen, shadow: Option<Seen>, outbox: &Outbox) {
        let comparison = Comparison { primary, shadow };
        let verdict = comparison.verdict(&self.compared);
        series.judged(&comparison, verdict);
        if verdict != Verdict::Match && self.compared.logged.takes(outbox.draws.draw()) {
            let Series { virtual_service, route, cluster, .. } = series;
            warn!("{virtual_service}/{route} {}: {} of {cluster}: {comparison}", self.request, verdict.as_str());
        }
    }
}

impl Outbox {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Has the copy sent when the timer comes next.
    pub(crate) fn put(&self, copy: Copy) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push_back(copy);
        }
        self.timer.for_copies(true);
    }

    /// Sends what is waiting; the root context must be the current one.
    pub(crate) fn send(&self) {
        let copies = self.waiting.try_borrow_mut().map(|mut waiting| std::mem::take(&mut *waiting)).unwrap_or_default();
        if !copies.is_empty() {
            self.timer.for_copies(false);
        }
        for copy in copies {
            let Copy { series, headers, body, trailers, timeout, place, primary } = copy;
            let body = (!body.is_empty()).then_some(body.as_slice());
            let since = hostcall::now().unwrap_or_default();
            match hostcall::call(&series.cluster, &headers, body, &trailers, timeout) {
                Ok(token) => {
                    series.sent();
                    let called = Called { series, _place: place, primary, since };
                    if let Ok(mut all) = self.called.try_borrow_mut() {
                        all.insert(token, called);
                    }
                }
                Err(_) => series.dropped(Reason::Refused),
            }
        }
    }

    /// The answer to a copy has come, with so many headers: none say that the proxy has no answer.
    pub(crate) fn answered(&self, token: u32, headers: usize, body: usize) {
        let called = self.called.try_borrow_mut().ok().and_then(|mut all| all.remove(&token));
        let Some(Called { series, primary: Some(primary), since, .. }) = called else {
            return;
        };
        let answer = (headers > 0).then(|| hostcall::headers(Side::Call).map(pairs::headers).unwrap_or_default());
        let status = answer.as_ref().and_then(status_of_upstream);
        let seen = status.map(|status| {
            let mut whole = Body::default();
            for start in (0..body).step_by(PART) {
                whole.push(&hostcall::body(Bytes::Call, start, PART).unwrap_or_default());
            }
            Seen::new(status, &whole, since, hostcall::now().unwrap_or_default())
        });
        primary.shadow_answered(series, seen, self);
    }
}

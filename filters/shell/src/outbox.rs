//! Copies that the filter sends itself: from the request that was copied to the answer that is compared.
//!
//! A copy is sent by the root context when the worker's timer comes next, and so is its answer taken: the SDK hands answers
//! only to the context that was current at the call, and the stream may be gone long before. It is sent after its primary
//! has passed the filters behind this one, so that nothing is copied that was not sent; the copies of one that a fault
//! delays come here when it goes on.

use crate::copies::{Copies, Place};
use crate::draws::Draws;
use crate::hostcall::{self, Bytes, Side};
use crate::memory::{Charge, Purpose};
use crate::pairs;
use crate::primary::Primary;
use crate::series::Series;
use crate::timer::{Timer, Wish};
use serin_traffic::Sorted;
use serin_traffic::shadow::{Body, Fate, Reason, Seen};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// The copies of one worker that are still to be sent, and those whose answers are still to come.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: RefCell<VecDeque<Copies>>,
    called: RefCell<Sorted<u32, Called>>,
    draws: Draws,
    timer: Rc<Timer>,
}

/// A copy on its way.
#[derive(Debug)]
struct Called {
    series: Rc<Series>,
    /// Given back when the answer is there, as is the memory.
    _place: Place,
    _charge: Charge,
    primary: Option<Rc<Primary>>,
    since: u64,
    /// Whether it is counted as sent already.
    counted: Cell<bool>,
}

impl Called {
    fn sent(&self) {
        if !self.counted.replace(true) {
            self.series.sent_by_call();
        }
    }
}

impl Outbox {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Chance.
    pub(crate) fn draws(&self) -> &Draws {
        &self.draws
    }

    /// Has the copies sent when the timer comes next.
    pub(crate) fn put(&self, copies: Copies) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push_back(copies);
        }
        self.timer.wish(Wish::Copies, Some(Timer::NOW));
    }

    /// Sends what is waiting; the root context must be the current one.
    pub(crate) fn send(&self) {
        let all = self.waiting.try_borrow_mut().map(|mut waiting| std::mem::take(&mut *waiting)).unwrap_or_default();
        self.timer.wish(Wish::Copies, None);
        for copies in all {
            if copies.routed.is_denied() {
                copies.drop_for(Reason::Unrouted);
                continue;
            }
            for series in &copies.mirrors {
                if let Err(reason) = self.call(series, &copies) {
                    series.dropped(reason);
                }
            }
        }
    }

    fn call(&self, series: &Rc<Series>, copies: &Copies) -> Result<(), Reason> {
        let place = copies.places.take().ok_or(Reason::InFlight)?;
        let charge = Charge::take(Purpose::UnderWay, copies.bytes()).ok_or(Reason::Memory)?;
        let body = (!copies.body().is_empty()).then_some(copies.body());
        let since = hostcall::now().unwrap_or_default();
        let token = hostcall::call(&series.cluster, copies.headers(), body, copies.trailers(), copies.timeout)
            .map_err(|_| Reason::Refused)?;
        let called = Called {
            series: Rc::clone(series),
            _place: place,
            _charge: charge,
            primary: copies.primary.clone(),
            since,
            counted: Cell::new(false),
        };
        if let Ok(mut all) = self.called.try_borrow_mut() {
            all.insert(token, called);
        }
        Ok(())
    }

    /// The answer to a copy has come, with so many headers: none say that the proxy has no answer.
    pub(crate) fn answered(&self, token: u32, headers: usize, body: usize) {
        let called = self.called.try_borrow_mut().ok().and_then(|mut all| all.remove(&token));
        let Some(called) = called else {
            return;
        };
        let answer =
            if headers > 0 { hostcall::headers(Side::Call).map(pairs::headers) } else { Ok(Default::default()) };
        let fate = Fate::of(&answer.unwrap_or_default(), || {
            hostcall::body(Bytes::Call, 0, body.min(Fate::BODY_BYTES)).unwrap_or_default()
        });
        match fate {
            Fate::NeverSent => called.series.dropped(Reason::Refused),
            Fate::Answered(_) | Fate::Unanswered => called.sent(),
        }
        let Called { series, primary: Some(primary), since, .. } = called else {
            return;
        };
        let seen = fate.status().map(|status| {
            let mut whole = Body::default();
            hostcall::parts(Bytes::Call, body, &mut |part| whole.push(part));
            Seen::new(status, &whole, since, hostcall::now().unwrap_or_default())
        });
        primary.shadow_answered(series, seen, &self.draws);
    }

    /// Whether nothing is waiting, neither to be sent nor for an answer.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.try_borrow().is_ok_and(|waiting| waiting.is_empty())
            && self.called.try_borrow().is_ok_and(|called| called.is_empty())
    }

    /// Counts what is on its way as sent: it may be that its answer comes to nobody.
    pub(crate) fn count_sent(&self) {
        if let Ok(called) = self.called.try_borrow() {
            called.values().for_each(Called::sent);
        }
    }

    /// Counts what is given up, now that nobody sends it or takes its answer.
    pub(crate) fn end(&self) {
        let waiting = self.waiting.try_borrow_mut().map(|mut waiting| std::mem::take(&mut *waiting));
        waiting.unwrap_or_default().into_iter().for_each(|copies| copies.drop_for(Reason::Ended));
        let called = self.called.try_borrow_mut().map(|mut called| std::mem::take(&mut *called));
        for (_, called) in called.unwrap_or_default() {
            called.sent();
            if let Some(primary) = called.primary {
                primary.shadow_answered(called.series, None, &self.draws);
            }
        }
    }
}

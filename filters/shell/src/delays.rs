//! Requests that wait: a fault's delay, kept by the worker's timer.

use crate::timer::Timer;
use crate::{hostcall, pairs};
use serin_traffic::Reply;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

const MILLISECOND: u64 = 1_000_000;

/// The requests of one worker that wait.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    waiting: RefCell<Vec<Waiting>>,
    timer: Rc<Timer>,
}

#[derive(Debug)]
struct Waiting {
    context: u32,
    /// In nanoseconds since 1970.
    until: u64,
    /// What the request is answered then; it goes on if there is nothing.
    reply: Option<Reply>,
}

/// A request that waits; once dropped, it waits no more.
pub(crate) struct Held {
    delays: Rc<Delays>,
    context: u32,
}

impl Delays {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Whether any request waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.try_borrow().is_ok_and(|waiting| waiting.is_empty())
    }

    /// Has the request of the stream `context` wait so long.
    pub(crate) fn hold(self: &Rc<Self>, context: u32, wait: Duration, reply: Option<Reply>) -> Held {
        let now = hostcall::now().unwrap_or_default();
        let until = now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.push(Waiting { context, until, reply });
        }
        self.schedule(now);
        Held { delays: Rc::clone(self), context }
    }

    /// Lets those go on whose time has come.
    pub(crate) fn release(&self) {
        let now = hostcall::now().unwrap_or(u64::MAX);
        let Ok(mut waiting) = self.waiting.try_borrow_mut() else {
            return;
        };
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *waiting).into_iter().partition(|one| one.until <= now);
        *waiting = later;
        drop(waiting);
        for one in due {
            if hostcall::set_effective_context(one.context).is_err() {
                continue;
            }
            let answered = one.reply.is_some_and(|reply| answer(&reply));
            if !answered {
                // A stream that has ended meanwhile has nothing to go on with.
                let _ = hostcall::continue_request();
            }
        }
        self.schedule(now);
    }

    /// Has the timer fire when the next time comes.
    fn schedule(&self, now: u64) {
        let Ok(waiting) = self.waiting.try_borrow() else {
            return;
        };
        let next = waiting.iter().map(|one| one.until.saturating_sub(now).div_ceil(MILLISECOND).max(1)).min();
        self.timer.for_delays(next.map_or(0, |wait| u32::try_from(wait).unwrap_or(u32::MAX)));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(mut waiting) = self.delays.waiting.try_borrow_mut() {
            waiting.retain(|one| one.context != self.context);
        }
    }
}

/// Answers the current request; whether the proxy took it.
pub(crate) fn answer(reply: &Reply) -> bool {
    let headers = pairs::serialized(&reply.headers);
    hostcall::answer(reply.status, reply.details, &headers, &reply.body, reply.grpc_status).is_ok()
}

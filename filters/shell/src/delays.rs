//! Requests that wait: a fault's delay, kept by the worker's timer.

use crate::copies::Copies;
use crate::memory::{Charge, Purpose};
use crate::outbox::Outbox;
use crate::timer::{Timer, Wish};
use crate::{hostcall, pairs};
use serin_traffic::shadow::{ENTRY_BYTES, Reason, bytes_of};
use serin_traffic::{Reply, Sorted};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// The requests of one worker that wait.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    waiting: RefCell<Sorted<Key, Box<Waiting>>>,
    timer: Rc<Timer>,
}

/// Until when a request waits, in nanoseconds since 1970, and its stream.
type Key = (u64, u32);

/// What becomes of a request once it has waited.
#[derive(Debug, Default)]
struct Waiting {
    /// What it is answered; it goes on if there is nothing.
    kept: Option<Kept>,
    /// Its copies, if there are some that are whole: they are sent when it goes on.
    copies: Option<Copies>,
}

/// An answer that is kept until it can be given.
#[derive(Debug)]
struct Kept {
    reply: Reply,
    /// Its part of the memory that there is for answers.
    _charge: Charge,
}

/// A request that waits; once dropped, it waits no more, and has gone nowhere if it still did.
#[derive(Debug)]
pub(crate) struct Held {
    delays: Rc<Delays>,
    key: Key,
}

impl Delays {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Has the request of the stream `context` wait so long, before it gets that reply or goes on.
    ///
    /// # Errors
    ///
    /// The reply, if there is no memory to keep it until then, or if the proxy denies what lets the request go on again: better
    /// at once than never.
    pub(crate) fn hold(
        self: &Rc<Self>,
        context: u32,
        wait: Duration,
        reply: Option<Reply>,
    ) -> Result<Held, Option<Reply>> {
        if hostcall::set_effective_context(context).is_err() {
            return Err(reply);
        }
        let kept = match reply {
            None => None,
            Some(reply) => {
                let bytes = ENTRY_BYTES + bytes_of(&reply.headers) + reply.body.len();
                let Some(charge) = Charge::take(Purpose::Answers, bytes) else {
                    return Err(Some(reply));
                };
                Some(Kept { reply, _charge: charge })
            }
        };
        let now = hostcall::now().unwrap_or_default();
        let until = now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        let key = (until, context);
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.insert(key, Box::new(Waiting { kept, copies: None }));
        }
        if self.schedule() {
            return Ok(Held { delays: Rc::clone(self), key });
        }
        Err(self.take(key).kept.map(|kept| kept.reply))
    }

    /// Lets those go on whose time has come, and hands their copies to `outbox`.
    pub(crate) fn release(&self, outbox: &Outbox) {
        let now = hostcall::now().unwrap_or(u64::MAX);
        while let Some(((_, context), waiting)) = self.take_due(now) {
            let Waiting { kept, copies } = *waiting;
            let there = hostcall::set_effective_context(context).is_ok();
            let goes_on = there && !kept.is_some_and(|kept| answer(&kept.reply));
            if goes_on {
                // A stream that has ended meanwhile has nothing to go on with.
                let _ = hostcall::continue_request();
            }
            match copies {
                Some(copies) if goes_on => outbox.put(copies),
                Some(copies) => copies.drop_for(Reason::Unrouted),
                None => {}
            }
        }
        self.schedule();
    }

    /// Counts the copies that are given up, now that nobody lets their requests go on.
    pub(crate) fn end(&self) {
        let waiting = self.waiting.try_borrow_mut().map(|mut waiting| std::mem::take(&mut *waiting));
        let copies = waiting.unwrap_or_default().into_iter().filter_map(|(_, waiting)| waiting.copies);
        copies.for_each(|copies| copies.drop_for(Reason::Ended));
    }

    /// Takes a request out; there is nothing if it waits no more.
    fn take(&self, key: Key) -> Box<Waiting> {
        self.waiting.try_borrow_mut().ok().and_then(|mut waiting| waiting.remove(&key)).unwrap_or_default()
    }

    /// Takes out the first of those whose time has come.
    fn take_due(&self, now: u64) -> Option<(Key, Box<Waiting>)> {
        let mut waiting = self.waiting.try_borrow_mut().ok()?;
        let key = waiting.first().map(|(key, _)| *key).filter(|(until, _)| *until <= now)?;
        waiting.remove(&key).map(|waiting| (key, waiting))
    }

    /// Has the timer fire when the next time comes; whether it will.
    fn schedule(&self) -> bool {
        let Ok(waiting) = self.waiting.try_borrow() else {
            return false;
        };
        self.timer.wish(Wish::Delays, waiting.first().map(|((until, _), _)| *until))
    }
}

impl Held {
    /// Until when the request is to wait, in nanoseconds since 1970.
    pub(crate) fn until(&self) -> u64 {
        let (until, _) = self.key;
        until
    }

    /// Whether the request still waits.
    pub(crate) fn waits(&self) -> bool {
        self.delays.waiting.try_borrow().is_ok_and(|waiting| waiting.has(&self.key))
    }

    /// Has the copies sent when the request goes on, and not at all if it never does.
    pub(crate) fn put(&self, copies: Copies) {
        if let Ok(mut waiting) = self.delays.waiting.try_borrow_mut() {
            if let Some(waiting) = waiting.get_mut(&self.key) {
                waiting.copies = Some(copies);
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(copies) = self.delays.take(self.key).copies {
            copies.drop_for(Reason::Unrouted);
        }
    }
}

/// Answers the current request; whether the proxy took it.
pub(crate) fn answer(reply: &Reply) -> bool {
    let headers = pairs::serialized(&reply.headers);
    hostcall::answer(reply.status, reply.details, &headers, &reply.body, reply.grpc_status).is_ok()
}

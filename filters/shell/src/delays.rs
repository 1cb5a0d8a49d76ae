//! Requests that wait: a fault's delay, kept by the worker's timer.

use crate::memory::{Charge, Purpose};
use crate::timer::{Timer, Wish};
use crate::{hostcall, pairs};
use serin_traffic::Reply;
use serin_traffic::shadow::{ENTRY_BYTES, bytes_of};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The requests of one worker that wait.
#[derive(Debug, Default)]
pub(crate) struct Delays {
    waiting: RefCell<BTreeMap<Key, Option<Kept>>>,
    timer: Rc<Timer>,
}

/// Until when a request waits, in nanoseconds since 1970, and its stream.
type Key = (u64, u32);

/// What a request is answered once it has waited; it goes on if there is nothing.
#[derive(Debug)]
struct Kept {
    reply: Reply,
    /// Its part of the memory that there is for answers.
    _charge: Charge,
}

/// A request that waits; once dropped, it waits no more.
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
            waiting.insert(key, kept);
        }
        if self.schedule() {
            return Ok(Held { delays: Rc::clone(self), key });
        }
        let kept = self.waiting.try_borrow_mut().ok().and_then(|mut waiting| waiting.remove(&key)).flatten();
        Err(kept.map(|kept| kept.reply))
    }

    /// Lets those go on whose time has come.
    pub(crate) fn release(&self) {
        let now = hostcall::now().unwrap_or(u64::MAX);
        while let Some(((_, context), kept)) = self.take_due(now) {
            if hostcall::set_effective_context(context).is_err() {
                continue;
            }
            let answered = kept.is_some_and(|kept| answer(&kept.reply));
            if !answered {
                // A stream that has ended meanwhile has nothing to go on with.
                let _ = hostcall::continue_request();
            }
        }
        self.schedule();
    }

    /// Takes out the first of those whose time has come.
    fn take_due(&self, now: u64) -> Option<(Key, Option<Kept>)> {
        let mut waiting = self.waiting.try_borrow_mut().ok()?;
        let first = waiting.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove_entry())
    }

    /// Has the timer fire when the next time comes; whether it will.
    fn schedule(&self) -> bool {
        let Ok(waiting) = self.waiting.try_borrow() else {
            return false;
        };
        self.timer.wish(Wish::Delays, waiting.first_key_value().map(|((until, _), _)| *until))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Ok(mut waiting) = self.delays.waiting.try_borrow_mut() {
            waiting.remove(&self.key);
        }
    }
}

/// Answers the current request; whether the proxy took it.
pub(crate) fn answer(reply: &Reply) -> bool {
    let headers = pairs::serialized(&reply.headers);
    hostcall::answer(reply.status, reply.details, &headers, &reply.body, reply.grpc_status).is_ok()
}

//! Requests whose bodies are being collected for their copies. A client may take as long for a body as it likes, and send as
//! many at a time as it likes: what is kept of them is bounded by bytes and by time.

use crate::copies::Copies;
use crate::hostcall;
use crate::timer::{Timer, Wish};
use serin_traffic::Sorted;
use serin_traffic::shadow::Reason;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The requests of one worker whose bodies are still to come.
#[derive(Debug, Default)]
pub(crate) struct Collections {
    open: RefCell<Sorted<Key, Box<Collecting>>>,
    /// How many there were.
    count: Cell<u64>,
    timer: Rc<Timer>,
}

/// Until when the body must be whole, in nanoseconds since 1970, and which of the requests it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    until: u64,
    number: u64,
}

#[derive(Debug)]
struct Collecting {
    copies: Copies,
    most: usize,
}

impl Collections {
    pub(crate) fn new(timer: Rc<Timer>) -> Self {
        Self { timer, ..Self::default() }
    }

    /// Begins to collect a body of at most so many bytes, which comes in from the instant `since` on.
    pub(crate) fn begin(&self, copies: Copies, most: usize, since: u64) -> Key {
        let wait = u64::try_from(copies.timeout.as_nanos()).unwrap_or(u64::MAX);
        let until = since.saturating_add(wait);
        let number = self.count.get();
        self.count.set(number.wrapping_add(1));
        let key = Key { until, number };
        if let Ok(mut open) = self.open.try_borrow_mut() {
            open.insert(key, Box::new(Collecting { copies, most }));
        }
        self.schedule();
        key
    }

    /// Takes in so many bytes, which `read` hands over in parts, and says whether it goes on: copies that cannot have them are
    /// dropped.
    pub(crate) fn push(&self, key: Key, size: usize, read: impl FnOnce(&mut dyn FnMut(&[u8])) -> usize) -> bool {
        let pushed = self.open.try_borrow_mut().ok().and_then(|mut open| {
            let Collecting { copies, most } = &mut **open.get_mut(&key)?;
            let reserved = copies.reserve(size, *most);
            Some(reserved.and_then(|()| {
                let whole = read(&mut |part| copies.extend(part)) == size;
                if whole { Ok(()) } else { Err(Reason::Aborted) }
            }))
        });
        if let Some(Err(reason)) = pushed {
            self.drop_for(key, reason);
        }
        matches!(pushed, Some(Ok(())))
    }

    /// Takes the copies out; none if they were dropped.
    pub(crate) fn take(&self, key: Key) -> Option<Copies> {
        let collecting = self.open.try_borrow_mut().ok()?.remove(&key)?;
        Some(collecting.copies)
    }

    /// Drops the copies, unless they were.
    pub(crate) fn drop_for(&self, key: Key, reason: Reason) {
        if let Some(copies) = self.take(key) {
            copies.drop_for(reason);
        }
    }

    /// Gives those up whose time is over.
    pub(crate) fn expire(&self) {
        let now = hostcall::now().unwrap_or_default();
        while let Some(key) = self.first().filter(|first| first.until <= now) {
            self.drop_for(key, Reason::Slow);
        }
        self.schedule();
    }

    /// Gives all of them up.
    pub(crate) fn end(&self) {
        while let Some(key) = self.first() {
            self.drop_for(key, Reason::Ended);
        }
    }

    fn first(&self) -> Option<Key> {
        self.open.try_borrow().ok()?.first().map(|(key, _)| *key)
    }

    fn schedule(&self) {
        self.timer.wish(Wish::Collections, self.first().map(|first| first.until));
    }
}

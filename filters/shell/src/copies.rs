//! The copies of one request that the filter sends itself, until they are sent.

use crate::memory::{Charge, Purpose};
use crate::primary::Primary;
use crate::series::Series;
use serin_traffic::shadow::{ENTRY_BYTES, Reason, bytes_of, grown};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// A request, as its copies are to be, and to which mirrors.
#[derive(Debug)]
pub(crate) struct Copies {
    pub(crate) mirrors: Vec<Rc<Series>>,
    pub(crate) places: Places,
    pub(crate) timeout: Duration,
    pub(crate) primary: Option<Rc<Primary>>,
    /// Whether the request itself went to an upstream, as far as is known.
    pub(crate) routed: Routed,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    /// For what it takes of the VM's memory.
    charge: Charge,
}

/// What copies and their primary tell each other: whether there is anything to be copied.
#[derive(Clone, Debug)]
pub(crate) struct Routed(Rc<Cell<bool>>);

/// The places that copies of a rule may take at a time.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    taken: Rc<Cell<u32>>,
    most: u32,
}

/// One of them; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place(Rc<Cell<u32>>);

/// What every copy of a request has, whichever mirror it goes to.
pub(crate) struct Terms {
    pub(crate) places: Places,
    pub(crate) timeout: Duration,
    pub(crate) primary: Option<Rc<Primary>>,
    pub(crate) routed: Routed,
}

impl Copies {
    /// Copies without a body yet; none if there is no memory for them, which is counted.
    pub(crate) fn new(
        purpose: Purpose,
        mirrors: Vec<Rc<Series>>,
        headers: Vec<(String, Vec<u8>)>,
        terms: Terms,
    ) -> Option<Self> {
        let Some(charge) = Charge::take(purpose, ENTRY_BYTES + bytes_of(&headers)) else {
            mirrors.iter().for_each(|series| series.dropped(Reason::Memory));
            return None;
        };
        let Terms { places, timeout, primary, routed } = terms;
        let (body, trailers) = (Vec::new(), Vec::new());
        Some(Self { mirrors, places, timeout, primary, routed, headers, body, trailers, charge })
    }

    /// Makes room for `more` bytes of a body that never has more than `most`.
    pub(crate) fn reserve(&mut self, more: usize, most: usize) -> Result<(), Reason> {
        let needed = self.body.len().saturating_add(more);
        if needed > most {
            return Err(Reason::Body);
        }
        let before = self.body.capacity();
        if needed <= before {
            return Ok(());
        }
        let larger = grown(before, needed, most);
        // Both are there while the one is copied into the other.
        if !self.charge.grow(larger) {
            return Err(Reason::Memory);
        }
        let mut body = Vec::new();
        body.try_reserve_exact(larger).map_err(|_| Reason::Memory)?;
        body.append(&mut self.body);
        self.body = body;
        self.charge.shrink(before);
        Ok(())
    }

    /// Adds to the body; there is room.
    pub(crate) fn extend(&mut self, part: &[u8]) {
        self.body.extend_from_slice(part);
    }

    /// Gives the copies their trailers, if there is memory for them.
    pub(crate) fn end_with(&mut self, trailers: Vec<(String, Vec<u8>)>) -> Result<(), Reason> {
        if !self.charge.grow(bytes_of(&trailers)) {
            return Err(Reason::Memory);
        }
        self.trailers = trailers;
        Ok(())
    }

    /// Counts that they are not sent.
    pub(crate) fn drop_for(self, reason: Reason) {
        self.mirrors.iter().for_each(|series| series.dropped(reason));
    }

    pub(crate) fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn trailers(&self) -> &[(String, Vec<u8>)] {
        &self.trailers
    }

    /// What one of them takes while it is under way.
    pub(crate) fn bytes(&self) -> usize {
        ENTRY_BYTES + bytes_of(&self.headers) + self.body.len() + bytes_of(&self.trailers)
    }
}

impl Default for Routed {
    /// Nothing is known that speaks against it.
    fn default() -> Self {
        Self(Rc::new(Cell::new(true)))
    }
}

impl Routed {
    /// The request went to no upstream.
    pub(crate) fn deny(&self) {
        self.0.set(false);
    }

    pub(crate) fn is_denied(&self) -> bool {
        !self.0.get()
    }
}

impl Places {
    pub(crate) fn new(taken: &Rc<Cell<u32>>, most: u32) -> Self {
        Self { taken: Rc::clone(taken), most }
    }

    /// Takes a place, unless all are taken.
    pub(crate) fn take(&self) -> Option<Place> {
        if self.taken.get() >= self.most {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Place(Rc::clone(&self.taken)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

//! Requests whose answers are compared with those of their copies.

use crate::draws::Draws;
use crate::hostcall;
use crate::series::Series;
use serin_traffic::shadow::{Body, Compared, Comparison, Seen, Verdict};
use serin_traffic::{Headers, Printable};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How much of a request's method and path is kept for the log: clients make them as long as headers may be.
const REQUEST_BYTES: usize = 256;

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

impl Primary {
    /// A request with these headers, which is still to be answered; `since` says when it goes to its upstream, in nanoseconds
    /// since 1970.
    pub(crate) fn new(compared: Compared, headers: &Headers, since: u64) -> Self {
        let request = [headers.first(":method").unwrap_or_default(), b" ", headers.path()].concat();
        Self {
            compared,
            request: Printable(&request).cut_to(REQUEST_BYTES),
            since,
            seen: Cell::default(),
            shadows: RefCell::default(),
        }
    }

    /// The primary was answered: compares the shadows that were before it.
    pub(crate) fn answered(&self, status: u16, body: &Body, draws: &Draws) {
        let seen = Seen::new(status, body, self.since, hostcall::now().unwrap_or_default());
        self.seen.set(Some(seen));
        let shadows = self.shadows.try_borrow_mut().map(|mut shadows| std::mem::take(&mut *shadows));
        for (series, shadow) in shadows.unwrap_or_default() {
            self.compare(&series, seen, shadow, draws);
        }
    }

    /// A shadow was answered, or will not be.
    pub(crate) fn shadow_answered(&self, series: Rc<Series>, shadow: Option<Seen>, draws: &Draws) {
        match (self.seen.get(), self.shadows.try_borrow_mut()) {
            (Some(primary), _) => self.compare(&series, primary, shadow, draws),
            (None, Ok(mut shadows)) => shadows.push((series, shadow)),
            (None, Err(_)) => {}
        }
    }

    fn compare(&self, series: &Series, primary: Seen, shadow: Option<Seen>, draws: &Draws) {
        let comparison = Comparison { primary, shadow };
        let verdict = comparison.verdict(&self.compared);
        series.judged(&comparison, verdict);
        if verdict != Verdict::Match && self.compared.logged.takes(draws.draw()) {
            series.log(&self.request, &comparison, verdict);
        }
    }
}

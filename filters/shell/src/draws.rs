//! Chance, from the proxy's clock: a module on wasm32-unknown-unknown has no other source.

use crate::hostcall;
use fastrand::Rng;
use serin_traffic::Ticket;
use std::cell::RefCell;

/// Tickets drawn by chance.
///
/// The generator is seeded with the nanosecond of the first draw, so that the workers of one proxy, which are configured
/// at the same time, do not draw alike. For splitting traffic only: whoever knows the seed knows the tickets.
#[derive(Debug, Default)]
pub(crate) struct Draws(RefCell<Option<Rng>>);

impl Draws {
    /// The next ticket.
    pub(crate) fn draw(&self) -> Ticket {
        let Ok(mut generator) = self.0.try_borrow_mut() else {
            return Ticket(0);
        };
        let seeded = || Rng::with_seed(hostcall::now().unwrap_or_default());
        Ticket(generator.get_or_insert_with(seeded).u64(..))
    }
}

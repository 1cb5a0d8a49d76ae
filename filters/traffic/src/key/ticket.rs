//! The ticket that a key draws.

use crate::split::Ticket;
use xxhash_rust::xxh64::Xxh64;

/// The ticket that `key` draws among all that use `salt`: xxHash64 with seed 0 over the salt, a zero byte and the key.
///
/// It is the same on every proxy, every worker and every machine; `tests/vectors/ticket.json` holds some to check other
/// implementations by. Another salt gives tickets that have nothing to do with these.
///
/// ```
/// use serin_traffic::{Share, Ticket, keyed_ticket};
///
/// let ticket = keyed_ticket(b"default/reviews/default", b"jason");
/// assert_eq!(ticket, Ticket(0x5f5c_feeb_c76b_88ae));
/// assert!(Share::from_percent(37.3).unwrap().takes(ticket) && !Share::from_percent(37.2).unwrap().takes(ticket));
/// ```
pub fn keyed_ticket(salt: &[u8], key: &[u8]) -> Ticket {
    let mut hash = Xxh64::new(0);
    hash.update(salt);
    hash.update(&[0]);
    hash.update(key);
    Ticket(hash.digest())
}

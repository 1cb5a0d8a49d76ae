//! Which of several weighted destinations a request gets.

/// What a request draws: decides its share, evenly spread over all of `u64`.
///
/// Where tickets come from is the caller's business: chance, or the hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub u64);

impl Ticket {
    /// The ticket's place in a scale of `total` steps: `0 <= place < total`, 0 if `total` is 0.
    ///
    /// ```
    /// use serin_traffic::Ticket;
    ///
    /// assert_eq!(Ticket(0).place_in(100), 0);
    /// assert_eq!(Ticket(u64::MAX / 2).place_in(100), 49);
    /// assert_eq!(Ticket(u64::MAX).place_in(100), 99);
    /// ```
    pub fn place_in(self, total: u64) -> u64 {
        // The high half of the product; a remainder would favour the low places.
        let place = (u128::from(self.0) * u128::from(total)) >> 64;
        u64::try_from(place).unwrap_or(0)
    }
}

/// Which of `weights` the ticket falls on: shares are half open and in order, `[0, w1)`, `[w1, w1 + w2)`, …, as in
/// Envoy's `weighted_cluster_specifier`. A weight of 0 takes nothing; `None` if the weights are all 0.
///
/// ```
/// use serin_traffic::{Ticket, split};
///
/// assert_eq!(split([90, 10], Ticket(0)), Some(0));
/// assert_eq!(split([90, 10], Ticket(u64::MAX)), Some(1));
/// assert_eq!(split([0, 0], Ticket(7)), None);
/// ```
pub fn split(weights: impl IntoIterator<Item = u32> + Clone, ticket: Ticket) -> Option<usize> {
    let total = weights.clone().into_iter().map(u64::from).sum();
    let place = ticket.place_in(total);
    let mut end = 0;
    weights.into_iter().position(|weight| {
        end += u64::from(weight);
        place < end
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    /// So many tickets, at even distances over all of `u64`.
    fn even_tickets(count: u64) -> impl Iterator<Item = Ticket> {
        (0..count).map(move |n| Ticket(n * (u64::MAX / count)))
    }

    #[test]
    fn weight_zero_gets_nothing_and_full_weight_everything() {
        assert!(even_tickets(10_000).all(|ticket| split([0, 100, 0], ticket) == Some(1)));
    }

    #[test]
    fn weights_need_not_sum_to_a_hundred() {
        let hits = even_tickets(7_000).filter(|ticket| split([1, 6], *ticket) == Some(0)).count();
        assert!(hits.abs_diff(1_000) <= 1, "{hits}");
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        assert_eq!(split([u32::MAX; 4], Ticket(u64::MAX)), Some(3));
    }

    proptest! {
        #[test]
        fn each_destination_always_gets_its_share(weights in prop::collection::vec(0u32..1_000, 1..8)) {
            let total: u32 = weights.iter().sum();
            prop_assume!(total > 0);
            let mut hits = vec![0u32; weights.len()];
            for ticket in even_tickets(u64::from(total) * 10) {
                let hit = split(weights.iter().copied(), ticket).unwrap();
                prop_assert!(weights[hit] > 0);
                hits[hit] += 1;
            }
            for (hits, weight) in hits.iter().zip(&weights) {
                prop_assert!(hits.abs_diff(weight * 10) <= 1, "{hits} of weight {weight}");
            }
        }
    }
}

//! How many copies a second: a bucket of tokens.

const SECOND: u64 = 1_000_000_000;

/// So many a second, of which as many as one second gives may come at once.
///
/// ```
/// use serin_traffic::shadow::Allowance;
///
/// let mut allowance = Allowance::default();
/// let start = 1_700_000_000_000_000_000;
/// assert!(allowance.take(2, start) && allowance.take(2, start) && !allowance.take(2, start));
/// assert!(allowance.take(2, start + 500_000_000));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowance {
    /// When the bucket would be full again, in nanoseconds since 1970.
    full_at: u64,
}

impl Allowance {
    /// Takes one of `per_second`, if there is one at `now`, in nanoseconds since 1970.
    pub fn take(&mut self, per_second: u32, now: u64) -> bool {
        let one = SECOND / u64::from(per_second.max(1));
        // A clock that was set back empties no bucket for longer than a second.
        let full_at = self.full_at.clamp(now, now.saturating_add(SECOND));
        let then = full_at.saturating_add(one);
        let allowed = then <= now.saturating_add(SECOND);
        self.full_at = if allowed { then } else { full_at };
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    #[test]
    fn a_clock_that_was_set_back_stops_nothing_for_long() {
        let mut allowance = Allowance::default();
        assert!(allowance.take(1, 100 * SECOND));
        assert!(!allowance.take(1, 5 * SECOND));
        assert!(allowance.take(1, 6 * SECOND));
    }

    proptest! {
        #[test]
        fn no_second_ever_has_more_than_two_seconds_worth(
            per_second in 1..50u32, steps in prop::collection::vec(0..200_000_000u64, 1..400),
        ) {
            let (mut allowance, mut now) = (Allowance::default(), 1_000 * SECOND);
            let mut taken = Vec::new();
            for step in steps {
                now += step;
                if allowance.take(per_second, now) {
                    taken.push(now);
                }
            }
            for (place, start) in taken.iter().enumerate() {
                let within = taken[place..].iter().take_while(|at| *at - start < SECOND).count();
                prop_assert!(within <= 2 * per_second as usize);
            }
        }

        #[test]
        fn whoever_asks_no_faster_always_gets_one(per_second in 1..1_000u32, count in 1..200u64) {
            let mut allowance = Allowance::default();
            let step = SECOND.div_ceil(u64::from(per_second));
            for place in 0..count {
                prop_assert!(allowance.take(per_second, 1_000 * SECOND + place * step));
            }
        }

        #[test]
        fn no_clock_ever_panics(per_second: u32, clock in prop::collection::vec(any::<u64>(), 0..20)) {
            let mut allowance = Allowance::default();
            for now in clock {
                let _ = allowance.take(per_second, now);
            }
        }
    }
}

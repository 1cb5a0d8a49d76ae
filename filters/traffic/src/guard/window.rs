//! Answers counted over a window that slides.

/// In how many parts the window slides.
pub(super) const BUCKETS: usize = 10;

/// So many answers, so many of them errors. Counts end at their largest number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) answers: u32,
    pub(super) errors: u32,
}

impl Counts {
    pub(super) const NONE: Self = Self { answers: 0, errors: 0 };

    pub(super) fn plus(self, other: Self) -> Self {
        Self { answers: self.answers.saturating_add(other.answers), errors: self.errors.saturating_add(other.errors) }
    }
}

/// The answers of the last tenths of a window.
///
/// The tenths are those of the clock (`time / width`), so that workers agree on them without a word, and answers may be
/// added in any order. The window that is judged by ends in the midst of a tenth: it is from nine to ten of them long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    /// How long a tenth is, in nanoseconds; 0 before the first answer.
    pub(super) width: u64,
    /// The number of the newest tenth, counted from 1970.
    pub(super) newest: u64,
    /// The tenths, each at the remainder of its number.
    pub(super) buckets: [Counts; BUCKETS],
}

impl Window {
    /// Adds answers that came in about `now`, and forgets those that are too old by then.
    pub(super) fn add(&mut self, width: u64, now: u64, counts: Counts) {
        let width = width.max(1);
        let bucket = now / width;
        if self.width != width || bucket.abs_diff(self.newest) >= BUCKETS as u64 {
            // Another guard's window, or the clock was set: what was counted says nothing of this window.
            *self = Self { width, newest: bucket, buckets: [Counts::NONE; BUCKETS] };
        }
        for before in self.newest..bucket {
            self.put(before + 1, |_| Counts::NONE);
        }
        self.newest = self.newest.max(bucket);
        self.put(bucket, |so_far| so_far.plus(counts));
    }

    /// All answers within the window.
    pub(super) fn seen(&self) -> Counts {
        self.buckets.iter().fold(Counts::NONE, |sum, bucket| sum.plus(*bucket))
    }

    fn put(&mut self, bucket: u64, change: impl FnOnce(Counts) -> Counts) {
        let place = usize::try_from(bucket % BUCKETS as u64).unwrap_or(0);
        if let Some(counts) = self.buckets.get_mut(place) {
            *counts = change(*counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn counts(answers: u32, errors: u32) -> Counts {
        Counts { answers, errors }
    }

    #[test]
    fn answers_are_forgotten_a_window_later() {
        let mut window = Window::default();
        window.add(10, 1_005, counts(7, 3));
        window.add(10, 1_095, counts(1, 0));
        assert_eq!(window.seen(), counts(8, 3));
        window.add(10, 1_100, Counts::NONE);
        assert_eq!(window.seen(), counts(1, 0));
        window.add(10, 1_190, Counts::NONE);
        assert_eq!(window.seen(), Counts::NONE);
    }

    #[test]
    fn a_worker_whose_clock_is_a_little_behind_is_counted() {
        let mut window = Window::default();
        window.add(10, 1_050, counts(1, 0));
        window.add(10, 1_049, counts(2, 1));
        assert_eq!(window.seen(), counts(3, 1));
    }

    #[test]
    fn a_clock_set_back_or_far_ahead_starts_anew() {
        for now in [0, 950, 1_150, u64::MAX] {
            let mut window = Window::default();
            window.add(10, 1_050, counts(1, 1));
            window.add(10, now, counts(2, 0));
            assert_eq!(window.seen(), counts(2, 0), "{now}");
        }
    }

    #[test]
    fn the_counts_of_another_window_are_not_mixed_in() {
        let mut window = Window::default();
        window.add(10, 1_050, counts(1, 1));
        window.add(20, 1_050, counts(2, 0));
        assert_eq!(window.seen(), counts(2, 0));
    }

    #[test]
    fn the_largest_counts_do_not_overflow() {
        let mut window = Window::default();
        window.add(10, 1_050, counts(u32::MAX, u32::MAX));
        window.add(10, 1_060, counts(5, 5));
        assert_eq!(window.seen(), counts(u32::MAX, u32::MAX));
    }

    proptest! {
        #[test]
        fn the_order_of_additions_never_matters_within_a_window(
            additions in prop::collection::vec((1_000u64..1_090, 0u32..100), 1..50), seed: u64,
        ) {
            let sum = |additions: &[(u64, u32)]| {
                let mut window = Window::default();
                additions.iter().for_each(|(now, answers)| window.add(10, *now, counts(*answers, *answers / 2)));
                window.add(10, 1_095, Counts::NONE);
                window
            };
            let mut shuffled = additions.clone();
            shuffled.sort_by_key(|(now, answers)| (now ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(*answers));
            prop_assert_eq!(sum(&additions), sum(&shuffled));
        }
    }
}

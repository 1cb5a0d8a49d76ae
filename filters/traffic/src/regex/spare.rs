//! Scratch memory that is kept for the next time.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The bound on what all expressions together keep, in bytes; what is small is kept beyond it.
const MOST: usize = 1 << 26;

/// What is small, in bytes.
const SMALL: usize = 1 << 15;

/// How much is kept, in bytes.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// What takes memory that grows with what it has met.
pub(super) trait Weight {
    /// How much memory it takes, in bytes.
    fn bytes(&self) -> usize;
}

/// One `T` to be used again. Who asks while it is lent gets a new one.
pub(super) struct Spare<T>(Mutex<Option<Kept<T>>>);

/// What is kept, and counted as long as it is.
struct Kept<T> {
    spare: Box<T>,
    _counted: Counted,
}

/// Bytes that are among those in [`KEPT`].
struct Counted(usize);

impl Counted {
    /// Counts `bytes`, unless they are too many.
    fn of(bytes: usize) -> Option<Self> {
        let counted = Self(bytes);
        let before = KEPT.fetch_add(bytes, Ordering::Relaxed);
        (bytes <= SMALL || before + bytes <= MOST).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        KEPT.fetch_sub(self.0, Ordering::Relaxed);
    }
}

impl<T: Weight> Spare<T> {
    /// Lends what is kept, or else what `create` gives, to `work`.
    pub(super) fn lend<R>(&self, create: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut spare = kept.map_or_else(|| Box::new(create()), |kept| kept.spare);
        let result = work(&mut spare);
        let kept = Counted::of(spare.bytes()).map(|counted| Kept { spare, _counted: counted });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        result
    }
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Spare<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Spare")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    struct Heavy(usize);

    impl Weight for Heavy {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    fn is_kept(spare: &Spare<Heavy>) -> bool {
        spare.0.lock().unwrap().is_some()
    }

    #[test]
    fn what_all_keep_together_is_bounded() {
        let spares: Vec<Spare<Heavy>> = (0..100).map(|_| Spare::default()).collect();
        for spare in &spares {
            spare.lend(|| Heavy(MOST / 50), |_| ());
        }
        let kept = spares.iter().filter(|spare| is_kept(spare)).count();
        assert!((40..=50).contains(&kept), "{kept}");

        let small = Spare::default();
        small.lend(|| Heavy(SMALL), |_| ());
        assert!(is_kept(&small), "what is small is kept all the same");

        let late = Spare::default();
        late.lend(|| Heavy(MOST / 2), |_| ());
        assert!(!is_kept(&late));
        drop(spares);
        late.lend(|| Heavy(MOST / 2), |_| ());
        assert!(is_kept(&late), "there is room again");
    }

    #[test]
    fn what_is_kept_is_lent_again() {
        let spare = Spare::default();
        spare.lend(|| Heavy(1), |heavy| heavy.0 = 7);
        assert_eq!(spare.lend(|| Heavy(1), |heavy| heavy.0), 7);
    }
}

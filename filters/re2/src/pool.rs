//! Scratch memory that is kept for the next search.
//!
//! `regex_automata::util::pool::Pool` keeps as much as there are threads that search at once; here what all expressions
//! keep together has a bound.

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

/// One `T` to be used again. A search that begins while it is lent gets a new one.
pub(super) struct Pool<T>(Mutex<Option<Kept<T>>>);

/// What is kept, and counted as long as it is.
struct Kept<T> {
    value: Box<T>,
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

impl<T: Weight> Pool<T> {
    /// Lends what is kept, or else what `create` gives, to `work`.
    pub(super) fn lend<R>(&self, create: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut value = kept.map_or_else(|| Box::new(create()), |kept| kept.value);
        let result = work(&mut value);
        let kept = Counted::of(value.bytes()).map(|counted| Kept { value, _counted: counted });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = kept;
        result
    }
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pool")
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

    fn is_kept(pool: &Pool<Heavy>) -> bool {
        pool.0.lock().unwrap().is_some()
    }

    #[test]
    fn what_all_keep_together_is_bounded() {
        let pools: Vec<Pool<Heavy>> = (0..100).map(|_| Pool::default()).collect();
        for pool in &pools {
            pool.lend(|| Heavy(MOST / 50), |_| ());
        }
        let kept = pools.iter().filter(|pool| is_kept(pool)).count();
        assert!((40..=50).contains(&kept), "{kept}");

        let small = Pool::default();
        small.lend(|| Heavy(SMALL), |_| ());
        assert!(is_kept(&small), "what is small is kept all the same");

        let late = Pool::default();
        late.lend(|| Heavy(MOST / 2), |_| ());
        assert!(!is_kept(&late));
        drop(pools);
        late.lend(|| Heavy(MOST / 2), |_| ());
        assert!(is_kept(&late), "there is room again");
    }

    #[test]
    fn what_is_kept_is_lent_again() {
        let pool = Pool::default();
        pool.lend(|| Heavy(1), |heavy| heavy.0 = 7);
        assert_eq!(pool.lend(|| Heavy(1), |heavy| heavy.0), 7);
    }
}

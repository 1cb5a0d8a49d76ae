//! Scratch memory that is kept for the next time.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// One `T` to be used again. Who asks while it is lent gets a new one.
pub(super) struct Spare<T>(Mutex<Option<Box<T>>>);

impl<T> Spare<T> {
    /// Lends what is kept, or else what `create` gives, to `work`.
    pub(super) fn lend<R>(&self, create: impl FnOnce() -> T, work: impl FnOnce(&mut T) -> R) -> R {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut lent = kept.unwrap_or_else(|| Box::new(create()));
        let result = work(&mut lent);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(lent);
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

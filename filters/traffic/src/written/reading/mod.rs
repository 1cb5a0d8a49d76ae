//! Reading a value as one of the written types, with mistakes told in the words of those who write manifests.
//!
//! Whatever can be written is a [`Read`]: texts, numbers, lists, mappings ([`values`](self)), and records, which [`record!`]
//! makes of structs. A record is only a table of its fields' names and places; the code that reads one is the same for
//! all, because a hundred types in copies of their own would be most of a module.

mod choice;
mod record;
mod values;
mod wording;

pub use choice::choose;
pub use record::{Shape, fill};

use crate::refusal::{Place, Refusal};
use serde_json::Value;

/// What a written value can be read into.
pub trait Read {
    /// Takes over what `value`, which stands at `place`, says.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for the first value that is not of the type that its field has, and for the first field that is not known.
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal>;
}

/// Reads `value` as a `T`; a mistake is refused with its path below `path`.
///
/// ```
/// use serde_json::json;
/// use serin_traffic::written::{Percent, read};
///
/// let refusal = read::<Percent>("mirrorPercentage", json!(50)).unwrap_err();
/// assert_eq!(refusal.to_string(), "mirrorPercentage: 50 is a number; {value: 50} is wanted");
/// ```
///
/// # Errors
///
/// As [`Read::read`].
pub fn read<T: Read + Default>(path: &str, value: Value) -> Result<T, Refusal> {
    let mut read = T::default();
    read.read(value, &Place::root(path))?;
    Ok(read)
}

//! Choices: texts of which a few are known.

use super::wording::not_one_of;
use crate::refusal::{Place, Refusal};
use serde_json::Value;

/// Makes an enum without data a [`Read`](crate::written::Read): each variant stands behind the text that means it.
///
/// ```
/// use serin_traffic::{choice, written::read};
///
/// #[derive(Clone, Copy, Debug, Default, PartialEq)]
/// enum Seat {
///     #[default]
///     Aisle,
///     Window,
/// }
///
/// choice! { Seat { "aisle" => Aisle, "window" => Window } }
///
/// assert_eq!(read("seat", "window".into()), Ok(Seat::Window));
/// assert_eq!(read::<Seat>("seat", 7.into()).unwrap_err().to_string(), "seat: 7 is not one of aisle, window");
/// ```
#[macro_export]
macro_rules! choice {
    ($choice:ident { $($name:literal => $variant:ident),* $(,)? }) => {
        impl $crate::written::Read for $choice {
            fn read(
                &mut self,
                value: ::serde_json::Value,
                place: &$crate::Place<'_>,
            ) -> ::std::result::Result<(), $crate::Refusal> {
                let chosen = $crate::written::choose(&[$($name),*], &value, place)?;
                if let ::std::option::Option::Some(variant) = [$(Self::$variant),*].get(chosen) {
                    *self = *variant;
                }
                ::std::result::Result::Ok(())
            }
        }
    };
}

/// The index of what `value` says among the texts that are `known`.
///
/// # Errors
///
/// A [`Refusal`] that lists them.
pub fn choose(known: &[&str], value: &Value, place: &Place<'_>) -> Result<usize, Refusal> {
    let chosen = value.as_str().and_then(|text| known.iter().position(|known| *known == text));
    chosen.ok_or_else(|| place.refuse(not_one_of(value, known)))
}

//! Records: mappings with fields that are known.

use super::Read;
use super::wording::{camel_case, is_camel_case_of, mismatch, unknown_field};
use crate::refusal::{Place, Refusal};
use serde_json::Value;

/// What may be written in a record.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// The names of its fields, as they are in Rust; they are written in camel case.
    pub fields: &'static [&'static str],
    /// Those of them that must not be missing.
    pub required: &'static [&'static str],
    /// What is said to be wanted where something else stands.
    pub example: &'static str,
    /// Those of them that may also be written as they are in Rust and in protobuf, with underscores.
    pub underscores: &'static [&'static str],
    /// Whether fields pass that are not known.
    pub open: bool,
}

impl Shape {
    /// A mapping of which every field may be missing, and that has no other.
    pub const PLAIN: Shape = Shape { fields: &[], required: &[], example: "a mapping", underscores: &[], open: false };

    /// The field that is written as `name`, and its index.
    fn field(&self, name: &str) -> Option<(usize, &'static str)> {
        let is_meant =
            |field: &str| is_camel_case_of(name, field) || (self.underscores.contains(&field) && field == name);
        self.fields.iter().copied().enumerate().find(|(_, field)| is_meant(field))
    }
}

/// Makes a struct that has a default a [`Read`](crate::written::Read): after its name stand all its fields, then what its
/// [`Shape`](crate::written::Shape) has that is not plain.
///
/// A field that is null is one that is not there, as for Kubernetes, unless it is required. A field whose written name is
/// not its own has that behind a colon; fields that are not written at all stand behind a semicolon.
///
/// ```
/// use serin_traffic::{record, written::read};
///
/// #[derive(Default)]
/// struct Ticket {
///     seat_number: u16,
///     kind: Option<String>,
///     is_sold: bool,
/// }
///
/// record! { Ticket { seat_number, kind: "type"; is_sold }, required: &["seat_number"], example: "{seatNumber: 1}" }
///
/// let ticket: Ticket = read("ticket", serde_json::json!({"seatNumber": 7, "type": null})).unwrap();
/// assert!(ticket.seat_number == 7 && ticket.kind.is_none() && !ticket.is_sold);
///
/// let refused = |value| read::<Ticket>("ticket", value).map(|_| ()).unwrap_err().to_string();
/// assert_eq!(refused(serde_json::json!(7)), "ticket: 7 is a number; {seatNumber: 1} is wanted");
/// assert_eq!(refused(serde_json::json!({"type": "adult"})), "ticket.seatNumber: must not be missing");
/// ```
#[macro_export]
macro_rules! record {
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (
        $record:ident { $($field:ident $(: $name:literal)?),* $(,)? $(; $beside:ident)* }
        $(, $trait:ident: $value:expr)* $(,)?
    ) => {
        impl $crate::written::Read for $record {
            fn read(
                &mut self,
                value: ::serde_json::Value,
                place: &$crate::Place<'_>,
            ) -> ::std::result::Result<(), $crate::Refusal> {
                static SHAPE: $crate::written::Shape = $crate::written::Shape {
                    fields: &[$($crate::record!(@name $field $($name)?)),*],
                    $($trait: $value,)*
                    ..$crate::written::Shape::PLAIN
                };
                let Self { $($field,)* $($beside: _,)* } = self;
                $crate::written::fill(&SHAPE, &mut [$(::std::option::Option::Some($field)),*], value, place)
            }
        }
    };
}

/// Fills the fields of a record, of which each is there to be taken once, in the order of the shape's.
///
/// # Errors
///
/// As [`Read::read`].
pub fn fill(
    shape: &Shape,
    fields: &mut [Option<&mut dyn Read>],
    value: Value,
    place: &Place<'_>,
) -> Result<(), Refusal> {
    let Value::Object(written) = value else {
        return Err(place.refuse(mismatch(&value, shape.example)));
    };
    for (name, value) in written {
        let Some((index, field)) = shape.field(&name) else {
            if shape.open {
                continue;
            }
            return Err(place.field(&name).refuse(unknown_field(&name, shape)));
        };
        let Some(filled) = fields.get_mut(index).and_then(Option::take) else {
            return Err(place.refuse(format!("duplicate field `{}`", camel_case(field))));
        };
        if !value.is_null() || shape.required.contains(&field) {
            filled.read(value, &place.field(&name))?;
        }
    }
    for (name, field) in shape.fields.iter().zip(fields) {
        if field.is_some() && shape.required.contains(name) {
            return Err(place.field(&camel_case(name)).refuse("must not be missing"));
        }
    }
    Ok(())
}

//! Reading of what has no names of fields: texts, numbers, lists, mappings.

use super::Read;
use super::wording::{mismatch, not_whole};
use crate::refusal::{Place, Refusal};
use crate::sorted::Sorted;
use serde_json::Value;
use std::collections::BTreeMap;

impl Read for Value {
    fn read(&mut self, value: Value, _: &Place<'_>) -> Result<(), Refusal> {
        *self = value;
        Ok(())
    }
}

impl Read for String {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        match value {
            Value::String(text) => *self = text,
            other => return Err(place.refuse(mismatch(&other, "a text"))),
        }
        Ok(())
    }
}

impl Read for bool {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        *self = value.as_bool().ok_or_else(|| place.refuse(mismatch(&value, "true or false")))?;
        Ok(())
    }
}

impl Read for f64 {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        *self = value.as_f64().ok_or_else(|| place.refuse(mismatch(&value, "a number")))?;
        Ok(())
    }
}

macro_rules! whole_numbers {
    ($($number:ident)*) => {
        $(impl Read for $number {
            fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
                let natural = value.as_u64().and_then(|number| Self::try_from(number).ok());
                let number = natural.or_else(|| value.as_i64().and_then(|number| Self::try_from(number).ok()));
                *self = number.ok_or_else(|| place.refuse(not_whole(&value, Self::MIN as i64, Self::MAX as u64)))?;
                Ok(())
            }
        })*
    };
}

whole_numbers! { u16 u32 u64 i32 i64 }

/// What may be missing may be null.
impl<T: Read + Default> Read for Option<T> {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        if value.is_null() {
            return Ok(());
        }
        self.get_or_insert_with(T::default).read(value, place)
    }
}

impl<T: Read> Read for Box<T> {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        (**self).read(value, place)
    }
}

/// A list that is read item by item.
trait List {
    /// Makes room for so many items, and no more.
    fn reserve(&mut self, items: usize);

    /// The place of one more item.
    fn item(&mut self) -> Option<&mut dyn Read>;
}

impl<T: Read + Default> List for Vec<T> {
    fn reserve(&mut self, items: usize) {
        self.reserve_exact(items);
    }

    fn item(&mut self) -> Option<&mut dyn Read> {
        self.push(T::default());
        self.last_mut().map(|item| item as &mut dyn Read)
    }
}

impl<T: Read + Default> Read for Vec<T> {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        fill_list(self, value, place)
    }
}

fn fill_list(list: &mut dyn List, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
    let Value::Array(written) = value else {
        return Err(place.refuse(mismatch(&value, "a list")));
    };
    list.reserve(written.len());
    for (index, value) in written.into_iter().enumerate() {
        if let Some(item) = list.item() {
            item.read(value, &place.index(index))?;
        }
    }
    Ok(())
}

/// A mapping that is read name by name.
trait Mapping {
    /// The place of what stands at `name`.
    fn entry(&mut self, name: String) -> Option<&mut dyn Read>;
}

impl<T: Read + Default> Mapping for BTreeMap<String, T> {
    fn entry(&mut self, name: String) -> Option<&mut dyn Read> {
        Some(self.entry(name).or_default())
    }
}

impl<T: Read + Default> Mapping for Sorted<String, T> {
    fn entry(&mut self, name: String) -> Option<&mut dyn Read> {
        self.get_or_insert_with(name, T::default).map(|value| value as &mut dyn Read)
    }
}

/// A null stays a mistake in a mapping: `headers: {end-user: }` must not become a rule without condition.
impl<T: Read + Default> Read for BTreeMap<String, T> {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        fill_mapping(self, value, place)
    }
}

impl<T: Read + Default> Read for Sorted<String, T> {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        fill_mapping(self, value, place)
    }
}

fn fill_mapping(mapping: &mut dyn Mapping, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
    let Value::Object(written) = value else {
        return Err(place.refuse(mismatch(&value, "a mapping")));
    };
    for (name, value) in written {
        let place = place.field(&name);
        if let Some(entry) = mapping.entry(name.clone()) {
            entry.read(value, &place)?;
        }
    }
    Ok(())
}

//! What is known of texts, found by their hashes.
//!
//! A hash table is made for each type of values anew, 3 KB each time: here one finds the places of all.

use rustc_hash::FxHashMap;

/// What is known of texts.
#[derive(Clone, Debug)]
pub(crate) struct Lookup<T> {
    places: FxHashMap<Vec<u8>, usize>,
    values: Vec<T>,
}

impl<T> Default for Lookup<T> {
    fn default() -> Self {
        Self { places: FxHashMap::default(), values: Vec::new() }
    }
}

impl<T> Lookup<T> {
    /// What is known of `text`.
    pub(crate) fn get(&self, text: &[u8]) -> Option<&T> {
        self.values.get(*self.places.get(text)?)
    }

    /// What is known of `text`; `fresh` if that is nothing.
    pub(crate) fn get_or_insert_with(&mut self, text: Vec<u8>, fresh: impl FnOnce() -> T) -> Option<&mut T> {
        let place = place(&mut self.places, text, self.values.len());
        if place == self.values.len() {
            self.values.push(fresh());
        }
        self.values.get_mut(place)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The same with what is known of each text turned into something else.
    pub(crate) fn map<U>(self, change: &mut impl FnMut(T) -> U) -> Lookup<U> {
        Lookup { places: self.places, values: self.values.into_iter().map(change).collect() }
    }
}

/// The place of `text`; `next` if it has none yet.
#[inline(never)]
fn place(places: &mut FxHashMap<Vec<u8>, usize>, text: Vec<u8>, next: usize) -> usize {
    *places.entry(text).or_insert(next)
}

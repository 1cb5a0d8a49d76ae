//! Matches that are filed under what one text is like.

use super::containing::Containing;
use super::key::Like;
use super::{Filed, Found, Places, add};
use crate::lookup::Lookup;
use crate::order::sort_by;
use crate::sorted::Sorted;

/// Matches, by what a text is like that a request must have to meet them.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts {
    exact: Lookup<Places>,
    prefixes: Lookup<Places>,
    /// The lengths that prefixes have.
    lengths: Sorted<usize, ()>,
    containing: Containing,
    anything: Places,
    first: Option<usize>,
}

impl Texts {
    pub(super) fn of(filed: Filed<'_>) -> Self {
        Self::with(filed, <[u8]>::to_vec)
    }

    /// For texts that are put in lower case before they are looked up.
    pub(super) fn in_lower_case(filed: Filed<'_>) -> Self {
        Self::with(filed, <[u8]>::to_ascii_lowercase)
    }

    fn with(filed: Filed<'_>, written: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        let first = filed.iter().filter_map(|(_, places)| places.first()).min().copied();
        let mut texts = Self { first, ..Self::default() };
        let mut literals = Vec::new();
        for (like, places) in filed {
            let all = match like {
                Like::Exact(text) => texts.exact.get_or_insert_with(written(text), Places::new),
                Like::Prefix(text) => {
                    texts.lengths.insert(text.len(), ());
                    texts.prefixes.get_or_insert_with(written(text), Places::new)
                }
                Like::Containing(literal) => {
                    literals.push((literal, places));
                    continue;
                }
                Like::Anything => Some(&mut texts.anything),
            };
            // What is the same in lower case comes here twice.
            if let Some(all) = all {
                all.extend(places);
                sort_by(all, Ord::cmp);
            }
        }
        texts.containing = Containing::of(literals);
        texts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The first of all places.
    pub(super) fn first(&self) -> Option<usize> {
        self.first
    }

    /// Adds to `found` the places that a request may meet with this text.
    pub(super) fn find<'i>(&'i self, text: &[u8], found: &mut Found<'i>) {
        add(&self.anything, found);
        if let Some(places) = self.exact.get(text) {
            add(places, found);
        }
        for length in self.lengths.keys() {
            let Some(start) = text.get(..*length) else {
                break;
            };
            if let Some(places) = self.prefixes.get(start) {
                add(places, found);
            }
        }
        self.containing.find(text, found);
    }
}

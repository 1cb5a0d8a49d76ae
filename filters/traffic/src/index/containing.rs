//! Matches that are filed under something that a text contains.

use super::{Found, Places};
use aho_corasick::Input;
use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::NFA;

/// Matches, by literals of which all are found in one pass over a text, upper and lower case being one.
#[derive(Clone, Debug, Default)]
pub(super) struct Containing {
    /// Finds the literals; none if there are none, or too many to be found at once.
    literals: Option<NFA>,
    /// What is filed under the literals, in their order.
    places: Vec<Places>,
}

impl Containing {
    pub(super) fn of(filed: Vec<(&[u8], Places)>) -> Self {
        if filed.is_empty() {
            return Self::default();
        }
        let (literals, places): (Vec<_>, Vec<_>) = filed.into_iter().unzip();
        // The search for overlapping matches looks at no prefilter.
        let literals = NFA::builder().ascii_case_insensitive(true).prefilter(false).build(literals).ok();
        Self { literals, places }
    }

    /// Adds to `found` what is filed under the literals that `text` contains.
    pub(super) fn find<'i>(&'i self, text: &[u8], found: &mut Found<'i>) {
        if self.places.is_empty() {
            return;
        }
        let Some(literals) = &self.literals else {
            found.extend(self.places.iter().map(Vec::as_slice));
            return;
        };
        let (input, mut state) = (Input::new(text), OverlappingState::start());
        // A search that is not anchored never errs.
        while let Ok(Some(literal)) = literals.try_find_overlapping(&input, &mut state).map(|()| state.get_match()) {
            found.extend(self.places.get(literal.pattern().as_usize()).map(Vec::as_slice));
        }
    }
}

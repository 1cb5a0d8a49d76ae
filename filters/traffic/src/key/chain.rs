//! Where a key is read: one place after the other.

use super::{IssuedCookie, KeySource};
use crate::refusal::{Place, Refusal};
use crate::request::Request;
use crate::written;
use std::borrow::Cow;

/// The places where a key is read, in order: the first one counts that the request has.
#[derive(Clone, Debug)]
pub struct KeyChain {
    sources: Vec<KeySource>,
}

/// What of a key there is in a request.
#[derive(Clone, Debug)]
pub enum Found<'c, 'q> {
    /// The request has a key.
    Key {
        /// The key; not empty.
        key: Cow<'q, [u8]>,
        /// Where it was found.
        source: &'c KeySource,
    },
    /// The request has none, and its client is to be given one.
    Issue(&'c IssuedCookie),
    /// The request has none.
    None,
}

impl KeyChain {
    /// Compiles the list that was written at `place`; `issue_allowed` says whether cookies may be given out there.
    pub(crate) fn compile(place: &Place<'_>, written: &[written::Key], issue_allowed: bool) -> Result<Self, Refusal> {
        if written.is_empty() {
            return Err(place.refuse("must not be empty"));
        }
        let mut sources = Vec::with_capacity(written.len());
        for (index, key) in written.iter().enumerate() {
            let place = place.index(index);
            let source = KeySource::compile(&place, key)?;
            if source.issued().is_some() {
                let place = place.field("issueCookie");
                if !issue_allowed {
                    return Err(place.refuse("is for split only: nothing else gives out cookies"));
                }
                if index + 1 < written.len() {
                    return Err(place.refuse("must be the last: nothing behind it would ever be asked"));
                }
            }
            sources.push(source);
        }
        Ok(Self { sources })
    }

    /// The key of `request`: what the first place holds that is there and not empty.
    pub fn read<'c, 'q>(&'c self, request: &'q impl Request) -> Found<'c, 'q> {
        let key = |source: &'c KeySource| source.read(request).map(|key| Found::Key { key, source });
        let issue = || self.sources.last().and_then(KeySource::issued).map(Found::Issue);
        self.sources.iter().find_map(key).or_else(issue).unwrap_or(Found::None)
    }
}

#[cfg(test)]
mod tests;

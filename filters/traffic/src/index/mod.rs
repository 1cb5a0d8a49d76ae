//! The rules of one host, so ordered that a request is compared only with those that it may meet.
//!
//! Each match is filed under what a request must have to meet it ([`key`]): a path, a header, a parameter of the query, a
//! cookie or a claim with its value, with the beginning of it, or with something that a regular expression wants it to
//! contain. Where there are several such keys, the one is taken that the match shares with the fewest others. A request
//! looks up what it has, and tries the matches that it finds in the order of the rules. The answer is that of a walk
//! through all of them; a property test says so.

mod containing;
mod key;
#[cfg(test)]
mod tests;
mod texts;

use crate::key::{Payload, cookies, decoded, members};
use crate::lookup::Lookup;
use crate::matching::{Conditions, Part};
use crate::order::sort_by;
use crate::request::{Headers, Request};
use crate::written::RepeatedHeaders;
use key::{Key, Like, OneOf, choices, cost};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ptr;
use texts::Texts;

/// Matches, by keys that requests have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    path: Texts,
    path_in_any_case: Texts,
    headers: Named,
    parameters: Named,
    cookies: Named,
    baggage: Named,
    claims: Vec<(Claim, Texts)>,
    /// Matches without a key: every request may meet them.
    others: Places,
}

/// By the names of texts.
type Named = Lookup<Texts>;

/// A claim, which costs a hostcall or a parse.
#[derive(Clone, Debug)]
enum Claim {
    /// Of the JWT that the proxy has verified, by the names that lead to it.
    Verified(Vec<String>),
    /// Of the JWT of which that header holds the payload.
    Payload { header: String, claim: String },
}

/// Places in the order of the rules, ascending.
type Places = Vec<usize>;

/// The matches that are filed under one part of a request, by what that is like.
type Filed<'a> = Vec<(Like<'a>, Places)>;

/// The lists of places that a request has found.
type Found<'i> = Vec<&'i [usize]>;

impl Index {
    /// Files `matches`, which stand in the order of the rules.
    #[inline(never)]
    pub(crate) fn of<'a>(matches: impl Iterator<Item = &'a Conditions>) -> Self {
        let choices: Vec<Vec<OneOf<'_>>> = matches.map(choices).collect();
        let mut all: Vec<Key<'_>> = choices.iter().flatten().flatten().copied().collect();
        sort_by(&mut all, Ord::cmp);
        let sharers =
            |key: &Key<'_>| all.partition_point(|other| other <= key) - all.partition_point(|other| other < key);
        let mut index = Self::default();
        let mut filed: Vec<(Key<'_>, usize)> = Vec::new();
        for (place, choices) in choices.iter().enumerate() {
            match choices.iter().min_by_key(|keys| cost(keys, sharers)) {
                None => index.others.push(place),
                Some(keys) => filed.extend(keys.iter().map(|key| (*key, place))),
            }
        }
        sort_by(&mut filed, |one, other| one.0.cmp(&other.0));
        for filed in filed.chunk_by(|(one, _), (other, _)| one.of == other.of) {
            if let Some((key, _)) = filed.first() {
                index.insert(key.of, gathered(filed));
            }
        }
        index
    }

    fn insert(&mut self, part: Part<'_>, filed: Filed<'_>) {
        let texts = if part == Part::PathInAnyCase { Texts::in_lower_case(filed) } else { Texts::of(filed) };
        let (named, name) = match part {
            Part::Path => return self.path = texts,
            Part::PathInAnyCase => return self.path_in_any_case = texts,
            Part::Claim(path) => return self.claims.push((Claim::Verified(path.to_vec()), texts)),
            Part::Payload { header, claim } => {
                let claim = Claim::Payload { header: header.to_owned(), claim: claim.to_owned() };
                return self.claims.push((claim, texts));
            }
            Part::Header(name) => (&mut self.headers, name),
            Part::Parameter(name) => (&mut self.parameters, name),
            Part::Cookie(name) => (&mut self.cookies, name),
            Part::Baggage(name) => (&mut self.baggage, name),
        };
        named.get_or_insert_with(name.into(), || texts);
    }

    /// The first place of which `holds` says that the request meets its match; only places are asked that it may meet.
    pub(crate) fn first(
        &self,
        request: &impl Request,
        repeated: RepeatedHeaders,
        holds: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let headers = request.headers();
        // Room for all that a request usually finds.
        let mut found = Found::with_capacity(8);
        add(&self.others, &mut found);
        self.path.find(headers.path(), &mut found);
        if !self.path_in_any_case.is_empty() {
            self.path_in_any_case.find(&headers.path().to_ascii_lowercase(), &mut found);
        }
        if !self.headers.is_empty() {
            self.find_headers(headers, repeated, &mut found);
        }
        find_first(&self.parameters, || headers.query_parameters(), |value| value.into(), &mut found);
        find_first(&self.cookies, || cookies(headers), |value| value.into(), &mut found);
        find_first(&self.baggage, || members(headers), decoded, &mut found);
        let first = first_that_holds(found, usize::MAX, &holds);
        self.claims.iter().fold(first, |first, (claim, texts)| {
            let bound = first.unwrap_or(usize::MAX);
            if texts.first().is_none_or(|place| place >= bound) {
                return first;
            }
            let mut found = Found::new();
            for value in claim.values(request) {
                texts.find(&value, &mut found);
            }
            first_that_holds(found, bound, &holds).or(first)
        })
    }

    fn find_headers<'i>(&'i self, headers: &Headers, repeated: RepeatedHeaders, found: &mut Found<'i>) {
        for (name, value) in headers.iter() {
            let Some(texts) = self.headers.get(name) else {
                continue;
            };
            match repeated {
                RepeatedHeaders::Individually => texts.find(value, found),
                RepeatedHeaders::Joined => {
                    let values = headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value);
                    texts.find(&values.collect::<Vec<_>>().join(&b','), found);
                }
            }
        }
    }
}

/// The places under each of the keys, which are sorted and all of one part.
fn gathered<'a>(filed: &[(Key<'a>, usize)]) -> Filed<'a> {
    let mut gathered = Filed::new();
    for (key, place) in filed {
        match gathered.last_mut() {
            Some((like, places)) if *like == key.like => {
                // Alternatives may have a key in common.
                if places.last() != Some(place) {
                    places.push(*place);
                }
            }
            _ => gathered.push((key.like, vec![*place])),
        }
    }
    gathered
}

impl Claim {
    fn values(&self, request: &impl Request) -> Vec<Vec<u8>> {
        match self {
            Self::Verified(path) => request.claim(path),
            Self::Payload { header, claim } => {
                Payload::read(request.headers(), header).map(|payload| payload.claim(claim)).unwrap_or_default()
            }
        }
    }
}

/// Adds to `found` what `named` has for `texts`, of several texts with one name for the first only.
fn find_first<'i, 'r, T: Iterator<Item = (&'r [u8], &'r [u8])>>(
    named: &'i Named,
    texts: impl FnOnce() -> T,
    read: impl Fn(&'r [u8]) -> Cow<'r, [u8]>,
    found: &mut Found<'i>,
) {
    if named.is_empty() {
        return;
    }
    let mut seen = FxHashSet::default();
    for (name, text) in texts() {
        if let Some(texts) = named.get(name) {
            if seen.insert(ptr::from_ref(texts).addr()) {
                texts.find(&read(text), found);
            }
        }
    }
}

fn add<'i>(places: &'i Places, found: &mut Found<'i>) {
    if !places.is_empty() {
        found.push(places);
    }
}

/// The first of all places in `found`, below `bound`, that `holds`. Each is asked at most once, in the order of the rules.
fn first_that_holds(mut found: Found<'_>, bound: usize, holds: impl Fn(usize) -> bool) -> Option<usize> {
    if let [only] = found.as_slice() {
        return only.iter().copied().take_while(|place| *place < bound).find(|place| holds(*place));
    }
    let mut seen = FxHashSet::default();
    found.retain(|places| seen.insert(places.as_ptr().addr()));
    let mut heap: BinaryHeap<_> = found.into_iter().filter_map(next).collect();
    let mut last = None;
    while let Some(Reverse((place, rest))) = heap.pop() {
        if place >= bound {
            break;
        }
        if last.replace(place) != Some(place) && holds(place) {
            return Some(place);
        }
        heap.extend(next(rest));
    }
    None
}

/// The first of `places`, and those behind it; the smallest comes first.
fn next(places: &[usize]) -> Option<Reverse<(usize, &[usize])>> {
    places.split_first().map(|(place, rest)| Reverse((*place, rest)))
}

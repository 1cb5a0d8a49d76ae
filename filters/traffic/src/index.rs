//! The rules of one host, so ordered that a request is compared only with those that it may meet.
//!
//! Each match is filed under one key that a request must have to meet it: a path, a prefix of the path, a header with its
//! value, or the mere name of a header. Of the keys that a match has, the one is taken that it shares with the fewest
//! others. A request looks up the keys that it has, and tries what it finds there in the order of the rules.
//! The answer is that of a walk through all of them; a property test says so.

use crate::matching::{Conditions, HeaderCondition, TextCondition};
use crate::request::Headers;
use crate::written::RepeatedHeaders;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Matches, by keys that requests have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    paths: FxHashMap<Vec<u8>, Places>,
    paths_any_case: FxHashMap<Vec<u8>, Places>,
    prefixes: Prefixes,
    prefixes_any_case: Prefixes,
    headers: FxHashMap<Vec<u8>, HeaderPlaces>,
    /// Matches without a key: every request may meet them.
    others: Places,
}

/// Places in the order of the rules, ascending.
type Places = Vec<usize>;

#[derive(Clone, Debug, Default)]
struct Prefixes {
    places: FxHashMap<Vec<u8>, Places>,
    lengths: BTreeSet<usize>,
}

#[derive(Clone, Debug, Default)]
struct HeaderPlaces {
    by_value: FxHashMap<Vec<u8>, Places>,
    present: Places,
}

/// What a request must have to meet a match.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Path { text: &'a [u8], any_case: bool },
    Prefix { text: &'a [u8], any_case: bool },
    Header { name: &'a str, value: &'a [u8] },
    Name(&'a str),
}

impl Index {
    /// Files `matches`, which stand in the order of the rules.
    pub(crate) fn of<'a>(matches: impl Iterator<Item = &'a Conditions> + Clone) -> Self {
        let mut sharers: BTreeMap<Key<'_>, usize> = BTreeMap::new();
        for key in matches.clone().flat_map(keys) {
            *sharers.entry(key).or_default() += 1;
        }
        let mut index = Self::default();
        for (place, conditions) in matches.enumerate() {
            let rarest = keys(conditions).min_by_key(|key| sharers.get(key).copied().unwrap_or(usize::MAX));
            index.file(rarest, place);
        }
        index
    }

    fn file(&mut self, key: Option<Key<'_>>, place: usize) {
        let places = match key {
            None => &mut self.others,
            Some(Key::Path { text, any_case: false }) => self.paths.entry(text.to_vec()).or_default(),
            Some(Key::Path { text, any_case: true }) => {
                self.paths_any_case.entry(text.to_ascii_lowercase()).or_default()
            }
            Some(Key::Prefix { text, any_case: false }) => self.prefixes.entry(text.to_vec()),
            Some(Key::Prefix { text, any_case: true }) => self.prefixes_any_case.entry(text.to_ascii_lowercase()),
            Some(Key::Header { name, value }) => {
                self.headers.entry(name.into()).or_default().by_value.entry(value.to_vec()).or_default()
            }
            Some(Key::Name(name)) => &mut self.headers.entry(name.into()).or_default().present,
        };
        places.push(place);
    }

    /// The first place of which `holds` says that the request meets its match; only places are asked that it may meet.
    pub(crate) fn first(
        &self,
        headers: &Headers,
        repeated: RepeatedHeaders,
        mut holds: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        let mut first: Option<usize> = None;
        let mut ask = |places: &Places| {
            let bound = first.unwrap_or(usize::MAX);
            let found = places.iter().copied().take_while(|place| *place < bound).find(|place| holds(*place));
            first = found.or(first);
        };
        let path = headers.path();
        if let Some(places) = self.paths.get(path) {
            ask(places);
        }
        self.prefixes.each(path, &mut ask);
        if !self.paths_any_case.is_empty() || !self.prefixes_any_case.lengths.is_empty() {
            let lower = path.to_ascii_lowercase();
            if let Some(places) = self.paths_any_case.get(&lower) {
                ask(places);
            }
            self.prefixes_any_case.each(&lower, &mut ask);
        }
        if !self.headers.is_empty() {
            self.each_header(headers, repeated, &mut ask);
        }
        ask(&self.others);
        first
    }

    fn each_header(&self, headers: &Headers, repeated: RepeatedHeaders, ask: &mut impl FnMut(&Places)) {
        for (name, value) in headers.iter() {
            let Some(places) = self.headers.get(name) else {
                continue;
            };
            ask(&places.present);
            let joined = match repeated {
                RepeatedHeaders::Joined => {
                    let values: Vec<_> = headers.iter().filter(|(other, _)| *other == name).collect();
                    (values.len() > 1).then(|| values.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(&b','))
                }
                RepeatedHeaders::Individually => None,
            };
            if let Some(places) = places.by_value.get(joined.as_deref().unwrap_or(value)) {
                ask(places);
            }
        }
    }
}

impl Prefixes {
    fn entry(&mut self, prefix: Vec<u8>) -> &mut Places {
        self.lengths.insert(prefix.len());
        self.places.entry(prefix).or_default()
    }

    /// The places of each prefix that `path` has.
    fn each(&self, path: &[u8], ask: &mut impl FnMut(&Places)) {
        for length in &self.lengths {
            let Some(start) = path.get(..*length) else {
                break;
            };
            if let Some(places) = self.places.get(start) {
                ask(places);
            }
        }
    }
}

/// The keys that `conditions` has; the more telling ones first, so that they are taken where several are as rare.
fn keys(conditions: &Conditions) -> impl Iterator<Item = Key<'_>> {
    let path = conditions.path.as_ref().and_then(|path| match &path.text {
        TextCondition::Exact(text) => Some(Key::Path { text, any_case: path.any_case }),
        TextCondition::Prefix(text) if !text.is_empty() => Some(Key::Prefix { text, any_case: path.any_case }),
        TextCondition::Prefix(_) | TextCondition::Present | TextCondition::Regex(_) => None,
    });
    path.into_iter().chain(conditions.headers.iter().filter_map(header_key))
}

/// A header that must not be there, or not be like this, is no key: requests meet the match without it.
fn header_key(condition: &HeaderCondition) -> Option<Key<'_>> {
    let name = condition.name.as_str();
    match &condition.text {
        _ if condition.without => None,
        TextCondition::Exact(value) => Some(Key::Header { name, value }),
        TextCondition::Prefix(_) | TextCondition::Present | TextCondition::Regex(_) => Some(Key::Name(name)),
    }
}

#[cfg(test)]
mod tests {
    use crate::request::{Headers, Request};
    use crate::wasm_test::test;
    use crate::written::{Configuration, Source};
    use crate::{Outcome, Policy};
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use std::net::IpAddr;

    #[derive(Debug)]
    struct Get(Headers);

    impl Request for Get {
        fn headers(&self) -> &Headers {
            &self.0
        }

        fn port(&self) -> Option<u16> {
            Some(80)
        }

        fn claim(&self, _path: &[String]) -> Vec<Vec<u8>> {
            Vec::new()
        }

        fn source_address(&self) -> Option<IpAddr> {
            None
        }

        fn now(&self) -> u64 {
            0
        }
    }

    /// Few words, so that rules and requests meet often.
    fn word() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["", "a", "b", "ab", "A", "a,b"])
    }

    fn path() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "A"]), 0..4)
            .prop_map(|words| format!("/{}", words.join("/")))
    }

    fn text(word: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
        (word, 0..4u8).prop_map(|(word, way)| match way {
            0 => json!({"exact": word}),
            1 => json!({"prefix": word}),
            2 => json!({"regex": format!("{word}.*")}),
            _ => json!({}),
        })
    }

    fn headers_condition() -> impl Strategy<Value = Value> {
        let name = prop::sample::select(vec!["x-a", "x-b", "X-C", "host"]);
        prop::collection::btree_map(name.prop_map(str::to_owned), text(word().prop_map(str::to_owned)), 0..3)
            .prop_map(|conditions| json!(conditions))
    }

    fn one_match() -> impl Strategy<Value = Value> {
        let uri = prop::option::of(text(path()));
        let port = prop::option::of(80..82u16);
        (uri, any::<bool>(), headers_condition(), headers_condition(), port).prop_map(
            |(uri, any_case, headers, without, port)| {
                json!({"uri": uri, "ignoreUriCase": any_case, "headers": headers, "withoutHeaders": without, "port": port})
            },
        )
    }

    fn configuration() -> impl Strategy<Value = Value> {
        let rules = prop::collection::vec(prop::collection::vec(one_match(), 1..4), 1..8);
        (rules, any::<bool>()).prop_map(|(rules, joined)| {
            let http: Vec<Value> = rules
                .into_iter()
                .map(|matches| json!({"match": matches, "route": [{"destination": {"host": "a"}}]}))
                .collect();
            json!({
                "repeatedHeaders": if joined { "joined" } else { "individually" },
                "resources": [{"kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"hosts": ["a.example"], "http": http}}],
            })
        })
    }

    fn request() -> impl Strategy<Value = Get> {
        let name = prop::sample::select(vec!["x-a", "x-b", "x-c"]);
        (path(), prop::collection::vec((name, word()), 0..4)).prop_map(|(path, fields)| {
            let mut headers = Headers::default();
            headers.push(b":authority", b"a.example");
            headers.push(b":path", path.as_bytes());
            for (name, value) in fields {
                headers.push(name.as_bytes(), value.as_bytes());
            }
            Get(headers)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_index_always_answers_as_a_walk_through_the_rules(
            configuration in configuration(), requests in prop::collection::vec(request(), 1..20),
        ) {
            let written = Configuration::from_value(configuration).unwrap();
            let policy = Policy::compile(&written, &Source::default());
            // An empty regex or prefix may be refused: such a configuration meets no request.
            prop_assume!(policy.is_ok());
            let policy = policy.unwrap().policy;
            for request in &requests {
                prop_assert_eq!(policy.route(request), policy.walk(request));
            }
        }
    }

    #[test]
    fn the_generated_requests_meet_rules_and_miss_them() {
        use proptest::strategy::ValueTree;
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let (mut met, mut missed) = (0, 0);
        for _ in 0..500 {
            let configuration = configuration().new_tree(&mut runner).unwrap().current();
            let request = request().new_tree(&mut runner).unwrap().current();
            let written = Configuration::from_value(configuration).unwrap();
            if let Ok(compiled) = Policy::compile(&written, &Source::default()) {
                match compiled.policy.route(&request) {
                    Outcome::Rule(_) => met += 1,
                    _ => missed += 1,
                }
            }
        }
        assert!(met > 50 && missed > 50, "{met} met, {missed} missed");
    }
}

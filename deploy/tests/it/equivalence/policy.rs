//! Policies that Envoy's route table can express as well, and how they are generated.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Stands for the policy's host wherever it is written.
pub(super) const HOST: &str = "{host}";

/// The rules of one host.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    pub(super) rules: Vec<Rule>,
}

/// A rule; without matches it applies always.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) matches: Vec<Match>,
}

/// Conditions by name, all of which must hold.
pub(super) type Conditions = BTreeMap<String, Text>;

/// A match: conditions, all of which must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Match {
    pub(super) path: Option<Text>,
    pub(super) any_case: bool,
    /// `method`, `scheme`, `authority`.
    pub(super) pseudo: Conditions,
    pub(super) headers: Conditions,
    pub(super) without: Conditions,
    pub(super) query: Conditions,
}

/// A condition on a text.
#[derive(Clone, Debug)]
pub(super) enum Text {
    Present,
    /// `regex: "*"`, which Istio takes for presence in `withoutHeaders`.
    Star,
    Exact(String),
    Prefix(String),
    /// With a text that it matches, as such or in Latin-1.
    Regex(String, String),
}

impl Policy {
    /// The policy as a VirtualService for `host`; rule N sends to `rN.example`.
    pub(super) fn virtual_service(&self, host: &str) -> Value {
        let rule = |(place, rule): (usize, &Rule)| {
            let matches: Vec<Value> = rule.matches.iter().map(|one| one.written(host)).collect();
            json!({"match": matches, "route": [{"destination": {"host": destination(place)}}]})
        };
        let http: Vec<Value> = self.rules.iter().enumerate().map(rule).collect();
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": host},
            "spec": {"hosts": [host], "http": http},
        })
    }
}

/// Where the rule of that place sends requests.
pub(super) fn destination(place: usize) -> String {
    format!("r{place}.example")
}

impl Match {
    fn written(&self, host: &str) -> Value {
        let all = |conditions: &Conditions| -> Value {
            conditions.iter().map(|(name, text)| (name.clone(), text.written(host))).collect::<Map<_, _>>().into()
        };
        let mut written = json!({
            "ignoreUriCase": self.any_case,
            "headers": all(&self.headers), "withoutHeaders": all(&self.without), "queryParams": all(&self.query),
        });
        if let Some(path) = &self.path {
            written["uri"] = path.written(host);
        }
        for (name, text) in &self.pseudo {
            written[name] = text.written(host);
        }
        written
    }
}

impl Text {
    fn written(&self, host: &str) -> Value {
        match self {
            Self::Present => json!({}),
            Self::Star => json!({"regex": "*"}),
            Self::Exact(text) => json!({"exact": text.replace(HOST, host)}),
            Self::Prefix(text) => json!({"prefix": text.replace(HOST, host)}),
            Self::Regex(pattern, _) => json!({"regex": pattern.replace(HOST, host)}),
        }
    }

    /// A text that meets the condition; where it leaves a choice, `tail` is behind it.
    pub(super) fn met_by(&self, tail: &str) -> String {
        match self {
            Self::Present | Self::Star => tail.to_owned(),
            Self::Exact(text) | Self::Regex(_, text) => text.clone(),
            Self::Prefix(text) => format!("{text}{tail}"),
        }
    }
}

/// Few words, so that rules and requests meet often.
pub(super) fn word() -> impl Strategy<Value = String> + Clone {
    select(vec!["", "a", "b", "ab", "A", "a,b", "b,a", "a, b", "1", "12", "é", "a b", "*", "jason"])
        .prop_map(str::to_owned)
}

/// A path; also one that a proxy might be tempted to normalise.
pub(super) fn path() -> impl Strategy<Value = String> + Clone {
    let common = select(vec!["a", "b", "A", "ab", "1"]);
    let odd = select(vec!["", ".", "..", "%61", "a%2Fb", "a;b", "a=b", "é", "a,b", "*"]);
    vec(prop_oneof![6 => common, 1 => odd], 0..4).prop_map(|parts| format!("/{}", parts.join("/")))
}

pub(super) fn method() -> impl Strategy<Value = String> + Clone {
    select(vec!["GET", "GET", "GET", "POST", "PUT", "OPTIONS", "HEAD"]).prop_map(str::to_owned)
}

pub(super) fn authority() -> impl Strategy<Value = String> + Clone {
    select(vec!["{host}", "{host}", "{host}:80", "{host}:8080", "{HOST}", "{HOST}:80"]).prop_map(str::to_owned)
}

pub(super) fn query_name() -> impl Strategy<Value = String> + Clone {
    select(vec!["v", "V", "debug", "a%20b", "x.y", "v[]"]).prop_map(str::to_owned)
}

pub(super) fn query_value() -> impl Strategy<Value = String> + Clone {
    select(vec!["", "1", "2", "a=b", "%31", "a+b", "=", "?", "/"]).prop_map(str::to_owned)
}

/// A regular expression and a text that it matches.
fn regex() -> impl Strategy<Value = Text> {
    let pieces = vec![
        ("a", "a"),
        ("b", "b"),
        ("ab", "ab"),
        (".", "x"),
        (".", "é"),
        ("..", "é"),
        ("(?i:É)", "é"),
        (r"\W+", "é"),
        ("[é-ü]+", "é"),
        ("aé?", "a"),
        ("é{2}", "éé"),
        (".*", ""),
        (".*", "ab"),
        (".+", "a"),
        ("[a-c]", "b"),
        ("[^a]", "b"),
        (r"\d+", "12"),
        (r"\w", "b"),
        (r"\S*", "a"),
        ("(a|ab)", "ab"),
        ("(?i:A)", "a"),
        ("b?", ""),
        ("a{1,2}", "aa"),
        (r"\.", "."),
        ("é", "é"),
        (",", ","),
        (r"\pL", "é"),
        (r"\xe9", "é"),
    ];
    let whole = vec![
        ("a|ab", "ab"),
        ("ab|a|", ""),
        (".*", "a"),
        (".+", "a"),
        ("^a.*$", "ab"),
        ("(?i)AB", "ab"),
        ("(?s).*", "a"),
        ("(?i)É", "é"),
        (r"(?i)a[^\xe9]+", "aé"),
        (r"\PL*", "é"),
        (r"a\b.*", "a,b"),
        (".*,b", "a,b"),
        ("[^,]*", "a"),
    ];
    let text = |(pattern, sample): (&str, &str)| (pattern.to_owned(), sample.to_owned());
    let pieces = vec(select(pieces), 1..4).prop_map(|pieces| pieces.into_iter().unzip::<_, _, String, String>());
    prop_oneof![pieces, select(whole).prop_map(text)].prop_map(|(pattern, sample)| Text::Regex(pattern, sample))
}

/// A condition on texts like `word`.
fn text(word: impl Strategy<Value = String> + Clone + 'static) -> BoxedStrategy<Text> {
    // Envoy takes no empty prefix but that of a path.
    let prefix = word.clone().prop_map(|text| Text::Prefix(if text.is_empty() { "a".to_owned() } else { text }));
    prop_oneof![
        4 => word.prop_map(Text::Exact),
        3 => prefix,
        2 => regex(),
        1 => Just(Text::Present),
    ]
    .boxed()
}

fn path_text() -> impl Strategy<Value = Text> {
    let prefix = prop_oneof![6 => path(), 1 => select(vec!["", "/", "a"]).prop_map(str::to_owned)];
    let regex = (path(), regex()).prop_map(|(path, regex)| match regex {
        Text::Regex(pattern, sample) => {
            // Envoy answers a path beyond ASCII with 400 before it looks at routes.
            Text::Regex(format!("{}{pattern}", escaped(&path)), format!("{path}{}", sample.replace('é', "")))
        }
        other => other,
    });
    prop_oneof![
        4 => path().prop_map(Text::Exact),
        4 => prefix.prop_map(Text::Prefix),
        2 => regex,
        1 => select(vec![(".*", "/a"), ("/.*", "/b"), ("/a/?", "/a"), ("(?i)/AB?", "/ab")])
            .prop_map(|(pattern, sample)| Text::Regex(pattern.to_owned(), sample.to_owned())),
        1 => Just(Text::Present),
    ]
}

fn escaped(path: &str) -> String {
    path.replace('.', r"\.").replace('*', r"\*")
}

/// Conditions on header fields; some of the names are other names for what is no field.
fn headers(star: bool) -> impl Strategy<Value = Conditions> {
    let plain = select(vec!["x-a", "x-b", "X-C", "x-a", "x-b", "X-C", "cookie", "user-agent", "accept", "x_d"]);
    let star = if star { 1 } else { 0 };
    let plain = (plain.prop_map(str::to_owned), prop_oneof![9 => text(word()), star => Just(Text::Star)]);
    let target = (path(), option::of(query_name())).prop_map(|(path, query)| match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    });
    let condition = prop_oneof![
        12 => plain,
        1 => (select(vec!["host", "Host", ":authority"]).prop_map(str::to_owned), text(authority())),
        1 => (Just(":path".to_owned()), text(target)),
        1 => (Just(":method".to_owned()), text(method())),
        1 => (Just("x-request-id".to_owned()), Just(Text::Present)),
    ];
    vec(condition, 0..3).prop_map(|conditions| conditions.into_iter().collect())
}

fn pseudo() -> impl Strategy<Value = Conditions> {
    let scheme = select(vec!["http", "https", "h"]).prop_map(str::to_owned);
    let one = prop_oneof![
        3 => (Just("method".to_owned()), text(method())),
        2 => (Just("authority".to_owned()), text(authority())),
        1 => (Just("scheme".to_owned()), text(scheme)),
    ];
    prop_oneof![3 => Just(Conditions::new()), 1 => vec(one, 1..3).prop_map(|all| all.into_iter().collect())]
}

fn one_match() -> impl Strategy<Value = Match> {
    let query = prop_oneof![3 => Just(Conditions::new()), 1 => btree_map(query_name(), text(query_value()), 1..3)];
    let without = prop_oneof![2 => Just(Conditions::new()), 1 => headers(true)];
    (option::of(path_text()), any::<bool>(), pseudo(), headers(false), without, query).prop_map(
        |(path, any_case, pseudo, headers, without, query)| Match { path, any_case, pseudo, headers, without, query },
    )
}

pub(super) fn policy() -> impl Strategy<Value = Policy> {
    let rule = prop_oneof![14 => vec(one_match(), 1..4), 1 => Just(Vec::new())].prop_map(|matches| Rule { matches });
    vec(rule, 1..8).prop_map(|rules| Policy { rules })
}

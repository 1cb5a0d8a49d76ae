//! The rows of the conformance suite: what Istio's `HTTPRoute` means, as data that each level runs.
//!
//! A row has a `name` (a sentence), a `source` (where the rule is said), the rules, a `request`, perhaps the upstream's
//! `answer`, and what to `expect`. The rules are those of a VirtualService for the host `reviews` (`http`), the specs of
//! several by their names (`virtualServices`), those of RouteRules (`routeRules`), all on port 9080 unless `settings` say
//! otherwise, or a whole `configuration`.
//! Texts are UTF-8; `{"bytes": "63e9"}` stands for what is not. A field that a row does not have is refused.
//!
//! Where the row `trusts`, Envoy takes the caller for internal, so that its `x-envoy-*` headers pass.
//!
//! A request goes to the upstream (`cluster`, `subset` or `untouched`), or is answered by the filters (`status`). A header
//! that is expected has just that value, or those values if it is a list, or is not there if it is null. Copies that
//! `shadows` does not name are not expected. `router` names headers that Envoy's router reads and takes off. What only a
//! real Envoy can show stands under `envoy`.

use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::time::Duration;

const FILES: [(&str, &str); 27] = [
    ("bytes", include_str!("bytes.json")),
    ("cors", include_str!("cors.json")),
    ("cors-preflight", include_str!("cors-preflight.json")),
    ("delegate", include_str!("delegate.json")),
    ("direct-response", include_str!("direct-response.json")),
    ("fault", include_str!("fault.json")),
    ("header-changes", include_str!("header-changes.json")),
    ("header-changes-of-destinations", include_str!("header-changes-of-destinations.json")),
    ("header-operators", include_str!("header-operators.json")),
    ("headers", include_str!("headers.json")),
    ("hosts", include_str!("hosts.json")),
    ("left-to-istio", include_str!("left-to-istio.json")),
    ("methods-schemes-authorities", include_str!("methods-schemes-authorities.json")),
    ("mirrors", include_str!("mirrors.json")),
    ("order", include_str!("order.json")),
    ("ports-sources-gateways", include_str!("ports-sources-gateways.json")),
    ("query-params", include_str!("query-params.json")),
    ("redirect", include_str!("redirect.json")),
    ("regex", include_str!("regex.json")),
    ("repeated-headers", include_str!("repeated-headers.json")),
    ("rewrite", include_str!("rewrite.json")),
    ("route-rules", include_str!("route-rules.json")),
    ("timeout-retries", include_str!("timeout-retries.json")),
    ("unmatched", include_str!("unmatched.json")),
    ("uri", include_str!("uri.json")),
    ("weights", include_str!("weights.json")),
    ("without-headers", include_str!("without-headers.json")),
];

/// What a host adds to an answer of a filter's: the pure crate does not know it.
const OF_THE_HOST: [&str; 2] = ["content-type", "content-length"];

/// Names and values, as they are on the wire.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// One row.
pub(crate) struct Row {
    pub(crate) file: &'static str,
    pub(crate) name: String,
    /// Where the rule is said.
    pub(crate) source: String,
    pub(crate) configuration: Value,
    /// Whether Envoy takes the caller for internal.
    pub(crate) trusts: bool,
    pub(crate) request: Sent,
    pub(crate) answer: Answer,
    pub(crate) expect: Expected,
}

/// A request as the client sends it.
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) scheme: String,
    pub(crate) authority: String,
    pub(crate) target: String,
    pub(crate) headers: Fields,
    pub(crate) body: String,
}

/// What the upstream answers.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Fields,
    /// The status is that of the first so many tries; those behind get 200.
    pub(crate) first: Option<u64>,
    /// How long the upstream takes.
    pub(crate) after: Duration,
}

/// What a row expects.
#[derive(Default)]
pub(crate) struct Expected {
    pub(crate) cluster: Option<String>,
    subset: Option<Option<String>>,
    pub(crate) shadows: Vec<String>,
    status: Option<u16>,
    upstream: Vec<(String, Vec<Vec<u8>>)>,
    router: Vec<(String, Vec<Vec<u8>>)>,
    path: Option<String>,
    authority: Option<String>,
    response: Vec<(String, Vec<Vec<u8>>)>,
    body: Option<Vec<u8>>,
    untouched: bool,
    pub(crate) delay: Option<Duration>,
    pub(crate) envoy: OfEnvoy,
}

/// What only a real Envoy can show.
#[derive(Default)]
pub(crate) struct OfEnvoy {
    /// What the client sees though the filters let the request go.
    status: Option<u16>,
    tries: Option<u64>,
    upstream: Vec<(String, Vec<Vec<u8>>)>,
    response: Vec<(String, Vec<Vec<u8>>)>,
}

/// What became of a row's request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The cluster that it went to, if it did.
    pub(crate) cluster: Option<String>,
    pub(crate) subset: Option<String>,
    pub(crate) shadows: Vec<String>,
    /// The status that the client got: at the lower levels only if the filters answered.
    pub(crate) status: Option<u16>,
    /// The request as it left; none if it did not.
    pub(crate) upstream: Option<Fields>,
    /// The answer's headers.
    pub(crate) response: Fields,
    /// The answer's body, if the filters answered.
    pub(crate) body: Vec<u8>,
    /// The request left as it came, and no cluster was chosen.
    pub(crate) untouched: bool,
    pub(crate) delay: Option<Duration>,
    /// How often the request reached the upstream.
    pub(crate) tries: u64,
}

/// How far a level can see.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Level {
    Pure,
    Modules,
    Envoy,
}

/// All rows, in the order of their files.
pub(crate) fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    for (file, text) in FILES {
        let written: Vec<Value> = serde_json::from_str(text).unwrap_or_else(|error| panic!("{file}.json: {error}"));
        rows.extend(written.into_iter().map(|row| read(file, row)));
    }
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|two| two[0] == two[1]) {
        panic!("two rows have one name: {}", twice[0]);
    }
    rows
}

/// Panics with all rows that went wrong, if any did.
#[track_caller]
pub(crate) fn assert_none_wrong(wrong: &[String], of: usize) {
    assert!(of >= 200, "only {of} rows ran");
    assert!(wrong.is_empty(), "{} of {of} rows went wrong:\n\n{}", wrong.len(), wrong.join("\n"));
}

pub(crate) fn read(file: &'static str, row: Value) -> Row {
    let mut row = Object::of(file, row);
    let name = row.text("name").unwrap_or_else(|| panic!("{file}.json: a row has no name"));
    let at = format!("{file}.json: {name}");
    row.at.clone_from(&at);
    let source = row.text("source").unwrap_or_else(|| panic!("{at}: has no source"));
    let mut configuration = read_configuration(&mut row);
    configuration["outputs"] = json!(["subset"]);
    let trusts = row.take("trusts") == Some(Value::Bool(true));
    let request = read_request(row.object("request").unwrap_or_else(|| panic!("{at}: has no request")));
    let answer = row.object("answer").unwrap_or_else(|| Object::of(&at, json!({})));
    let answer = read_answer(answer);
    let expect = read_expected(row.object("expect").unwrap_or_else(|| panic!("{at}: expects nothing")));
    row.finish();
    Row { file, name, source, configuration, trusts, request, answer, expect }
}

fn read_configuration(row: &mut Object) -> Value {
    let settings = row.object("settings").map(|settings| settings.fields);
    const VIRTUAL_SERVICE: (&str, &str) = ("networking.istio.io/v1", "VirtualService");
    const ROUTE_RULE: (&str, &str) = ("config.istio.io/v1alpha2", "RouteRule");
    let forms = (row.take("configuration"), row.take("http"), row.object("virtualServices"), row.object("routeRules"));
    let ((api_version, kind), specs) = match forms {
        (Some(configuration), None, None, None) if settings.is_none() => return configuration,
        (None, Some(http), None, None) => {
            let spec = json!({"hosts": ["reviews"], "http": http});
            (VIRTUAL_SERVICE, Map::from_iter([("reviews".to_owned(), spec)]))
        }
        (None, None, Some(virtual_services), None) => (VIRTUAL_SERVICE, virtual_services.fields),
        (None, None, None, Some(route_rules)) => (ROUTE_RULE, route_rules.fields),
        _ => panic!("{}: must have one of configuration, http, virtualServices, routeRules", row.at),
    };
    let manifest = |(name, spec): (String, Value)| {
        json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        })
    };
    let resources: Vec<Value> = specs.into_iter().map(manifest).collect();
    let mut configuration = Map::from_iter([("port".to_owned(), json!(9080))]);
    configuration.extend(settings.unwrap_or_default());
    configuration.insert("resources".to_owned(), resources.into());
    configuration.into()
}

fn read_request(mut request: Object) -> Sent {
    let url = request.text("url").unwrap_or_else(|| panic!("{}: the request has no url", request.at));
    let url = if url.starts_with('/') { format!("http://reviews:9080{url}") } else { url };
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("{}: {url} has no scheme", request.at));
    let (authority, target) =
        rest.split_at(rest.find('/').unwrap_or_else(|| panic!("{}: {url} has no path", request.at)));
    let sent = Sent {
        method: request.text("method").unwrap_or_else(|| "GET".to_owned()),
        scheme: scheme.to_owned(),
        authority: authority.to_owned(),
        target: target.to_owned(),
        headers: request.pairs("headers"),
        body: request.text("body").unwrap_or_default(),
    };
    request.finish();
    sent
}

fn read_answer(mut answer: Object) -> Answer {
    let read = Answer {
        status: answer.number("status").map_or(200, |status| status as u16),
        headers: answer.pairs("headers"),
        first: answer.number("first"),
        after: Duration::from_millis(answer.number("afterMs").unwrap_or(0)),
    };
    answer.finish();
    read
}

fn read_expected(mut expect: Object) -> Expected {
    let subset = expect.take("subset").map(|subset| match subset {
        Value::Null => None,
        Value::String(subset) => Some(subset),
        other => panic!("{}: {other} is not a subset", expect.at),
    });
    let of_subset = |subset: &str| match subset.contains('|') {
        true => subset.to_owned(),
        false => format!("outbound|9080|{subset}|reviews.default.svc.cluster.local"),
    };
    let shadows = match expect.take("shadows") {
        None => Vec::new(),
        Some(Value::Array(shadows)) => shadows.iter().map(|it| of_subset(it.as_str().unwrap_or_default())).collect(),
        Some(other) => panic!("{}: {other} is no list of shadows", expect.at),
    };
    let mut envoy = expect.object("envoy").unwrap_or_else(|| Object::of(&expect.at, json!({})));
    let mut response = expect.values("response");
    response.extend(expect.text("location").map(|location| ("location".to_owned(), vec![location.into_bytes()])));
    let read = Expected {
        cluster: expect.text("cluster").or_else(|| subset.clone().flatten().map(|subset| of_subset(&subset))),
        subset,
        shadows,
        status: expect.number("status").map(|status| status as u16),
        upstream: expect.values("upstream"),
        router: expect.values("router"),
        path: expect.text("path"),
        authority: expect.text("authority"),
        response,
        body: expect.take("body").map(|body| bytes(&expect.at, &body)),
        untouched: expect.take("untouched") == Some(Value::Bool(true)),
        delay: expect.number("delayMs").map(Duration::from_millis),
        envoy: OfEnvoy {
            status: envoy.number("status").map(|status| status as u16),
            tries: envoy.number("tries"),
            upstream: envoy.values("upstream"),
            response: envoy.values("response"),
        },
    };
    envoy.finish();
    let ends = [read.cluster.is_some(), read.status.is_some(), read.untouched];
    assert_eq!(
        ends.iter().filter(|end| **end).count(),
        1,
        "{}: must have one of cluster, status, untouched",
        expect.at
    );
    expect.finish();
    read
}

/// An object of which each field is to be taken.
struct Object {
    at: String,
    fields: Map<String, Value>,
}

impl Object {
    fn of(at: &str, value: Value) -> Self {
        match value {
            Value::Object(fields) => Self { at: at.to_owned(), fields },
            other => panic!("{at}: {other} is not an object"),
        }
    }

    fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field)
    }

    fn object(&mut self, field: &str) -> Option<Object> {
        self.take(field).map(|value| Object::of(&self.at, value))
    }

    fn text(&mut self, field: &str) -> Option<String> {
        self.take(field).map(|value| match value {
            Value::String(text) => text,
            other => panic!("{}: {field}: {other} is not a text", self.at),
        })
    }

    fn number(&mut self, field: &str) -> Option<u64> {
        self.take(field).map(|value| value.as_u64().unwrap_or_else(|| panic!("{}: {field} is no number", self.at)))
    }

    /// `[[name, value], …]`
    fn pairs(&mut self, field: &str) -> Fields {
        let pairs = self.take(field).unwrap_or_else(|| json!([]));
        let pairs = pairs.as_array().unwrap_or_else(|| panic!("{}: {field} is no list", self.at));
        let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
            Some([Value::String(name), value]) => (name.clone(), bytes(&self.at, value)),
            _ => panic!("{}: {field}: {pair} is no pair of name and value", self.at),
        };
        pairs.iter().map(pair).collect()
    }

    /// `{name: value}`, `{name: [value, …]}` or `{name: null}`
    fn values(&mut self, field: &str) -> Vec<(String, Vec<Vec<u8>>)> {
        let Some(values) = self.object(field) else {
            return Vec::new();
        };
        let list = |value: &Value| match value {
            Value::Null => Vec::new(),
            Value::Array(values) => values.iter().map(|value| bytes(&self.at, value)).collect(),
            value => vec![bytes(&self.at, value)],
        };
        values.fields.iter().map(|(name, value)| (name.clone(), list(value))).collect()
    }

    #[track_caller]
    fn finish(self) {
        assert!(self.fields.is_empty(), "{}: unknown fields {:?}", self.at, self.fields.keys());
    }
}

/// A text, or `{"bytes": "63e9"}`.
fn bytes(at: &str, value: &Value) -> Vec<u8> {
    match (value, &value["bytes"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(hex)) if hex.len() % 2 == 0 => (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap_or_else(|error| panic!("{hex}: {error}")))
            .collect(),
        _ => panic!("{at}: {value} is neither text nor bytes"),
    }
}

impl Row {
    /// What is wrong with what was seen, with the row's name; nothing if all is as expected.
    pub(crate) fn wrong(&self, seen: &Seen, level: Level) -> Option<String> {
        let mut differences = Differences::default();
        self.compare(seen, level, &mut differences);
        let title = format!("{}.json: {}\n", self.file, self.name);
        (!differences.0.is_empty()).then(|| title + &differences.0)
    }

    fn compare(&self, seen: &Seen, level: Level, differences: &mut Differences) {
        let expect = &self.expect;
        let values = |fields: &Fields, name: &str| -> Vec<Vec<u8>> {
            fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
        };
        let status = match level {
            Level::Envoy => expect.status.or(expect.envoy.status).or(Some(match self.answer.first {
                Some(_) => 200,
                None => self.answer.status,
            })),
            Level::Pure | Level::Modules => expect.status,
        };
        differences.note("status", &status, &seen.status);
        differences.note("delay", &expect.delay, &seen.delay);
        differences.note("cluster", &expect.cluster, &seen.cluster);
        differences.note("untouched", &expect.untouched, &seen.untouched);
        differences.note("shadows", &expect.shadows, &seen.shadows);
        if let Some(subset) = &expect.subset {
            differences.note("subset", subset, &seen.subset);
        }

        let upstream = seen.upstream.clone().unwrap_or_default();
        let pseudo = [(":path", &expect.path), (":authority", &expect.authority)];
        for (name, expected) in pseudo.into_iter().filter_map(|(name, expected)| Some((name, expected.as_ref()?))) {
            differences.header("upstream", name, &[expected.clone().into_bytes()], &values(&upstream, name));
        }
        for (name, expected) in &expect.upstream {
            differences.header("upstream", name, expected, &values(&upstream, name));
        }
        for (name, expected) in &expect.router {
            let expected = if level == Level::Envoy { &Vec::new() } else { expected };
            differences.header("router", name, expected, &values(&upstream, name));
        }
        for (name, expected) in &expect.response {
            if level != Level::Pure || expect.status.is_none() || !OF_THE_HOST.contains(&name.as_str()) {
                differences.header("response", name, expected, &values(&seen.response, name));
            }
        }
        if let Some(body) = &expect.body {
            differences.note("body", &body.escape_ascii().to_string(), &seen.body.escape_ascii().to_string());
        }
        if level == Level::Envoy {
            differences.note("tries", &expect.envoy.tries.unwrap_or(seen.tries), &seen.tries);
            for (name, expected) in &expect.envoy.upstream {
                differences.header("upstream", name, expected, &values(&upstream, name));
            }
            for (name, expected) in &expect.envoy.response {
                differences.header("response", name, expected, &values(&seen.response, name));
            }
        }
    }
}

/// What differs, a line each.
#[derive(Default)]
struct Differences(String);

impl Differences {
    fn note<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, seen: &T) {
        if expected != seen {
            let _ = writeln!(self.0, "  {what}: expected {expected:?}, seen {seen:?}");
        }
    }

    fn header(&mut self, side: &str, name: &str, expected: &[Vec<u8>], seen: &[Vec<u8>]) {
        let shown = |values: &[Vec<u8>]| -> Vec<String> {
            values.iter().map(|value| value.escape_ascii().to_string()).collect()
        };
        self.note(&format!("{side} {name}"), &shown(expected), &shown(seen));
    }
}

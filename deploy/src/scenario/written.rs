//! Scenarios as people write them.

use crate::manifests::Text;
use crate::yaml::{Parsed, documents};
use hyper::{Method, Uri};
use serde_json::Value;
use serin_traffic::names::gateway::MESH;
use serin_traffic::shadow::Verdict;
use serin_traffic::written::{self, Read, Source};
use serin_traffic::{Place, Refusal, record};
use std::collections::BTreeMap;
use std::fmt;

/// One set of manifests, and what should become of requests.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What tables call it.
    pub name: String,
    /// The manifests, relative to the scenario's file.
    pub manifests: Vec<String>,
    /// The way in: `mesh`, or a Gateway's `namespace/name`.
    pub through: String,
    /// Who calls through the mesh.
    pub source: Source,
    /// How many requests are under way at a time.
    pub concurrency: u64,
    /// What is done, in order, all of it on one Envoy.
    pub steps: Vec<Step>,
    /// The file that the scenario stands in.
    pub file: String,
}

record! {
    Scenario { name, manifests, through, source, concurrency, steps; file },
    required: &["name", "manifests", "steps"],
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            manifests: Vec::new(),
            through: MESH.to_owned(),
            source: Source::default(),
            concurrency: 8,
            steps: Vec::new(),
            file: String::new(),
        }
    }
}

/// Requests of one kind.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// GET or POST.
    pub method: Method,
    /// The `Host`, as the URL has it.
    pub host: String,
    /// The listener's port: the URL's.
    pub port: u16,
    /// Path and query.
    pub path: String,
    /// Further headers.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// How many requests.
    pub requests: u64,
    /// What should become of them.
    pub expect: Expectation,
}

/// What should become of requests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expectation {
    /// Who should answer which part; the parts add up to 1. A number is the status of an answer that is no pod's.
    pub answers: BTreeMap<String, f64>,
    /// How many copies per request should reach a workload besides; none where it is not named.
    pub shadows: BTreeMap<String, f64>,
    /// How many copies per request should compare so with what they are copies of; nobody looks if this is empty.
    pub results: BTreeMap<String, f64>,
}

#[derive(Default)]
struct WrittenStep {
    get: Option<String>,
    post: Option<String>,
    body: Option<String>,
    headers: BTreeMap<String, String>,
    requests: u64,
    expect: WrittenExpectation,
}

record! { WrittenStep { get, post, body, headers, requests, expect }, required: &["requests", "expect"] }

#[derive(Default)]
struct WrittenExpectation {
    answers: Option<BTreeMap<String, f64>>,
    status: Option<u16>,
    shadows: BTreeMap<String, f64>,
    results: BTreeMap<String, f64>,
}

record! { WrittenExpectation { answers, status, shadows, results } }

/// Requests in one step at most.
const REQUESTS: u64 = 1_000_000;

/// Requests under way at a time at most.
const CONCURRENCY: u64 = 256;

impl Read for Step {
    fn read(&mut self, value: Value, place: &Place<'_>) -> Result<(), Refusal> {
        let mut written = WrittenStep::default();
        written.read(value, place)?;
        *self = written.try_into().map_err(|reason: String| place.refuse(reason))?;
        Ok(())
    }
}

impl TryFrom<WrittenStep> for Step {
    type Error = String;

    fn try_from(written: WrittenStep) -> Result<Self, String> {
        let (method, url) = match (written.get, written.post) {
            (Some(url), None) => (Method::GET, url),
            (None, Some(url)) => (Method::POST, url),
            _ => return Err("must have either get or post".to_owned()),
        };
        let uri: Uri = url.parse().map_err(|error| format!("{url} is not a URL: {error}"))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(format!("{url} does not begin with http:// and a host"));
        };
        if !(1..=REQUESTS).contains(&written.requests) {
            return Err(format!("requests: {} is not from 1 to {REQUESTS}", written.requests));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            method,
            host: authority.as_str().to_owned(),
            port: authority.port_u16().unwrap_or(80),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
            headers: written.headers,
            body: written.body.unwrap_or_default(),
            requests: written.requests,
            expect: written.expect.try_into()?,
        })
    }
}

impl TryFrom<WrittenExpectation> for Expectation {
    type Error = String;

    fn try_from(written: WrittenExpectation) -> Result<Self, String> {
        let answers = match (written.answers, written.status) {
            (Some(answers), None) => answers,
            (None, Some(status)) => BTreeMap::from([(status.to_string(), 1.0)]),
            _ => return Err("expect must have either answers or status".to_owned()),
        };
        let is_share = |share: &f64| share.is_finite() && *share >= 0.0;
        if let Some((name, share)) =
            answers.iter().chain(&written.shadows).chain(&written.results).find(|(_, share)| !is_share(share))
        {
            return Err(format!("expect: {share} is not a share for {name}"));
        }
        let is_known = |result: &&String| Verdict::ALL.iter().any(|known| known.as_str() == result.as_str());
        if let Some(result) = written.results.keys().find(|result| !is_known(result)) {
            let known = Verdict::ALL.map(Verdict::as_str).join(", ");
            return Err(format!("expect.results: {result} is none of {known}"));
        }
        let sum: f64 = answers.values().sum();
        if sum <= 0.0 {
            return Err("expect.answers: the shares must not all be 0".to_owned());
        }
        let answers = answers.into_iter().filter(|(_, share)| *share > 0.0).map(|(name, share)| (name, share / sum));
        let shadows = written.shadows.into_iter().filter(|(_, share)| *share > 0.0);
        Ok(Self { answers: answers.collect(), shadows: shadows.collect(), results: written.results })
    }
}

impl Step {
    /// The step in a word or two: method, URL, headers.
    pub fn title(&self) -> String {
        let headers: String = self.headers.iter().map(|(name, value)| format!(" {name}: {value}")).collect();
        format!("{} {}{}{headers}", self.method, self.host, self.path)
    }
}

/// A file of scenarios that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// The scenarios of a file.
///
/// # Errors
///
/// [`Refused`], with the file and the place in it.
pub fn read(text: &Text) -> Result<Vec<Scenario>, Refused> {
    let refuse_at = |line: usize, mistake: String| Refused(format!("{}:{line}: {mistake}", text.name));
    let mut scenarios = Vec::new();
    for Parsed { line, value } in documents(&text.name, &text.text).map_err(Refused)? {
        let read: Vec<Scenario> = written::read("", value).map_err(|refusal| refuse_at(line, refusal.to_string()))?;
        scenarios.extend(read);
    }
    for scenario in &mut scenarios {
        scenario.file.clone_from(&text.name);
        let refuse = |reason: &str| Err(Refused(format!("{}: {}: {reason}", text.name, scenario.name)));
        if scenario.steps.is_empty() {
            return refuse("steps: must not be empty");
        }
        if scenario.manifests.is_empty() {
            return refuse("manifests: must not be empty");
        }
        if !(1..=CONCURRENCY).contains(&scenario.concurrency) {
            return refuse(&format!("concurrency: {} is not from 1 to {CONCURRENCY}", scenario.concurrency));
        }
    }
    Ok(scenarios)
}

//! The stage: a policy from manifests, and a request from a line.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use core::prelude::v1::test;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;

use serde_json::{Value, json};
use serin_traffic::written::{Configuration, Source};
use serin_traffic::{Compiled, Decision, Headers, Part, Policy, Request, Response, Rotation, RuleId, Ticket, Worker};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A VirtualService `default/{name}` with that spec.
pub(crate) fn virtual_service(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": name, "namespace": "default"}, "spec": spec,
    })
}

/// A configuration of one VirtualService for the host `reviews`, with these rules.
pub(crate) fn rules(http: Value) -> Value {
    json!({"resources": [virtual_service("reviews", json!({"hosts": ["reviews"], "http": http}))]})
}

/// A rule with that match, to that subset of `reviews`.
pub(crate) fn to_subset(subset: &str, matches: Value) -> Value {
    json!({"match": matches, "route": [{"destination": {"host": "reviews", "subset": subset}}]})
}

#[track_caller]
pub(crate) fn compiled(configuration: Value) -> Compiled {
    try_compile(configuration).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
}

#[track_caller]
pub(crate) fn policy(configuration: Value) -> Policy {
    compiled(configuration).policy
}

#[track_caller]
pub(crate) fn refusal(configuration: Value) -> String {
    match try_compile(configuration) {
        Ok(_) => panic!("the configuration was taken"),
        Err(refusal) => refusal,
    }
}

pub(crate) fn warnings(configuration: Value) -> Vec<String> {
    compiled(configuration).warnings.iter().map(ToString::to_string).collect()
}

fn try_compile(configuration: Value) -> Result<Compiled, String> {
    let written = Configuration::from_value(configuration).map_err(|refusal| refusal.to_string())?;
    Policy::compile(&written, &Source::default()).map_err(|refusal| refusal.to_string())
}

/// A request as the proxy sees it.
pub(crate) struct Get {
    headers: Headers,
    port: Option<u16>,
    claims: BTreeMap<String, Vec<Vec<u8>>>,
    source_address: Option<IpAddr>,
    now: u64,
}

/// `GET http://{authority}{target}` on port 9080.
pub(crate) fn get(authority: &str, target: &str) -> Get {
    let mut headers = Headers::default();
    headers.push(b":authority", authority.as_bytes());
    headers.push(b":path", target.as_bytes());
    headers.push(b":method", b"GET");
    headers.push(b":scheme", b"http");
    Get { headers, port: Some(9080), claims: BTreeMap::new(), source_address: None, now: 0 }
}

impl Get {
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name.as_bytes(), value.as_ref());
        self
    }

    /// The same with another method.
    pub(crate) fn method(self, method: &str) -> Self {
        self.with(":method", method)
    }

    /// The same with another scheme.
    pub(crate) fn scheme(self, scheme: &str) -> Self {
        self.with(":scheme", scheme)
    }

    fn with(mut self, pseudo_header: &str, value: &str) -> Self {
        let mut headers = Headers::default();
        for (name, old) in self.headers.iter() {
            headers.push(name, if name == pseudo_header.as_bytes() { value.as_bytes() } else { old });
        }
        self.headers = headers;
        self
    }

    /// The same with a verified JWT that has this claim; names below names with dots between.
    pub(crate) fn claim(mut self, path: &str, values: &[&str]) -> Self {
        self.claims.insert(path.to_owned(), values.iter().map(|value| value.as_bytes().to_vec()).collect());
        self
    }

    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// The same from that address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.source_address = Some(address.parse().expect("an address"));
        self
    }

    /// The same so many seconds after the beginning of 1970.
    pub(crate) fn at(mut self, seconds: u64) -> Self {
        self.now = seconds * 1_000_000_000;
        self
    }
}

impl Request for Get {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn port(&self) -> Option<u16> {
        self.port
    }

    fn claim(&self, path: &[String]) -> Vec<Vec<u8>> {
        self.claims.get(&path.join(".")).cloned().unwrap_or_default()
    }

    fn source_address(&self) -> Option<IpAddr> {
        self.source_address
    }

    fn now(&self) -> u64 {
        self.now
    }
}

/// An answer with that status and these headers.
pub(crate) fn arrived(status: u16, headers: &[(String, Vec<u8>)]) -> Arrived {
    let mut arrived = Headers::default();
    arrived.push(b":status", status.to_string().as_bytes());
    headers.iter().for_each(|(name, value)| arrived.push(name.as_bytes(), value));
    Arrived(arrived)
}

/// An answer as the proxy sees it.
pub(crate) struct Arrived(Headers);

impl Response for Arrived {
    fn headers(&self) -> &Headers {
        &self.0
    }

    fn now(&self) -> u64 {
        0
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        match path {
            ["response", "code"] => Some(i64::from(self.0.status()?).to_le_bytes().to_vec()),
            ["response", "code_details"] => Some(b"via_upstream".to_vec()),
            _ => None,
        }
    }
}

/// A worker that always draws the same ticket.
pub(crate) struct Draws(pub(crate) Ticket);

impl Worker for Draws {
    fn draw(&self) -> Ticket {
        self.0
    }

    fn rotate(&self, _: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        turn(&mut Rotation::default())
    }
}

/// What becomes of the request that draws `ticket`.
pub(crate) fn decide<'p>(policy: &'p Policy, request: &Get, ticket: u64) -> Decision<'p> {
    policy.decide(request, &Draws(Ticket(ticket)), Part::All, None)
}

/// What becomes of the request that draws `ticket` in a chain of header-router, which has the policy `first`, subset-picker
/// and shadow-mirror, which have `later`: what the three carry out, together.
pub(crate) fn decide_in_chain<'p>(first: &'p Policy, later: &'p Policy, request: &Get, ticket: u64) -> Decision<'p> {
    let worker = Draws(Ticket(ticket));
    let mut decision = first.decide(request, &worker, Part::Route, None);
    let text = decision.publish.clone().expect("the first filter publishes");
    // The request is another by then: whoever asks it again is found out.
    let changed = get("changed.example", "/changed");
    let follow = |part| later.decide(&changed, &worker, part, later.read_handoff(text.as_bytes()));
    let (pick, copy) = (follow(Part::Pick), follow(Part::Copy));
    if decision.reply.is_none() {
        decision.request.extend(pick.request);
        let here = decision.destination.take().filter(|chosen| !chosen.is_handed_on);
        decision.destination = here.or(pick.destination);
        decision.copies.extend(copy.copies);
    }
    decision
}

/// The cluster that the request goes to, drawing ticket 0; the status if it gets a local reply, `-` if neither.
pub(crate) fn cluster(policy: &Policy, request: &Get) -> String {
    let decision = decide(policy, request, 0);
    match (decision.reply, decision.destination) {
        (Some(reply), _) => reply.status.to_string(),
        (None, Some(destination)) => destination.cluster.into_owned(),
        (None, None) => "-".to_owned(),
    }
}

/// The subset that the request goes to.
pub(crate) fn subset(policy: &Policy, request: &Get) -> String {
    let cluster = cluster(policy, request);
    cluster.split('|').nth(2).unwrap_or(&cluster).to_owned()
}

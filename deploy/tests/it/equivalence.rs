//! header-router against Envoy's own route table: generated rules and generated requests, in one Envoy, twice.
//!
//! One listener has the rules as Istio would write them into Envoy's routes, translated here and not by Serin; the other
//! has header-router with the same rules as VirtualServices. Both must make the same choice. The seed is fixed; another one
//! can be had with `EQUIVALENCE_SEED=7`. A difference is shrunk before it is shown.

mod client;
mod hosts;
mod native;
mod policy;
mod proxies;
mod requests;
mod rewrites;
mod shrink;
mod weights;

use client::{Answer, Client};
use policy::Policy;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use proxies::{Proxies, filter, listener, start};
use requests::Request;
use serde_json::{Map, Value, json};
use serin_modules::Module;
use std::collections::BTreeMap;
use std::env;
use std::thread;

/// How many requests of each policy are sent.
const REQUESTS: usize = 10;

/// How many clients send them.
const CLIENTS: usize = 4;

/// How Envoy and the filter compare what they compare otherwise since a release of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Manner {
    /// A header that is repeated is compared value by value, not joined with commas.
    pub(crate) individually: bool,
    /// Each byte is a character to regular expressions, which otherwise read UTF-8.
    pub(crate) latin1: bool,
}

impl Manner {
    /// What Envoy does, and the filter, where nothing is said.
    pub(crate) const DEFAULT: Self = Self { individually: true, latin1: true };
    const JOINED: Self = Self { individually: false, ..Self::DEFAULT };
    const UTF8: Self = Self { latin1: false, ..Self::DEFAULT };

    /// What a configuration of a filter says of it.
    fn settings(self) -> Map<String, Value> {
        let repeated = (!self.individually).then(|| ("repeatedHeaders".to_owned(), "joined".into()));
        let encoding = (!self.latin1).then(|| ("regexEncoding".to_owned(), "utf8".into()));
        repeated.into_iter().chain(encoding).collect()
    }
}

/// A policy and requests to try it with.
type Case = (Policy, Vec<Request>);

/// A request on which header-router and Envoy differ.
#[derive(Debug)]
struct Difference {
    case: usize,
    request: Request,
    native: Answer,
    filter: Answer,
}

/// How often what was answered.
#[derive(Debug, Default)]
struct Tally {
    requests: usize,
    first_rules: usize,
    later_rules: usize,
    misses: usize,
    others: BTreeMap<u16, usize>,
}

fn seed() -> u64 {
    env::var("EQUIVALENCE_SEED").ok().map_or(0, |seed| seed.parse().expect("EQUIVALENCE_SEED is a number"))
}

/// What generates: the same for the same seed.
fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

fn generate<T>(runner: &mut TestRunner, strategy: &impl Strategy<Value = T>) -> T {
    strategy.new_tree(runner).expect("nothing generated is rejected").current()
}

fn cases(seed: u64, count: usize) -> Vec<Case> {
    let mut runner = runner(seed);
    let policy = policy::policy();
    let case = |_| {
        let policy = generate(&mut runner, &policy);
        let requests = generate(&mut runner, &proptest::collection::vec(requests::request(&policy), REQUESTS));
        (policy, requests)
    };
    (0..count).map(case).collect()
}

/// The host of the policy of that place.
fn host(place: usize) -> String {
    format!("p{place}.example")
}

/// An Envoy that has the policies twice: in the listener `native` as routes, in `filter` as header-router's rules.
async fn envoy_with(policies: impl Iterator<Item = &Policy> + Clone, manner: Manner) -> Proxies {
    envoy_with_both(policies, manner, manner).await
}

/// The same with a manner for Envoy, and one for the filter.
async fn envoy_with_both(policies: impl Iterator<Item = &Policy> + Clone, native: Manner, filters: Manner) -> Proxies {
    let virtual_host = |(place, policy): (usize, &Policy)| {
        let host = host(place);
        json!({"name": host, "domains": [host], "routes": native::routes(policy, &host)})
    };
    let hosts: Vec<Value> = policies.clone().enumerate().map(virtual_host).collect();
    let virtual_services: Vec<Value> =
        policies.enumerate().map(|(place, policy)| policy.virtual_service(&host(place))).collect();
    let mut configuration = filters.settings();
    configuration.extend([("resources".to_owned(), virtual_services.into()), ("cluster".to_owned(), "{host}".into())]);
    let configuration = Value::from(configuration);
    start(native, &[Module::HeaderRouter], |modules| {
        let chosen = json!({"name": "any", "domains": ["*"], "routes": [proxies::chosen()]});
        vec![
            listener("native", vec![], hosts),
            listener("filter", vec![filter(&modules[0], &configuration)], vec![chosen]),
        ]
    })
    .await
}

/// Sends the requests of all cases to both listeners.
fn compare(proxies: &Proxies, cases: &[Case]) -> (Tally, Vec<Difference>) {
    let (native, filter) = (proxies.address("native"), proxies.address("filter"));
    let part = |first: usize| {
        let (mut native, mut filter) = (Client::to(native), Client::to(filter));
        let mut seen = Vec::new();
        for (place, (_, requests)) in cases.iter().enumerate().skip(first).step_by(CLIENTS) {
            for request in requests {
                let message = request.message(&host(place));
                seen.push((place, request, native.ask(&message), filter.ask(&message)));
            }
        }
        seen
    };
    let seen: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|first| scope.spawn(move || part(first))).collect();
        clients.into_iter().flat_map(|client| client.join().expect("the client got its answers")).collect()
    });
    let mut tally = Tally::default();
    let mut differences = Vec::new();
    for (case, request, native, filter) in seen {
        tally.count(&native);
        if native != filter {
            differences.push(Difference { case, request: request.clone(), native, filter });
        }
    }
    (tally, differences)
}

impl Tally {
    fn count(&mut self, answer: &Answer) {
        self.requests += 1;
        match (answer.status, answer.rule.as_deref()) {
            (200, Some("r0.example")) => self.first_rules += 1,
            (200, Some(_)) => self.later_rules += 1,
            (404, None) => self.misses += 1,
            (status, _) => *self.others.entry(status).or_default() += 1,
        }
    }

    /// Fails if the requests hardly meet the rules, or hardly miss them.
    #[track_caller]
    fn assert_telling(&self) {
        let at_least = |count: usize, percent: usize| count * 100 >= self.requests * percent;
        let telling = at_least(self.first_rules, 10) && at_least(self.later_rules, 10) && at_least(self.misses, 5);
        let odd: usize = self.others.values().sum();
        assert!(telling && odd > 0 && !at_least(odd, 10), "{self:?}");
    }
}

async fn assert_equivalent(count: usize, manner: Manner) {
    let seed = seed();
    let cases = cases(seed, count);
    let proxies = envoy_with(cases.iter().map(|(policy, _)| policy), manner).await;
    let (tally, differences) = tokio::task::block_in_place(|| compare(&proxies, &cases));
    proxies.stop().await;
    println!("seed {seed}, {count} policies, {manner:?}: {tally:?}");
    if let Some(difference) = differences.first() {
        let policy = cases[difference.case].0.clone();
        let smallest = shrink::shrink(policy, difference, manner).await;
        panic!(
            "seed {seed}, {manner:?}: {} of {} requests differ; shrunk:\n{smallest}",
            differences.len(),
            tally.requests
        );
    }
    tally.assert_telling();
}

#[tokio::test(flavor = "multi_thread")]
async fn header_router_chooses_as_envoys_route_table() {
    assert_equivalent(2_000, Manner::DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_router_chooses_as_a_route_table_that_joins_repeated_headers() {
    assert_equivalent(500, Manner::JOINED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn header_router_chooses_as_a_route_table_that_reads_utf8() {
    assert_equivalent(500, Manner::UTF8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_requests_tell_apart_how_repeated_headers_are_compared() {
    assert_told_apart(Manner::JOINED, Manner::DEFAULT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_generated_requests_tell_apart_what_a_character_is() {
    assert_told_apart(Manner::UTF8, Manner::DEFAULT).await;
}

async fn assert_told_apart(native: Manner, filters: Manner) {
    let cases = cases(seed(), 500);
    let policies = cases.iter().map(|(policy, _)| policy);
    let proxies = envoy_with_both(policies, native, filters).await;
    let (tally, differences) = tokio::task::block_in_place(|| compare(&proxies, &cases));
    proxies.stop().await;
    assert!(differences.len() >= 20, "{} of {} requests differ", differences.len(), tally.requests);
}

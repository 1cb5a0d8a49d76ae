//! A canary that fails loses its share, on all workers, and gets it back; one that is not there is passed over.

use crate::scene::{COMPLETE, canary, chain, weighted};
use host_test::{Proxy, Response, get, response};
use serde_json::{Value, json};
use serin_modules::Module;
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

/// Two workers and their requests, ten milliseconds apart.
struct Shop {
    proxy: Proxy,
    requests: usize,
    /// What v2 answers.
    canary: fn() -> Response,
}

/// Of so many requests how many went to v2, and when the last of them did.
#[derive(Debug, PartialEq)]
struct Seen {
    canaries: usize,
    last: Option<usize>,
}

impl Shop {
    fn open(modules: &[Module], entry: Value) -> Self {
        Self::split(modules, [50, 50], entry)
    }

    fn split(modules: &[Module], [v1, v2]: [u32; 2], entry: Value) -> Self {
        let configuration = canary(json!([weighted("v1", v1), weighted("v2", v2)]), entry);
        let proxy = chain(modules, &configuration).workers(2).start();
        Self { proxy, requests: 0, canary: || response(200) }
    }

    /// So many seconds of requests, on one worker after the other.
    fn run(&mut self, seconds: f64) -> Seen {
        let mut seen = Seen { canaries: 0, last: None };
        for number in 0..(seconds * 100.0).round() as usize {
            if self.ask(number % 2) {
                seen = Seen { canaries: seen.canaries + 1, last: Some(number) };
            }
            self.proxy.advance(Duration::from_millis(10));
        }
        seen
    }

    /// One request on that worker; whether v2 got it.
    fn ask(&mut self, worker: usize) -> bool {
        self.requests += 1;
        let mut exchange = self.proxy.send(get(REVIEWS).on_worker(worker));
        let is_canary = exchange.upstream_header("x-serin-subset") == Some("v2");
        let answer = if is_canary { (self.canary)() } else { response(200) };
        self.proxy.respond(&mut exchange, answer);
        self.proxy.finish(exchange);
        is_canary
    }

    /// What was logged of destinations.
    fn said(&self) -> Vec<String> {
        let log = self.proxy.log().into_iter().filter(|line| line.message.contains("default/reviews/default"));
        log.map(|line| line.message).collect()
    }
}

/// A split in turn, so that scenes come out alike whatever is drawn.
fn guarded() -> Value {
    let guard = json!({"subset": "v2", "maxErrorPercent": 5, "minRequests": 20, "window": "2s", "hold": "3s"});
    json!({"split": {"mode": "exact"}, "guard": guard})
}

#[test]
fn a_canary_that_turns_bad_loses_its_share_on_all_workers_and_gets_it_back() {
    for modules in COMPLETE {
        let mut shop = Shop::open(modules, guarded());
        let healthy = shop.run(4.0);
        assert!((190..=210).contains(&healthy.canaries), "{modules:?} {healthy:?}");
        assert_eq!(shop.said(), Vec::<String>::new());

        shop.canary = || response(503);
        let bad = shop.run(1.0);
        assert!(bad.last < Some(60), "it had its share for too long: {bad:?}");
        let said = shop.said();
        assert_eq!(said.len(), 1, "one worker says it: {said:?}");
        assert!(said[0].starts_with("default/reviews/default v2: share withdrawn for 3s: "), "{said:?}");
        assert_eq!(shop.run(1.5).canaries, 0, "nothing while it is held");

        // The hold is over half a second later: a tenth of its share, which fails at once.
        let trial = shop.run(2.0);
        assert!((1..=12).contains(&trial.canaries), "{trial:?}");
        let said = shop.said();
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[1], "default/reviews/default v2: tried again with 10% of its share");
        assert!(said[2].starts_with("default/reviews/default v2: share withdrawn again for 3s: "), "{said:?}");

        shop.canary = || response(200);
        shop.run(10.0);
        let said = shop.said();
        assert_eq!(said.len(), 5, "{said:?}");
        assert!(said[4].starts_with("default/reviews/default v2: share restored: 0 of "), "{said:?}");
        let restored = shop.run(2.0);
        assert!((95..=105).contains(&restored.canaries), "{restored:?}");
        assert_eq!(shop.said().len(), 5);

        let labels = "virtual_service=.=default/reviews;.;route=.=default;.;subset=.=v2;.;";
        assert_eq!(shop.proxy.metric(&format!("{labels}serin_guard_share")), Some(100));
        for (transition, times) in [("withdrawn", 2), ("tried", 2), ("restored", 1)] {
            let name = format!("{labels}transition=.={transition};.;serin_guard_transitions_total");
            assert_eq!(shop.proxy.metric(&name), Some(times), "{modules:?} {transition}");
        }
    }
}

#[test]
fn a_guard_knows_what_it_knew_after_a_new_configuration() {
    for modules in COMPLETE {
        let mut shop = Shop::open(modules, guarded());
        shop.canary = || response(500);
        shop.run(1.0);
        assert_eq!(shop.said().len(), 1);
        let mut other = guarded();
        other["guard"]["maxErrorPercent"] = 6.into();
        let configuration = canary(json!([weighted("v1", 50), weighted("v2", 50)]), other).to_string();
        shop.proxy.reconfigure(modules.iter().map(|_| configuration.clone())).expect("it is taken");
        assert_eq!(shop.run(1.5).canaries, 0, "{modules:?}");
    }
}

#[test]
fn a_canary_that_has_everything_leaves_it_to_the_others() {
    for modules in COMPLETE {
        let mut shop = Shop::split(modules, [0, 100], guarded());
        assert_eq!(shop.run(1.0).canaries, 100);
        shop.canary = || response(500);
        shop.run(1.0);
        assert_eq!(shop.run(1.0).canaries, 0, "{modules:?}");
    }
}

#[test]
fn what_others_answer_in_the_canarys_stead_is_not_held_against_it() {
    let mut shop = Shop::open(&[Module::Canary], guarded());
    shop.canary = || response(503).details("ext_authz_error");
    let seen = shop.run(3.0);
    assert!((145..=155).contains(&seen.canaries), "{seen:?}");
    assert_eq!(shop.said(), Vec::<String>::new());
}

#[test]
fn a_response_that_was_broken_off_is_an_error() {
    let mut shop = Shop::open(&[Module::Canary], guarded());
    shop.canary = || response(200).details("upstream_reset_after_response_started{protocol_error}");
    shop.run(1.0);
    assert_eq!(shop.said().len(), 1);
}

#[test]
fn one_error_in_a_hundred_never_withdraws_a_share() {
    let mut entry = guarded();
    entry["guard"] = json!({"subset": "v2", "maxErrorPercent": 5});
    let mut shop = Shop::open(&[Module::Canary], entry);
    let mut noise = 0x5e41_u32;
    for number in 0..20_000 {
        // Numerical Recipes' generator; its high bits are good enough for noise.
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        shop.canary = if noise >> 16 < 655 { || response(500) } else { || response(200) };
        shop.ask(number % 2);
        shop.proxy.advance(Duration::from_millis(2));
    }
    assert_eq!(shop.said(), Vec::<String>::new());
}

#[test]
fn a_canary_without_hosts_is_passed_over_and_tried_again_by_one_request_at_a_time() {
    for modules in COMPLETE {
        let mut shop = Shop::open(modules, json!({"split": {"mode": "exact"}, "failover": {"retryAfter": "2s"}}));
        shop.canary = || response(503).details("no_healthy_upstream");
        assert_eq!(shop.run(1.9).canaries, 1, "{modules:?}: the first one finds it");
        assert_eq!(shop.run(2.0).canaries, 1, "one tries again");
        assert_eq!(shop.run(2.0).canaries, 1);
        shop.canary = || response(200);
        shop.run(2.0);
        let back = shop.run(2.0);
        assert!((95..=105).contains(&back.canaries), "{modules:?}: {back:?}");
    }
}

#[test]
fn a_cluster_that_does_not_exist_is_passed_over_too() {
    let mut shop = Shop::open(&[Module::Canary], json!({"failover": {}}));
    shop.canary = || response(503).details("cluster_not_found");
    assert_eq!(shop.run(4.9).canaries, 1);
}

#[test]
fn a_503_of_the_upstream_itself_passes_nobody_over() {
    let mut shop = Shop::open(&[Module::Canary], json!({"split": {"mode": "exact"}, "failover": {}}));
    shop.canary = || response(503);
    let seen = shop.run(2.0);
    assert!((95..=105).contains(&seen.canaries), "{seen:?}");
}

#[test]
fn where_nobody_is_there_each_request_still_leaves() {
    let mut shop = Shop::open(&[Module::Canary], json!({"split": {"mode": "exact"}, "failover": {}}));
    let gone = || response(503).details("no_healthy_upstream");
    shop.canary = gone;
    for number in 0..200 {
        let mut exchange = shop.proxy.send(get(REVIEWS).on_worker(number % 2));
        assert!(exchange.upstream_header("x-serin-cluster").is_some());
        shop.proxy.respond(&mut exchange, gone());
        shop.proxy.finish(exchange);
    }
}

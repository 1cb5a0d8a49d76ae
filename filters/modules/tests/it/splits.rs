//! How a CanaryPolicy's splits come out on workers, proxies, and by the clock.

use crate::scene::{COMPLETE, canary, chain, cluster, proxy, rules, served, weighted};
use host_test::{Request, get, response};
use serde_json::{Value, json};
use serin_modules::Module;
use serin_traffic::{Sticky, Weights};
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

fn user(number: u32) -> Request {
    get(REVIEWS).header("end-user", number.to_string())
}

fn by_user() -> Value {
    json!({"mode": "sticky", "key": [{"header": "end-user"}]})
}

/// An hour's ramp that starts an hour after the host's clock does.
fn ramp(to: u32) -> Value {
    json!({"split": by_user(), "ramp":
        {"subset": "v2", "from": 0, "to": to, "start": "2026-01-01T01:00:00Z", "duration": "1h"}})
}

#[test]
fn exact_splits_are_exact_in_any_run_of_requests_on_each_worker() {
    for (weights, period) in [(&[70, 30][..], 10), (&[90, 10], 10), (&[33, 33, 34], 100), (&[1, 999], 1_000)] {
        let subsets = ["v1", "v2", "v3"];
        let route: Vec<Value> = subsets.iter().zip(weights).map(|(subset, weight)| weighted(subset, *weight)).collect();
        let configuration = canary(json!(route), json!({"split": {"mode": "exact"}}));
        let sum: u32 = weights.iter().sum();
        for modules in COMPLETE {
            let mut proxy = chain(modules, &configuration).workers(2).start();
            let mut by_worker = [Vec::new(), Vec::new()];
            // Both workers have a period and ten more.
            for n in 0..2 * (period + 10) {
                by_worker[n % 2].push(served(&mut proxy, get(REVIEWS).on_worker(n % 2)));
            }
            for subsets_in_order in &by_worker {
                for run in subsets_in_order.windows(period) {
                    for (subset, weight) in subsets.iter().zip(weights) {
                        let seen = run.iter().filter(|other| other.as_str() == *subset).count();
                        assert_eq!(seen, *weight as usize * period / sum as usize, "{modules:?} {weights:?}");
                    }
                }
            }
            assert_ne!(by_worker[0], by_worker[1], "workers do not move in step");
        }
    }
}

#[test]
fn a_key_meets_one_subset_on_every_worker_of_every_proxy() {
    let configuration = canary(json!([weighted("v1", 90), weighted("v2", 10)]), json!({"split": by_user()}));
    let sticky = Sticky::new(b"default/reviews/default");
    let names = ["v1", "v2"].map(|subset| format!("reviews.default.svc.cluster.local|{subset}"));
    let weights = Weights::new([90, 10]);
    for modules in COMPLETE {
        let mut proxies = [(); 2].map(|()| chain(modules, &configuration).workers(2).start());
        let mut in_canary = 0;
        for number in 0..300 {
            let key = number.to_string();
            let pick = sticky.pick(key.as_bytes(), names.iter().map(String::as_bytes), &weights);
            let place = pick.expect("there are weights").place;
            for proxy in &mut proxies {
                for worker in 0..2 {
                    assert_eq!(served(proxy, user(number).on_worker(worker)), ["v1", "v2"][place], "{number}");
                }
            }
            in_canary += place;
        }
        // Five standard deviations of 300 draws at a tenth are 26.
        assert!((4..=56).contains(&in_canary), "{in_canary}");
    }
}

#[test]
fn a_client_without_key_gets_a_cookie_and_is_known_by_it_from_then_on() {
    let key = json!([{"header": "end-user"}, {"issueCookie": {"name": "serin", "ttl": "24h", "path": "/shop"}}]);
    let entry = json!({"split": {"mode": "sticky", "key": key}});
    let configuration = canary(json!([weighted("v1", 50), weighted("v2", 50)]), entry);
    for modules in COMPLETE {
        let mut proxy = chain(modules, &configuration).workers(2).start();
        let mut cookies = Vec::new();
        for _ in 0..20 {
            let mut first = proxy.send(get(REVIEWS));
            let subset = first.upstream_header("x-serin-subset").expect("a destination was picked").to_owned();
            proxy.respond(&mut first, response(200).header("set-cookie", "theme=dark"));
            let answer = first.response().expect("the client was answered");
            let set: Vec<&[u8]> =
                answer.headers.iter().filter(|(name, _)| *name == "set-cookie").map(|(_, value)| value).collect();
            assert_eq!((set.len(), set[0]), (2, &b"theme=dark"[..]), "{modules:?}");
            let text = String::from_utf8(set[1].to_vec()).expect("it is text");
            let (cookie, attributes) = text.split_once("; ").expect("it has attributes");
            assert_eq!(attributes, "Path=/shop; Max-Age=86400; HttpOnly; SameSite=Lax");
            assert_eq!(cookie.len(), "serin=".len() + 22);
            assert!(!cookies.contains(&cookie.to_owned()), "each client gets another");
            cookies.push(cookie.to_owned());
            proxy.finish(first);
            for worker in 0..2 {
                let mut again = proxy.send(get(REVIEWS).header("cookie", format!("a=b; {cookie}")).on_worker(worker));
                assert_eq!(again.upstream_header("x-serin-subset"), Some(&*subset));
                proxy.respond(&mut again, response(200));
                let answer = again.response().expect("the client was answered");
                assert_eq!(answer.header("set-cookie"), None, "who has the cookie is given none");
            }
        }
    }
}

#[test]
fn an_answer_that_gives_a_cookie_is_kept_by_no_shared_cache() {
    let key = json!([{"issueCookie": {"name": "serin"}}]);
    let configuration =
        canary(json!([weighted("v1", 1), weighted("v2", 1)]), json!({"split": {"mode": "sticky", "key": key}}));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &configuration);
        let mut after = |answer, cookie: &str| {
            let mut exchange = proxy.send(get(REVIEWS).header("cookie", cookie));
            proxy.respond(&mut exchange, answer);
            let answer = exchange.response().expect("the client was answered");
            ["cache-control", "cdn-cache-control"].map(|name| answer.header(name).map(str::to_owned))
        };
        let private = |value: &str| Some(value.to_owned());
        assert_eq!(after(response(200), "a=b"), [private("private"), None], "{modules:?}");
        let public =
            || response(200).header("cache-control", "public, max-age=60").header("cdn-cache-control", "max-age=9");
        assert_eq!(after(public(), "a=b"), [private("private, max-age=60"), private("private, max-age=9")]);
        let stored_nowhere = response(200).header("cache-control", "no-store");
        assert_eq!(after(stored_nowhere, "a=b"), [private("no-store"), None]);
        let untouched = [private("public, max-age=60"), private("max-age=9")];
        assert_eq!(after(public(), "serin=known"), untouched, "no cookie is given");
        assert_eq!(after(public().header("set-cookie", "serin=its-own"), "a=b"), untouched, "nor here");
    }
}

#[test]
fn a_cookie_is_left_alone_if_the_answer_sets_it_and_secure_over_https() {
    let key = json!([{"issueCookie": {"name": "serin", "sameSite": "None"}}]);
    let configuration =
        canary(json!([weighted("v1", 1), weighted("v2", 1)]), json!({"split": {"mode": "sticky", "key": key}}));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &configuration);
        let mut set_cookie = |url: &str, answer| {
            let mut exchange = proxy.send(get(url));
            proxy.respond(&mut exchange, answer);
            let headers = &exchange.response().expect("the client was answered").headers;
            let set = headers.iter().filter(|(name, _)| *name == "set-cookie");
            set.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect::<Vec<_>>()
        };
        let own = response(200).header("set-cookie", "serin=upstreams; Path=/");
        assert_eq!(set_cookie(REVIEWS, own), ["serin=upstreams; Path=/"], "{modules:?}");
        let [secure] = &set_cookie("https://reviews:9080/", response(200))[..] else { panic!("one cookie is set") };
        assert!(secure.ends_with("; Path=/; HttpOnly; SameSite=None; Secure"), "{secure}");
        let [plain] = &set_cookie(REVIEWS, response(503))[..] else { panic!("one cookie is set") };
        assert!(plain.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{plain}");
    }
}

#[test]
fn a_ramp_goes_by_the_proxys_clock_and_whoever_is_in_stays_in() {
    let configuration = canary(json!([weighted("v1", 100), weighted("v2", 0)]), ramp(100));
    for modules in COMPLETE {
        let mut proxy = chain(modules, &configuration).workers(2).start();
        let mut before = Vec::new();
        let mut shares = Vec::new();
        for _ in 0..=8 {
            let is_in = |number| served(&mut proxy, user(number).on_worker(number as usize % 2)) == "v2";
            let now: Vec<bool> = (0..100).map(is_in).collect();
            assert!(before.iter().zip(&now).all(|(before, now)| now >= before), "somebody has left");
            shares.push(now.iter().filter(|is_in| **is_in).count());
            before = now;
            proxy.advance(Duration::from_secs(900));
        }
        assert_eq!((shares[..5].to_vec(), shares[8]), (vec![0; 5], 100), "{shares:?}");
        // Five standard deviations of 100 draws at a half are 25.
        assert!((25..=75).contains(&shares[6]), "{shares:?}");
    }
}

#[test]
fn a_ramp_goes_on_where_it_was_after_a_new_configuration_and_on_a_new_proxy() {
    let route = json!([weighted("v1", 100), weighted("v2", 0)]);
    let (configuration, other) = (canary(route.clone(), ramp(100)), canary(route, ramp(99)));
    for modules in COMPLETE {
        let mut old = proxy(modules, &configuration);
        let mut new = proxy(modules, &configuration);
        for proxy in [&mut old, &mut new] {
            proxy.advance(Duration::from_secs(5_400));
        }
        let all = |proxy: &mut host_test::Proxy| (0..100).map(|number| served(proxy, user(number))).collect::<Vec<_>>();
        let seen = all(&mut old);
        assert_eq!(all(&mut new), seen, "{modules:?}");
        old.reconfigure(modules.iter().map(|_| other.to_string())).expect("it is taken");
        let moved = all(&mut old).iter().zip(&seen).filter(|(now, before)| now != before).count();
        assert!(moved <= 3, "half a percent less moves at most a few: {moved}");
    }
}

#[test]
fn exact_turns_begin_anew_with_each_configuration() {
    let configuration = |weights: [u32; 2]| {
        let route = json!([weighted("v1", weights[0]), weighted("v2", weights[1])]);
        canary(route, json!({"split": {"mode": "exact"}}))
    };
    let mut proxy = proxy(&[Module::Canary], &configuration([70, 30]));
    let canaries = |proxy: &mut host_test::Proxy| (0..20).filter(|_| served(proxy, get(REVIEWS)) == "v2").count();
    assert_eq!(canaries(&mut proxy), 6);
    proxy.reconfigure([configuration([50, 50]).to_string()]).expect("it is taken");
    assert_eq!(canaries(&mut proxy), 10);
}

#[test]
fn a_rule_for_a_group_leaves_all_others_to_the_next_one() {
    let mut rules = rules(json!([
        {"name": "canary", "route": [weighted("v2", 100)]},
        {"name": "default", "route": [weighted("v1", 100)]},
    ]));
    rules["resources"].as_array_mut().unwrap().push(json!({
        "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews"},
        "spec": {"virtualService": "reviews", "routes": [{"route": "canary", "when": [
            {"cookies": {"group": {"exact": "beta"}}}, {"sourceIp": ["10.0.0.0/8"]}]}]}}));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let mut to = |request| proxy.send(request).upstream_header("x-serin-cluster").map(str::to_owned);
        assert_eq!(to(get(REVIEWS)), Some(cluster("v1")), "{modules:?}");
        assert_eq!(to(get(REVIEWS).header("cookie", "a=b; group=beta")), Some(cluster("v2")), "{modules:?}");
        assert_eq!(
            to(get(REVIEWS).property(["source", "address"], "10.1.2.3:4711")),
            Some(cluster("v2")),
            "{modules:?}"
        );
        assert_eq!(to(get(REVIEWS).property(["source", "address"], "[::ffff:11.1.2.3]:1")), Some(cluster("v1")));
    }
}

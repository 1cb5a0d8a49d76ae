//! Splits: exact, sticky, growing by the clock, and withdrawn where a destination fails.

use crate::scene::{COMPLETE, chain, cluster, proxy, rules, weighted};
use host_test::{Exchange, Proxy, get, response};
use serde_json::{Value, json};
use serin_traffic::{Sticky, Weights};
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1";
const SECOND: Duration = Duration::from_secs(1);

/// One rule, `all`, with these weights of v1, v2 and so on, and what a CanaryPolicy says of it.
fn released(weights: &[u32], said: Value) -> Value {
    let destinations: Vec<Value> =
        weights.iter().enumerate().map(|(place, weight)| weighted(&format!("v{}", place + 1), *weight)).collect();
    let mut rules = rules(json!([{"name": "all", "route": destinations}]));
    let mut route = json!({"route": "all"});
    route.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
    rules["resources"].as_array_mut().unwrap().push(json!({
        "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews"},
        "spec": {"virtualService": "reviews", "routes": [route]}}));
    rules
}

fn revealed(mut rules: Value) -> Value {
    rules["resources"][1]["spec"]["reveal"] = json!(true);
    rules
}

fn subset(exchange: &Exchange) -> String {
    exchange.upstream_header("x-serin-subset").expect("it has a subset").to_owned()
}

/// The subset of a request of `user` on a worker; the request is answered with `status`.
fn ask(proxy: &mut Proxy, user: &str, worker: usize, status: impl Fn(&str) -> u32) -> String {
    let mut exchange = proxy.send(get(REVIEWS).header("user", user).on_worker(worker));
    let subset = subset(&exchange);
    proxy.respond(&mut exchange, response(status(&subset)));
    proxy.finish(exchange);
    subset
}

fn sticky() -> Value {
    json!({"split": {"mode": "sticky", "key": [{"header": "user"}]}})
}

#[test]
fn every_window_of_an_exact_split_has_exactly_its_weights_on_each_worker() {
    for (weights, window) in [(&[70, 30][..], 10), (&[90, 10], 10), (&[33, 33, 34], 100), (&[1, 999], 1_000)] {
        let rules = released(weights, json!({"split": {"mode": "exact"}}));
        for modules in COMPLETE {
            let mut proxy = chain(modules, &rules).workers(2).start();
            for worker in 0..2 {
                let seen: Vec<String> =
                    (0..window * 2 + 7).map(|_| subset(&proxy.send(get(REVIEWS).on_worker(worker)))).collect();
                let reduced =
                    weights.iter().map(|weight| *weight as usize * window / weights.iter().sum::<u32>() as usize);
                let expected: Vec<usize> = reduced.collect();
                for run in seen.windows(window) {
                    let counts = (1..=weights.len())
                        .map(|version| run.iter().filter(|subset| **subset == format!("v{version}")).count());
                    assert_eq!(counts.collect::<Vec<_>>(), expected, "{weights:?} {modules:?}");
                }
            }
            if window > 100 {
                break;
            }
        }
    }
}

#[test]
fn a_key_meets_the_same_subset_on_every_proxy_and_worker_and_in_every_program() {
    let rules = released(&[90, 10], sticky());
    let (sticky, weights) = (Sticky::new(b"default/reviews/all"), Weights::new([90, 10]));
    let names = ["v1", "v2"].map(|subset| format!("reviews.default.svc.cluster.local|{subset}"));
    let mut proxies = COMPLETE.map(|modules| chain(modules, &rules).workers(2).start());
    let mut of_v2 = 0;
    for number in 0..300 {
        let user = format!("user-{number}");
        let place = sticky.pick(user.as_bytes(), names.iter().map(String::as_bytes), &weights).unwrap().place;
        of_v2 += place;
        for proxy in &mut proxies {
            for worker in 0..2 {
                let exchange = proxy.send(get(REVIEWS).header("user", user.clone()).on_worker(worker));
                assert_eq!(subset(&exchange), format!("v{}", place + 1), "{user}");
            }
        }
    }
    assert!((12..=50).contains(&of_v2), "{of_v2} of 300");
}

#[test]
fn a_client_without_a_key_is_given_one_and_keeps_its_subset() {
    let issue = json!({"issueCookie": {"name": "serin", "ttl": "24h", "path": "/shop"}});
    let rules = released(&[50, 50], json!({"split": {"mode": "sticky", "key": [{"header": "user"}, issue]}}));
    for modules in COMPLETE {
        let mut proxy = chain(modules, &rules).workers(2).start();
        for url in [REVIEWS, "https://reviews:9080/"] {
            for _ in 0..20 {
                let mut first = proxy.send(get(url));
                proxy.respond(&mut first, response(200).header("set-cookie", "other=1"));
                let answer = first.response().expect("it is answered").clone();
                let cookies: Vec<String> = answer
                    .headers
                    .iter()
                    .filter(|(name, _)| *name == "set-cookie")
                    .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
                    .collect();
                let [_, cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
                let (value, attributes) = cookie.split_once("; ").unwrap();
                let secure = if url.starts_with("https") { "; Secure" } else { "" };
                assert_eq!(attributes, format!("Path=/shop; Max-Age=86400; HttpOnly; SameSite=Lax{secure}"));
                let mut again = proxy.send(get(url).header("cookie", format!("a=b; {value}")).on_worker(1));
                assert_eq!(subset(&again), subset(&first), "{modules:?}");
                proxy.respond(&mut again, response(200));
                assert_eq!(again.response().unwrap().header("set-cookie"), None, "it has one");
            }
        }
        let mut own = proxy.send(get(REVIEWS));
        proxy.respond(&mut own, response(200).header("set-cookie", "serin=upstream; Path=/"));
        assert_eq!(own.response().unwrap().header("set-cookie"), Some("serin=upstream; Path=/"), "it is left alone");
        let mut named = proxy.send(get(REVIEWS).header("user", "mary"));
        proxy.respond(&mut named, response(200));
        assert_eq!(named.response().unwrap().header("set-cookie"), None, "a header is a key, too");
    }
}

/// From nobody to everybody in a hundred seconds.
fn ramp(start: &str) -> Value {
    let mut said = sticky();
    said["ramp"] = json!({"subset": "v2", "from": 0, "to": 100, "start": start, "duration": "100s"});
    said
}

#[test]
fn a_ramp_moves_users_one_way_through_configurations_and_restarts() {
    // The host's clock begins with 2026 each time: a ramp that is a function of time goes on where it was.
    let rules = released(&[100, 0], ramp("2026-01-01T00:00:00Z"));
    for modules in COMPLETE {
        let mut proxy = chain(modules, &rules).workers(2).start();
        let users: Vec<String> = (0..200).map(|number| format!("user-{number}")).collect();
        let mut inside: Vec<bool> = vec![false; users.len()];
        for step in 0..=10 {
            if step == 4 {
                let mut other = rules.clone();
                other["unmatched"] = json!("pass");
                proxy.reconfigure(modules.iter().map(|_| other.to_string())).expect("it is taken");
            }
            if step == 7 {
                proxy = chain(modules, &rules).workers(2).start();
                proxy.advance(SECOND * 70);
            }
            let mut count = 0;
            for (user, inside) in users.iter().zip(&mut inside) {
                let is_inside = ask(&mut proxy, user, step % 2, |_| 200) == "v2";
                assert!(is_inside || !*inside, "{user} is moved back at {step}0 s");
                *inside = is_inside;
                count += usize::from(is_inside);
            }
            let expected = step * 20;
            assert!(count.abs_diff(expected) <= 25, "{count} of 200 at {step}0 s");
            proxy.advance(SECOND * 10);
        }
        assert!(inside.iter().all(|inside| *inside), "at the end everybody is in");
    }
}

fn guarded() -> Value {
    json!({"guard": {"subset": "v2", "maxErrorPercent": 10, "minRequests": 20, "window": "10s", "hold": "60s"}})
}

/// How many of `count` requests, 100 a second over two workers, v2 gets if it answers with `status`.
fn share(proxy: &mut Proxy, count: usize, status: u32) -> usize {
    let mut seen = 0;
    for number in 0..count {
        proxy.advance(Duration::from_millis(10));
        seen +=
            usize::from(ask(proxy, "anybody", number % 2, |subset| if subset == "v2" { status } else { 200 }) == "v2");
    }
    seen
}

fn transitions(proxy: &Proxy) -> Vec<String> {
    let lines = proxy.log().into_iter().map(|line| line.message);
    lines.filter(|line| line.contains("default/reviews/all v2: ")).collect()
}

#[test]
fn a_canary_that_turns_bad_loses_its_share_on_all_workers_and_gets_it_back() {
    for modules in COMPLETE {
        let mut proxy = chain(modules, &released(&[50, 50], guarded())).workers(2).start();
        let healthy = share(&mut proxy, 400, 200);
        assert!((120..=280).contains(&healthy), "{healthy}");
        assert!(transitions(&proxy).is_empty());

        share(&mut proxy, 1_000, 503);
        assert_eq!(transitions(&proxy).len(), 1, "{:?}", transitions(&proxy));
        assert!(transitions(&proxy)[0].contains("share withdrawn for 1m"), "{:?}", transitions(&proxy));
        assert_eq!(share(&mut proxy, 500, 503), 0, "{modules:?}: on both workers");

        proxy.advance(SECOND * 50);
        let trial = share(&mut proxy, 1_000, 200);
        assert!((5..=120).contains(&trial), "a tenth of its share, {trial}");
        share(&mut proxy, 6_000, 200);
        let again = share(&mut proxy, 400, 200);
        assert!((120..=280).contains(&again), "{again}");
        let told = transitions(&proxy);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[1].contains("tried again") && told[2].contains("share restored"), "{told:?}");

        let labels = "virtual_service=.=default/reviews;.;route=.=all;.;subset=.=v2;.;";
        assert_eq!(proxy.metric(&format!("{labels}serin_guard_share")), Some(100));
        for transition in ["withdrawn", "tried", "restored"] {
            let name = format!("{labels}transition=.={transition};.;serin_guard_transitions_total");
            assert_eq!(proxy.metric(&name), Some(1), "{transition}");
        }
    }
}

#[test]
fn noise_of_one_percent_in_twenty_thousand_requests_withdraws_nothing() {
    let said = json!({"guard": {"subset": "v2", "maxErrorPercent": 5, "minRequests": 100, "window": "30s"}});
    let mut proxy = chain(COMPLETE[1], &released(&[50, 50], said)).workers(2).start();
    let mut random = 7_u64;
    for number in 0..20_000 {
        proxy.advance(Duration::from_millis(5));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let status = if random >> 33 < (1 << 31) / 100 { 503 } else { 200 };
        ask(&mut proxy, "anybody", number % 2, |_| status);
    }
    assert!(transitions(&proxy).is_empty(), "{:?}", transitions(&proxy));
}

#[test]
fn a_canary_that_has_everything_leaves_it_to_the_others() {
    let mut proxy = chain(COMPLETE[1], &released(&[0, 100], guarded())).workers(2).start();
    assert_eq!(share(&mut proxy, 100, 200), 100);
    share(&mut proxy, 1_000, 500);
    assert_eq!(share(&mut proxy, 200, 500), 0);
}

#[test]
fn requests_pass_a_destination_over_that_has_no_host_until_it_is_back() {
    let rules = released(&[50, 50], json!({"split": {"mode": "exact"}, "failover": {"retryAfter": "5s"}}));
    for modules in COMPLETE {
        let mut proxy = chain(modules, &rules).workers(2).start();
        let mut ask = |worker: usize, gone: bool| {
            let mut request = get(REVIEWS).on_worker(worker);
            if gone {
                request = request.property(["response", "code_details"], "no_healthy_upstream");
            }
            let mut exchange = proxy.send(request);
            let subset = subset(&exchange);
            proxy.respond(&mut exchange, response(if gone && subset == "v2" { 503 } else { 200 }));
            proxy.finish(exchange);
            proxy.advance(Duration::from_millis(100));
            subset
        };
        let seen: Vec<String> = (0..10).map(|_| ask(0, false)).collect();
        assert_eq!(seen.iter().filter(|subset| *subset == "v2").count(), 5);
        let failed = (0..2).filter(|_| ask(0, true) == "v2").count();
        assert_eq!(failed, 1, "that one cannot be sent again");
        for worker in [0, 1] {
            assert!((0..10).all(|_| ask(worker, false) == "v1"), "{modules:?}: worker {worker} passes it over");
        }
        let later: Vec<String> = (0..60).map(|_| ask(1, false)).collect();
        assert!(later[50..].iter().filter(|subset| *subset == "v2").count() == 5, "it is back: {later:?}");
    }
}

#[test]
fn an_answer_says_how_it_was_decided_if_it_is_to() {
    let rules = revealed(released(&[90, 10], sticky()));
    let mut texts = Vec::new();
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let mut exchange = proxy.send(get(REVIEWS).header("user", "mary").header("x-serin-decision", "fake"));
        proxy.respond(&mut exchange, response(200).header("x-serin-decision", "fake"));
        let answer = exchange.response().expect("it is answered");
        let values = answer.headers.iter().filter(|(name, _)| *name == "x-serin-decision").count();
        assert_eq!(values, 1, "{modules:?}");
        texts.push(answer.header("x-serin-decision").expect("it is said").to_owned());
    }
    assert_eq!(texts[0], texts[1]);
    let (what, rest) = texts[0].split_once(" ticket=").expect("it has a ticket");
    assert!(what.starts_with("default/reviews/all v") && what.ends_with(" sticky=header:user"), "{what}");
    let (ticket, weight) = rest.split_once(" weight=").expect("it has a weight");
    assert!(ticket.len() == 6 && (weight == "10" || weight == "90"), "{rest}");

    let mut silent = proxy(COMPLETE[1], &released(&[90, 10], sticky()));
    let mut exchange = silent.send(get(REVIEWS));
    silent.respond(&mut exchange, response(200));
    assert_eq!(exchange.response().unwrap().header("x-serin-decision"), None);
}

#[test]
fn answers_of_the_filters_own_say_how_they_were_decided_too() {
    let mut rules = revealed(released(&[90, 10], sticky()));
    rules["resources"][0]["spec"]["http"][0]["match"] = json!([{"uri": {"prefix": "/reviews"}}]);
    rules["resources"][0]["spec"]["http"].as_array_mut().unwrap().push(json!({
        "name": "moved", "match": [{"uri": {"prefix": "/old"}}], "redirect": {"uri": "/new"}}));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        for (url, decision) in
            [("http://reviews:9080/old", "default/reviews/moved"), ("http://reviews:9080/", "default/reviews")]
        {
            let exchange = proxy.send(get(url));
            let reply = exchange.response().or(exchange.reply()).expect("it is answered");
            assert_eq!(reply.header("x-serin-decision"), Some(decision), "{modules:?} {url}");
        }
    }
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

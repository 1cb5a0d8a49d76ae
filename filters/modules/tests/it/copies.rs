//! Copies that the filter sends itself: what they must not take from their primaries, and leave behind.

use crate::scene::{COMPLETE, chain, cluster, proxy, rules, to};
use crate::shadows::{all_to_v2, dropped, judged, mirrored, sent};
use host_test::{Proxy, Request, get, post, response};
use serde_json::{Value, json};
use serin_modules::Module::{self, Canary, ShadowMirror};
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1";
const TICK: Duration = Duration::from_millis(1);

fn compared() -> Value {
    mirrored(all_to_v2(), json!({"delivery": "callout", "compare": {"status": true, "body": true}}))
}

#[test]
fn a_copy_has_neither_the_timeout_nor_the_retries_of_its_primary() {
    let mut rules = mirrored(all_to_v2(), json!({"delivery": "callout", "timeout": "1s"}));
    let rule = &mut rules["resources"][0]["spec"]["http"][0];
    rule["timeout"] = json!("10s");
    rule["retries"] = json!({"attempts": 3, "perTryTimeout": "2s", "retryOn": "5xx"});
    for modules in [&Module::CHAIN[..], &[Canary]] {
        let mut proxy = proxy(modules, &rules);
        let exchange = proxy.send(get(REVIEWS));
        assert_eq!(exchange.upstream_header("x-envoy-upstream-rq-timeout-ms"), Some("10000"), "{modules:?}");
        proxy.advance(TICK);
        let call = proxy.only_call_to(&cluster("v2"));
        let told: Vec<_> = call.headers.iter().filter(|(name, _)| name.starts_with("x-envoy-")).collect();
        assert!(told.is_empty(), "{modules:?} {told:?}");
        assert_eq!(call.timeout, Some(Duration::from_secs(1)));
    }
}

#[test]
fn a_request_whose_client_goes_away_amid_its_body_is_not_copied() {
    for modules in [&[ShadowMirror][..], &[Canary], &Module::CHAIN] {
        let mut proxy = proxy(modules, &compared());
        let exchange = proxy.send(post(REVIEWS).chunk("half").abandoned());
        proxy.finish(exchange);
        proxy.advance(TICK);
        assert!(proxy.calls().is_empty(), "{modules:?}");
        assert_eq!(dropped(&proxy, "v2", "aborted"), 1, "{modules:?}");
    }
}

#[test]
fn a_copy_carries_the_trailers_of_its_primary() {
    let mut proxy = proxy(&[Canary], &compared());
    proxy.send(post(REVIEWS).body("body").trailer("x-checksum", "1"));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    assert_eq!((call.body.as_slice(), call.trailers.text("x-checksum")), (&b"body"[..], Some("1")));
}

#[test]
fn a_request_that_becomes_a_tunnel_is_never_copied() {
    let policies =
        [compared(), mirrored(all_to_v2(), json!({})), rules(json!([{"route": [to("v1")], "mirrors": [to("v2")]}]))];
    for rules in policies {
        for modules in [&Module::CHAIN[..], &[Canary]] {
            let mut proxy = proxy(modules, &rules);
            let upgrade: Request = get(REVIEWS).header("connection", "upgrade").header("upgrade", "websocket");
            let exchange = proxy.send(upgrade);
            proxy.advance(TICK);
            assert_eq!(exchange.upstream_header("x-serin-shadow-1"), None, "{modules:?}");
            assert!(proxy.calls().is_empty(), "{modules:?}");
            let counted = proxy.metrics().into_iter().find(|(name, _)| name.contains("reason=.=upgrade;.;"));
            assert_eq!(counted.map(|(_, count)| count), Some(1), "{modules:?}");
        }
    }
}

#[test]
fn an_answer_that_the_proxy_made_up_is_none_of_the_shadow() {
    let mut proxy = proxy(&[Canary], &compared());
    let mut ask = |become_of: &dyn Fn(&mut Proxy)| {
        let mut exchange = proxy.send(get(REVIEWS));
        proxy.respond(&mut exchange, response(200));
        proxy.finish(exchange);
        proxy.advance(TICK);
        become_of(&mut proxy);
        ["match", "status_mismatch", "shadow_error"].map(|result| judged(&proxy, result))
    };
    let only = |proxy: &Proxy| proxy.only_call_to(&cluster("v2"));
    assert_eq!(ask(&|proxy| proxy.fail(only(proxy))), [0, 0, 1], "it cannot be reached");
    assert_eq!(ask(&|proxy| proxy.advance(Duration::from_secs(5))), [0, 0, 2], "it takes too long");
    assert_eq!(ask(&|proxy| proxy.reset(only(proxy))), [0, 0, 3], "it says too much");
    let own = || response(503).header("x-envoy-upstream-service-time", "3");
    assert_eq!(ask(&|proxy| proxy.answer(only(proxy), own())), [0, 1, 3], "it says so itself");
    assert_eq!(ask(&|proxy| proxy.answer(only(proxy), response(500))), [0, 2, 3]);
}

const CALLING: [&[Module]; 3] = [&[ShadowMirror], &[Canary], &Module::CHAIN];

#[test]
fn uploads_that_do_not_end_take_no_place_of_others_and_are_given_up_in_time() {
    let rules = mirrored(all_to_v2(), json!({"delivery": "callout", "maxInFlight": 2, "timeout": "3s"}));
    for modules in CALLING {
        let mut proxy = proxy(modules, &rules);
        let idle: Vec<_> = (0..100).map(|_| proxy.send(post(REVIEWS).chunk("half").abandoned())).collect();
        proxy.send(get(REVIEWS));
        proxy.advance(TICK);
        let call = proxy.only_call_to(&cluster("v2"));
        proxy.answer(call, response(200));
        assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "slow")), (1, 0), "{modules:?}");
        proxy.advance(Duration::from_secs(3));
        assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "slow")), (1, 100), "{modules:?}");
        for exchange in idle {
            proxy.finish(exchange);
        }
        assert_eq!(dropped(&proxy, "v2", "aborted"), 0, "each is counted once");
    }
}

/// A request with a body of so many bytes, in the parts in which a proxy reads.
fn upload(mebibytes: usize) -> Request {
    (0..mebibytes * 16).fold(post(REVIEWS), |request, _| request.chunk(vec![b'a'; 1 << 16]))
}

#[test]
fn all_rules_and_configurations_of_a_vm_have_one_budget_for_bodies() {
    let callout = json!({"delivery": "callout", "maxBodyBytes": 64 << 20});
    let mut proxy = chain(&[Canary], &mirrored(all_to_v2(), callout.clone())).start();
    let fill = |proxy: &mut Proxy| -> Vec<_> { (0..10).map(|_| proxy.send(upload(20).abandoned())).collect() };
    let mut open = fill(&mut proxy);
    // Each has room for 32 MiB, and room is made beside what there is: a fourth would want 16 and 32 of the last 32.
    assert_eq!(dropped(&proxy, "v2", "memory"), 7, "three of 20 MiB take 96 of 128");
    let mut other = mirrored(all_to_v2(), callout);
    other["unmatched"] = json!("pass");
    proxy.reconfigure([other.to_string()]).expect("it is taken");
    open.extend(fill(&mut proxy));
    assert_eq!(dropped(&proxy, "v2", "memory"), 17, "the old configuration has it all");
    assert!(proxy.memory() < 256 << 20, "{}", proxy.memory());
    proxy.send(get(REVIEWS));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    proxy.answer(call, response(200));
    assert_eq!(sent(&proxy, "v2"), 1, "who has no body is copied all the same");
    for exchange in open {
        assert_eq!(exchange.upstream_body().len(), 20 << 20, "the primary goes on");
        proxy.finish(exchange);
    }
    proxy.send(upload(60));
    proxy.advance(TICK);
    assert_eq!(proxy.only_call_to(&cluster("v2")).body.len(), 60 << 20, "what was given up is free again");
}

#[test]
fn a_request_that_went_to_no_upstream_is_not_copied() {
    for modules in CALLING {
        let mut proxy = proxy(modules, &compared());
        for (details, whole) in
            [("cluster_not_found", true), ("no_healthy_upstream", true), ("ext_authz_denied", false)]
        {
            let request = if whole { get(REVIEWS) } else { post(REVIEWS).chunk("half").abandoned() };
            let mut exchange = proxy.send(request);
            proxy.respond(&mut exchange, response(503).details(details));
            proxy.finish(exchange);
            proxy.advance(TICK);
        }
        assert!(proxy.calls().is_empty(), "{modules:?}");
        assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "unrouted")), (0, 3), "{modules:?}");
        let mut exchange = proxy.send(get(REVIEWS));
        let refused = "upstream_reset_before_response_started{remote_connection_failure}";
        proxy.respond(&mut exchange, response(503).details(refused));
        proxy.advance(TICK);
        assert_eq!(proxy.calls_to(&cluster("v2")).len(), 1, "Envoy's router has mirrored it by then");
    }
}

/// Copies to v2 of all requests, which a fault delays by two seconds; the body of each may take one.
fn delayed() -> Value {
    let compare = json!({"status": true});
    let mut rules =
        mirrored(all_to_v2(), json!({"delivery": "callout", "timeout": "1s", "maxBodyBytes": 8, "compare": compare}));
    rules["resources"][0]["spec"]["http"][0]["fault"] =
        json!({"delay": {"fixedDelay": "2s", "percentage": {"value": 100}}});
    rules
}

const DELAY: Duration = Duration::from_secs(2);

fn bodies(proxy: &Proxy) -> Vec<Vec<u8>> {
    proxy.calls_to(&cluster("v2")).into_iter().map(|call| call.body).collect()
}

#[test]
fn the_copies_of_a_request_that_a_fault_delays_are_sent_when_it_goes_on() {
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &delayed());
        let get = proxy.send(get(REVIEWS));
        let post = proxy.send(post(REVIEWS).chunk("a").chunk("b"));
        proxy.advance(DELAY - TICK);
        assert!(get.paused() && post.paused() && proxy.calls().is_empty(), "{modules:?}");
        proxy.advance(TICK);
        assert!(!get.paused() && !post.paused() && proxy.calls().is_empty(), "{modules:?}");
        proxy.advance(TICK);
        assert_eq!(bodies(&proxy), [&b""[..], b"ab"], "{modules:?}");
        assert_eq!(dropped(&proxy, "v2", "slow"), 0, "the proxy had it all");
    }
}

#[test]
fn the_body_of_a_delayed_request_has_its_time_from_when_the_request_goes_on() {
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &delayed());
        let exchange = proxy.send(post(REVIEWS).chunk("half").abandoned());
        proxy.advance(DELAY + Duration::from_millis(990));
        assert_eq!((exchange.upstream_body().len(), dropped(&proxy, "v2", "slow")), (4, 0), "{modules:?}");
        proxy.advance(Duration::from_millis(20));
        assert_eq!(dropped(&proxy, "v2", "slow"), 1, "{modules:?}");
    }
}

#[test]
fn a_request_whose_client_leaves_while_it_is_delayed_is_not_copied() {
    // In a chain it waits before shadow-mirror, which never sees it.
    for (modules, counted) in [(COMPLETE[0], 0), (COMPLETE[1], 3)] {
        let mut proxy = proxy(modules, &delayed());
        let left = [get(REVIEWS), post(REVIEWS).chunk("a").chunk("b"), post(REVIEWS).chunk("half").abandoned()]
            .map(|request| proxy.send(request));
        proxy.advance(DELAY / 2);
        for exchange in left {
            proxy.finish(exchange);
        }
        let count = |proxy: &Proxy| ["unrouted", "aborted", "slow"].map(|reason| dropped(proxy, "v2", reason));
        assert_eq!(count(&proxy), [counted, 0, 0], "{modules:?}");
        proxy.advance(DELAY * 2);
        assert!(proxy.calls().is_empty(), "{modules:?}");
        assert_eq!(count(&proxy), [counted, 0, 0], "each is counted once");
    }
}

#[test]
fn a_delayed_request_that_went_to_no_upstream_is_not_copied() {
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &delayed());
        let mut exchange = proxy.send(get(REVIEWS));
        proxy.advance(DELAY);
        proxy.respond(&mut exchange, response(503).details("no_healthy_upstream"));
        proxy.finish(exchange);
        proxy.advance(TICK);
        assert!(proxy.calls().is_empty(), "{modules:?}");
        assert_eq!(dropped(&proxy, "v2", "unrouted"), 1, "{modules:?}");
    }
}

#[test]
fn a_request_that_is_delayed_over_a_change_of_the_configuration_is_copied_as_it_was_to_be() {
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &delayed());
        let exchange = proxy.send(post(REVIEWS).chunk("body"));
        let other = rules(json!([{"route": [to("v3")]}])).to_string();
        proxy.reconfigure(modules.iter().map(|_| other.clone())).expect("it is taken");
        proxy.advance(DELAY);
        assert!(!exchange.paused(), "{modules:?}");
        proxy.finish(exchange);
        proxy.advance(TICK);
        let call = proxy.only_call_to(&cluster("v2"));
        assert_eq!(call.body, b"body", "{modules:?}");
        proxy.answer(call, response(200));
        assert_eq!((sent(&proxy, "v2"), dropped(&proxy, "v2", "ended")), (1, 0), "{modules:?}");
    }
}

#[test]
fn a_delay_is_no_time_that_the_answer_took() {
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &delayed());
        let mut exchange = proxy.send(get(REVIEWS));
        proxy.advance(DELAY + TICK);
        let call = proxy.only_call_to(&cluster("v2"));
        proxy.advance(Duration::from_millis(30));
        proxy.respond(&mut exchange, response(200));
        proxy.answer(call, response(200));
        let of = |metric: &str| {
            let name = proxy.metrics().into_iter().map(|(name, _)| name).find(|name| name.ends_with(metric));
            proxy.histogram(&name.expect("it was compared"))
        };
        let latencies = [of("serin_primary_latency_ms"), of("serin_shadow_latency_ms")];
        assert_eq!(latencies, [[31], [30]], "{modules:?}");
    }
}

#[test]
fn whoever_does_not_wait_for_a_delayed_request_takes_none_of_the_memory_for_copies() {
    let mut proxy = proxy(&[Canary], &delayed());
    let large = || get(REVIEWS).header("x-large", vec![b'a'; 16 << 20]);
    for _ in 0..20 {
        let exchange = proxy.send(large());
        proxy.finish(exchange);
    }
    assert_eq!((dropped(&proxy, "v2", "memory"), dropped(&proxy, "v2", "unrouted")), (0, 20));
    let waiting: Vec<_> = (0..20).map(|_| proxy.send(large())).collect();
    assert_eq!(dropped(&proxy, "v2", "memory"), 5, "256 MiB have room for 15, and for what else is in them");
    drop(waiting);
}

#[test]
fn a_copy_that_could_not_be_sent_is_not_counted_as_sent() {
    let mut proxy = proxy(&[Canary], &compared());
    let mut become_of = |end: &dyn Fn(&mut Proxy)| {
        proxy.send(get(REVIEWS));
        proxy.advance(TICK);
        end(&mut proxy);
        (sent(&proxy, "v2"), dropped(&proxy, "v2", "refused"))
    };
    let only = |proxy: &Proxy| proxy.only_call_to(&cluster("v2"));
    assert_eq!(become_of(&|proxy| proxy.fail(only(proxy))), (0, 1), "no connection");
    assert_eq!(become_of(&|proxy| proxy.answer(only(proxy), response(503).body("no healthy upstream"))), (0, 2));
    assert_eq!(become_of(&|proxy| proxy.reset(only(proxy))), (1, 2), "the answer was too large");
    assert_eq!(become_of(&|proxy| proxy.advance(Duration::from_secs(5))), (2, 2), "it has it, and says nothing");
    assert_eq!(become_of(&|proxy| proxy.answer(only(proxy), response(200))), (3, 2));
}

#[test]
fn what_the_client_sends_is_printable_in_the_log() {
    let everything = json!({"delivery": "callout", "compare": {"status": true, "sampleLog": 100}});
    let mut rules = mirrored(all_to_v2(), everything);
    rules["resources"][0]["spec"]["http"][0]["name"] = json!("b\u{f6}se\u{202e}\n");
    rules["resources"][1]["spec"]["routes"][0]["route"] = json!("b\u{f6}se\u{202e}\n");
    let mut proxy = proxy(&[Canary], &rules);
    let hostile = "http://reviews:9080/a\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\n[critical] forged";
    let mut exchange = proxy.send(get(hostile));
    proxy.respond(&mut exchange, response(200));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    proxy.answer(call, response(500));
    let long = format!("http://reviews:9080/{}", "x\u{202e}".repeat(20_000));
    let mut exchange = proxy.send(get(&long));
    proxy.respond(&mut exchange, response(200));
    proxy.advance(TICK);
    let call = proxy.only_call_to(&cluster("v2"));
    proxy.answer(call, response(500));
    let _ = proxy.reconfigure(["{\"resources\": [{\"kind\": \"\u{202e}\u{1b}[2J\"}]}"]);
    let lines: Vec<String> = proxy.log().into_iter().map(|line| line.message).collect();
    let said = r"default/reviews/b\u{f6}se\u{202e}\n GET /a\u{1b}[2J\u{9b}31m\u{202e}\u{2028}\n[critical] forged: status_mismatch";
    assert!(lines.iter().any(|line| line.starts_with(said)), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("refused")), "{lines:#?}");
    for text in lines.iter().chain(proxy.metrics().iter().map(|(name, _)| name)) {
        assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
        assert!(text.len() < 1_000, "{text}");
    }
}

/// Sends requests of several kinds, each answered, copied, and compared.
fn mirror(proxy: &mut Proxy, count: usize) {
    for number in 0..count {
        let request = match number % 10 {
            0 => post(REVIEWS).chunk(vec![b'a'; 20_000]).chunk("b"),
            1 => post(REVIEWS).chunk("half").abandoned(),
            _ => get(REVIEWS),
        };
        let mut exchange = proxy.send(request);
        if number % 10 != 1 {
            proxy.respond(&mut exchange, response(200).body("answer"));
        }
        proxy.finish(exchange);
        proxy.advance(TICK);
        match (proxy.calls_to(&cluster("v2")).pop(), number % 3) {
            (Some(call), 0) => proxy.reset(call),
            (Some(call), _) => proxy.answer(call, response(200).body("answer")),
            (None, _) => {}
        }
        proxy.forget_answered_calls();
    }
}

/// A million with `SERIN_MIRRORED=1000000`, which takes minutes.
#[test]
fn copies_leave_nothing_behind_in_the_filter() {
    let count = std::env::var("SERIN_MIRRORED").map_or(40_000, |count| count.parse().expect("a number"));
    let mut proxy = proxy(&[Canary], &compared());
    mirror(&mut proxy, 10_000);
    let before = proxy.memory();
    assert!(before > 0);
    mirror(&mut proxy, count - 10_000);
    assert_eq!(proxy.memory(), before);
}

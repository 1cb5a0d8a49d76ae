//! Copies that the filter sends itself: what they must not take from their primaries, and leave behind.

use crate::scene::{cluster, proxy, rules, to};
use crate::shadows::{all_to_v2, dropped, judged, mirrored};
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

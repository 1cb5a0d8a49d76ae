//! What a trap does to the request at hand and to later ones, under each failure policy (Envoy `FailurePolicy`; Envoy 1.40, run).

use crate::guests::guest;
use host_test::{Exchange, FailurePolicy, Filter, Proxy, get};
use std::time::Duration;

/// Traps at a request with a body, and marks the others.
fn fragile(policy: FailurePolicy) -> Filter {
    guest(
        r#"
        (data (i32.const 0) "x-seenyes")
        (func (export "proxy_on_request_headers") (param $context i32) (param $count i32) (param $end i32) (result i32)
            (if (i32.eqz (local.get $end)) (then unreachable))
            (drop (call $set_header (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 3)))
            (i32.const 0))"#,
    )
    .named("fragile")
    .failing(policy)
}

#[track_caller]
fn assert_failed(exchange: &Exchange) {
    let reply = exchange.reply().expect("a reply of the host");
    assert_eq!((reply.status, reply.details.as_str()), (503, "wasm_fail_stream"));
}

#[test]
fn closed_answers_503_for_ever() {
    let mut proxy = Proxy::of([fragile(FailurePolicy::Closed)]).start();
    assert_eq!(proxy.send(get("/")).upstream_header("x-seen"), Some("yes"));
    let trapped = proxy.send(get("/").body("boom"));
    assert_failed(&trapped);
    assert!(trapped.log()[0].message.starts_with("proxy_on_request_headers trapped"), "{:?}", trapped.log());
    proxy.advance(Duration::from_secs(3600));
    assert_failed(&proxy.send(get("/")));
}

#[test]
fn open_answers_503_once_and_then_skips_the_filter() {
    let mut proxy = Proxy::of([fragile(FailurePolicy::Open)]).start();
    assert_failed(&proxy.send(get("/").body("boom")));
    assert!(proxy.send(get("/").body("boom")).is_untouched());
}

#[test]
fn legacy_open_lets_even_the_request_at_hand_go_on() {
    let mut proxy = Proxy::of([fragile(FailurePolicy::LegacyOpen)]).start();
    assert!(proxy.send(get("/").body("boom")).is_untouched());
    assert!(proxy.send(get("/")).is_untouched());
}

#[test]
fn reload_loads_the_module_again_after_a_second() {
    let mut proxy = Proxy::of([fragile(FailurePolicy::Reload)]).start();
    proxy.advance(Duration::from_secs(2));
    assert_failed(&proxy.send(get("/").body("boom")));
    assert_eq!(proxy.send(get("/")).upstream_header("x-seen"), Some("yes"), "more than a second since the load");

    assert_failed(&proxy.send(get("/").body("boom")));
    assert_failed(&proxy.send(get("/")));
    assert_eq!(proxy.metric("wasm.fragile.vm_reload_backoff"), Some(1));
    proxy.advance(Duration::from_secs(1));
    assert_eq!(proxy.send(get("/")).upstream_header("x-seen"), Some("yes"));
    assert_eq!(proxy.metric("wasm.fragile.vm_reload_success"), Some(2));
}

#[test]
fn one_trap_fails_every_plug_in_in_the_same_vm() {
    let other = fragile(FailurePolicy::Closed).named("other");
    let mut proxy = Proxy::of([fragile(FailurePolicy::Open), other]).start();
    assert_failed(&proxy.send(get("/").body("boom")));
    assert_failed(&proxy.send(get("/")));
}

#[test]
fn other_streams_of_a_failed_vm_fail_at_their_next_callback() {
    let mut proxy = Proxy::of([fragile(FailurePolicy::Open)]).start();
    let mut open = proxy.send(get("/"));
    proxy.send(get("/").body("boom"));
    proxy.respond(&mut open, host_test::response(200));
    assert_eq!(open.response().map(|response| response.status), Some(503));
}

//! Calls that a filter makes belong to its plugin context: they outlive the stream.

use crate::guests::{data, guest, messages};
use host_test::{Filter, Proxy, get, response};
use std::time::Duration;

/// Calls the cluster `auth` at each request, holds the request, and lets it go with the answer's status in `x-auth`.
fn asking(timeout_ms: u32) -> Filter {
    let headers = data(&[(":method", "GET"), (":path", "/ask"), (":authority", "auth")]);
    let len = headers.len() / 3;
    guest(&format!(
        r#"
        (data (i32.const 0) "auth:statusx-auth")
        (data (i32.const 64) "{headers}")
        (global $asking (mut i32) (i32.const 0))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (global.set $asking (local.get 0))
            (call $tell (call $http_call (i32.const 0) (i32.const 4) (i32.const 64) (i32.const {len})
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {timeout_ms}) (i32.const 4104)))
            (i32.const 1))
        (func (export "proxy_on_http_call_response") (param $context i32) (param i32) (param $headers i32) (param i32 i32)
            (call $tell (local.get $context))
            (if (i32.eqz (local.get $headers)) (then (return)))
            (drop (call $get_header (i32.const 6) (i32.const 4) (i32.const 7) (i32.const 4096) (i32.const 4100)))
            (call $say_result)
            (if (i32.eqz (call $effective (global.get $asking))) (then
                (drop (call $set_header (i32.const 0) (i32.const 11) (i32.const 6) (i32.load (i32.const 4096)) (i32.const 3)))
                (drop (call $continue (i32.const 0))))))"#
    ))
}

#[test]
fn a_request_waits_for_the_answer_of_a_call() {
    let mut proxy = Proxy::of([asking(0)]).start();
    let exchange = proxy.send(get("/"));
    assert!(exchange.paused());
    let call = proxy.only_call_to("auth");
    assert_eq!(call.headers.text(":path"), Some("/ask"));

    proxy.answer(call, response(200));
    assert_eq!(exchange.upstream_header("x-auth"), Some("200"));
    assert!(proxy.calls_to("auth").is_empty());
    assert_eq!(proxy.calls().len(), 1);
}

#[test]
fn a_call_outlives_its_stream_and_is_answered_to_the_plugin_context() {
    let mut proxy = Proxy::of([asking(0)]).start();
    let exchange = proxy.send(get("/"));
    proxy.finish(exchange);
    proxy.answer(proxy.only_call_to("auth"), response(200));
    assert_eq!(messages(&proxy.log()), ["00", "01", "200"], "context 1 is the plugin context");
}

#[test]
fn a_cluster_that_cannot_be_reached_answers_503() {
    let mut proxy = Proxy::of([asking(0)]).start();
    let exchange = proxy.send(get("/"));
    proxy.fail(proxy.only_call_to("auth"));
    assert_eq!(exchange.upstream_header("x-auth"), Some("503"));
}

#[test]
fn a_call_that_takes_too_long_is_answered_504() {
    let mut proxy = Proxy::of([asking(250)]).start();
    let exchange = proxy.send(get("/"));
    proxy.advance(Duration::from_millis(249));
    assert!(exchange.paused());
    proxy.advance(Duration::from_millis(1));
    assert_eq!(exchange.upstream_header("x-auth"), Some("504"));
}

#[test]
fn a_call_that_is_reset_has_no_headers() {
    let mut proxy = Proxy::of([asking(0)]).start();
    let exchange = proxy.send(get("/"));
    proxy.reset(proxy.only_call_to("auth"));
    assert_eq!(messages(exchange.log()), ["00"]);
    assert!(exchange.paused());
}

#[test]
fn a_call_to_a_cluster_that_is_not_there_is_refused_at_once() {
    let mut proxy = Proxy::of([asking(0)]).without_cluster("auth").start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["02"]);
    let mut proxy = Proxy::of([asking(0)]).unreachable_cluster("auth").start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["10"]);
}

#[test]
fn a_trap_in_an_answer_leaves_the_request_hanging() {
    let headers = data(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
    let module = format!(
        r#"(data (i32.const 0) "a") (data (i32.const 64) "{headers}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $http_call (i32.const 0) (i32.const 1) (i32.const 64) (i32.const {})
                (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 4104)))
            (i32.const 1))
        (func (export "proxy_on_http_call_response") (param i32 i32 i32 i32 i32) unreachable)"#,
        headers.len() / 3
    );
    let mut proxy = Proxy::of([guest(&module)]).start();
    let exchange = proxy.send(get("/"));
    proxy.answer(proxy.only_call_to("a"), response(200));
    assert!(exchange.paused() && exchange.reply().is_none());
    assert_eq!(proxy.send(get("/")).reply().map(|reply| reply.status), Some(503));
}

#[test]
fn answered_calls_can_be_forgotten() {
    let mut proxy = Proxy::of([asking(0)]).start();
    proxy.send(get("/"));
    let first = proxy.only_call_to("auth");
    proxy.answer(first, response(200));
    proxy.send(get("/"));
    assert_eq!(proxy.calls().len(), 2);
    proxy.forget_answered_calls();
    assert_eq!(proxy.calls(), proxy.calls_to("auth"));
    assert_eq!(proxy.calls().len(), 1);
}

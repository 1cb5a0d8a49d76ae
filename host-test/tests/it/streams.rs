//! Requests and responses pass the chain, are held, answered and reset.

use crate::guests::{data, guest, messages};
use host_test::{Filter, Proxy, get, post, response};
use std::time::Duration;

/// Holds every request until the next tick, then marks it and lets it go.
fn holding() -> Filter {
    guest(
        r#"
        (data (i32.const 0) "x-heldyes")
        (global $held (mut i32) (i32.const 0))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (drop (call $tick (i32.const 100))) (i32.const 1))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (global.set $held (local.get 0))
            (i32.const 1))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            (call $tell (local.get 1))
            (i32.const 0))
        (func (export "proxy_on_tick") (param i32)
            (drop (call $effective (global.get $held)))
            (drop (call $set_header (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 3)))
            (drop (call $continue (i32.const 0))))"#,
    )
}

#[test]
fn a_held_request_leaves_when_it_is_continued() {
    let mut proxy = Proxy::of([holding()]).start();
    let exchange = proxy.send(get("/").body("four"));
    assert!(exchange.paused());
    assert!(exchange.upstream_headers().is_empty());
    assert!(exchange.log().is_empty(), "the body waits too");

    proxy.advance(Duration::from_millis(100));
    assert!(!exchange.paused());
    assert_eq!(exchange.upstream_header("x-held"), Some("yes"));
    assert_eq!(exchange.upstream_body(), b"four");
    assert_eq!(messages(exchange.log()), ["04"]);
}

#[test]
fn bodies_reach_a_filter_that_has_paused_at_the_headers_if_it_is_allowed() {
    let mut proxy = Proxy::of([holding().allow_on_headers_stop_iteration()]).start();
    let exchange = proxy.send(get("/").body("four"));
    assert_eq!(messages(exchange.log()), ["04"]);
    assert_eq!(exchange.upstream_body(), b"four", "continuing from the body continues the headers");
}

#[test]
fn the_second_filter_waits_for_the_first() {
    let mut proxy = Proxy::of([holding(), guest(SEES)]).start();
    let exchange = proxy.send(get("/"));
    assert_eq!(messages(exchange.log()), [""; 0]);
    proxy.advance(Duration::from_millis(100));
    assert_eq!(messages(exchange.log()), ["seen"]);
}

const SEES: &str = r#"
    (data (i32.const 0) "seenresponse")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $say (i32.const 0) (i32.const 4)) (i32.const 0))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (call $say (i32.const 4) (i32.const 8)) (i32.const 0))"#;

/// Answers every request itself.
fn answering() -> Filter {
    let headers = data(&[("x-why", "closed")]);
    guest(&format!(
        r#"
        (data (i32.const 0) "go awaywhy not")
        (data (i32.const 64) "{headers}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $reply (i32.const 403) (i32.const 7) (i32.const 7) (i32.const 0) (i32.const 7)
                (i32.const 64) (i32.const {}) (i32.const -1)))
            (i32.const 0))"#,
        headers.len() / 3
    ))
}

#[test]
fn a_local_reply_goes_to_the_client_and_nothing_to_the_upstream() {
    let exchange = Proxy::of([answering()]).start().send(get("/"));
    let reply = exchange.reply().expect("a local reply");
    assert_eq!((reply.status, reply.text().as_str(), reply.details.as_str()), (403, "go away", "why not"));
    assert_eq!(reply.header("x-why"), Some("closed"));
    assert_eq!(reply.header("content-length"), Some("7"));
    assert_eq!(exchange.upstream_header(":path"), None);
}

#[test]
fn a_local_reply_passes_the_filters_that_saw_the_request_and_no_others() {
    let mut proxy = Proxy::of([guest(SEES).vm_id("1"), answering(), guest(SEES).vm_id("2")]).start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["seen", "response"]);
}

#[test]
fn a_grpc_client_is_answered_in_headers() {
    let mut proxy = Proxy::of([answering()]).start();
    let exchange = proxy.send(post("/echo.Echo/Say").header("content-type", "application/grpc"));
    let reply = exchange.reply().expect("a local reply");
    assert_eq!(
        (reply.status, reply.header("grpc-status"), reply.header("grpc-message")),
        (200, Some("7"), Some("go away"))
    );
}

#[test]
fn a_closed_stream_is_reset() {
    let module = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $close (i32.const 0))) (i32.const 1))"#;
    let exchange = Proxy::of([guest(module)]).start().send(get("/"));
    assert!(exchange.was_reset() && exchange.reply().is_none());
}

#[test]
fn a_response_passes_the_filters_last_to_first() {
    let module = |name: char| {
        format!(
            r#"(data (i32.const 0) "{name}")
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
                (call $say (i32.const 0) (i32.const 1)) (i32.const 0))
            (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
                (call $say (i32.const 0) (i32.const 1)) (i32.const 0))"#
        )
    };
    let mut proxy = Proxy::of(['a', 'b', 'c'].map(|name| guest(&module(name)))).start();
    let mut exchange = proxy.send(get("/"));
    proxy.respond(&mut exchange, response(200).header("server", "x").body("hello").trailer("t", "1"));
    assert_eq!(messages(exchange.log()), ["a", "b", "c", "c", "b", "a"]);
    let response = exchange.response().expect("what the client received");
    assert_eq!((response.status, response.text().as_str(), response.header("server")), (200, "hello", Some("x")));
}

#[test]
fn a_request_that_the_client_abandons_never_ends() {
    let telling = guest(
        r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell (local.get 2))
            (i32.const 0))
        (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
            (call $tell (local.get 2))
            (i32.const 0))"#,
    );
    let mut proxy = Proxy::of([telling]).start();
    let whole = proxy.send(post("/").chunk("a").chunk("b"));
    assert_eq!(messages(proxy.finish(whole).log()), ["00", "00", "01"]);
    let abandoned = proxy.send(post("/").chunk("a").chunk("b").abandoned());
    assert_eq!(messages(proxy.finish(abandoned).log()), ["00", "00", "00"]);
    let abandoned = proxy.send(get("/").abandoned());
    assert_eq!(messages(proxy.finish(abandoned).log()), ["00"]);
}

//! Headers are read and changed, where Envoy lets them.

use crate::guests::{data, guest, messages};
use host_test::{Proxy, get, response};

const READS: &str = r#"
    (data (i32.const 0) "x-a")
    (func $read
        (call $tell (call $get_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 4096) (i32.const 4100))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (call $read) (call $say_result) (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (call $read) (i32.const 0))
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (call $read) (i32.const 0))
    (func (export "proxy_on_log") (param i32) (call $read))"#;

#[test]
fn the_first_of_several_values_is_read() {
    let exchange = Proxy::of([guest(READS)]).start().send(get("/").header("X-A", "1").header("x-a", "2"));
    assert_eq!(messages(exchange.log()), ["00", "1"]);
    assert!(exchange.is_untouched());
}

#[test]
fn request_headers_are_gone_once_they_have_passed_and_back_in_the_log() {
    let mut proxy = Proxy::of([guest(READS)]).start();
    let mut exchange = proxy.send(get("/").header("x-a", "1").body("b"));
    proxy.respond(&mut exchange, response(200));
    let ended = proxy.finish(exchange);
    assert_eq!(messages(ended.log()), ["00", "1", "02", "02", "00"]);
}

#[test]
fn headers_are_added_replaced_and_removed() {
    let module = r#"
        (data (i32.const 0) "x-ax-bnew")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $add_header (i32.const 0) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 3)))
            (drop (call $remove_header (i32.const 0) (i32.const 3) (i32.const 3)))
            (i32.const 0))
        (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
            (drop (call $set_header (i32.const 2) (i32.const 0) (i32.const 3) (i32.const 6) (i32.const 3)))
            (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(module)]).start();
    let mut exchange = proxy.send(get("/").header("x-a", "old").header("x-b", "b"));
    let values: Vec<_> = exchange.upstream_headers().all("x-a").collect();
    assert_eq!(values, [b"old", b"new"]);
    assert_eq!(exchange.upstream_header("x-b"), None);
    assert_eq!((exchange.automatic_route_cache_clears(), exchange.route_cache_clears()), (2, 0));

    proxy.respond(&mut exchange, response(200).header("x-a", "old"));
    assert_eq!(exchange.response().and_then(|response| response.header("x-a")), Some("new"));
}

#[test]
fn all_headers_can_be_set_at_once_and_malformed_ones_change_nothing() {
    let pairs = data(&[(":path", "/new"), ("x-only", "this")]);
    let module = format!(
        r#"
        (data (i32.const 0) "{pairs}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell (call $set_pairs (i32.const 0) (i32.const 0) (i32.const {})))
            (call $tell (call $set_pairs (i32.const 0) (i32.const 0) (i32.const 9)))
            (i32.const 0))"#,
        pairs.len() / 3
    );
    let exchange = Proxy::of([guest(&module)]).start().send(get("/old").header("x-a", "1"));
    assert_eq!(messages(exchange.log()), ["00", "02"]);
    assert_eq!(exchange.upstream_headers(), &[(":path", "/new"), ("x-only", "this")].into_iter().collect());
}

#[test]
fn a_header_that_is_not_utf_8_passes_as_it_is() {
    let exchange = Proxy::of([guest("")]).start().send(get("/").header("x-a", [0xff, 0xfe]));
    assert_eq!(exchange.upstream_header_bytes("x-a"), Some(&[0xff, 0xfe][..]));
}

//! Bodies are read, gathered and changed.

use crate::guests::{guest, messages};
use host_test::{Proxy, post, response};

/// Gathers the whole body, says it, and puts `>` before it.
const GATHERS: &str = r#"
    (data (i32.const 0) ">")
    (func (export "proxy_on_request_body") (param $context i32) (param $len i32) (param $end i32) (result i32)
        (if (i32.eqz (local.get $end)) (then (return (i32.const 1))))
        (drop (call $get_buffer (i32.const 0) (i32.const 0) (i32.const 1000) (i32.const 4096) (i32.const 4100)))
        (call $say_result)
        (drop (call $set_buffer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
        (i32.const 0))"#;

#[test]
fn a_filter_may_gather_a_body_and_change_it() {
    let exchange = Proxy::of([guest(GATHERS)]).start().send(post("/").chunk("a").chunk("bc").chunk("d"));
    assert_eq!(messages(exchange.log()), ["abcd"]);
    assert_eq!(exchange.upstream_body(), b">abcd");
    assert!(!exchange.is_untouched());
}

#[test]
fn the_middle_of_a_body_cannot_be_changed_and_its_end_can() {
    let module = r#"
        (data (i32.const 0) "!")
        (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
            (call $tell (call $set_buffer (i32.const 1) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 1)))
            (call $tell (call $set_buffer (i32.const 1) (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)))
            (call $tell (call $set_buffer (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
            (call $tell (call $set_buffer (i32.const 77) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1)))
            (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(module)]).start();
    let mut exchange = proxy.send(post("/"));
    proxy.respond(&mut exchange, response(200).body("abc"));
    assert_eq!(messages(exchange.log()), ["02", "00", "01", "02"]);
    assert_eq!(exchange.response().map(|response| response.text()).as_deref(), Some("abc!"));
}

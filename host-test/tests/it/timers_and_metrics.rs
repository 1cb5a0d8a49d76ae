//! Ticks of virtual time, and what filters count.

use crate::guests::{guest, messages};
use host_test::{Proxy, get};
use std::time::Duration;

#[test]
fn a_tick_comes_each_period_and_no_sooner() {
    let module = r#"
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (drop (call $tick (i32.const 1000))) (i32.const 1))
        (func (export "proxy_on_tick") (param i32)
            (drop (call $time (i32.const 0)))
            (call $tell (i32.wrap_i64 (i64.rem_u (i64.div_u (i64.load (i32.const 0)) (i64.const 1000000000)) (i64.const 60)))))"#;
    let mut proxy = Proxy::of([guest(module)]).start();
    proxy.advance(Duration::from_millis(999));
    assert!(proxy.log().is_empty());
    proxy.advance(Duration::from_millis(2001));
    assert_eq!(messages(&proxy.log()), ["01", "02", "03"], "the seconds of the clock when it ticked");
}

#[test]
fn metrics_count_what_their_kind_allows() {
    let module = r#"
        (data (i32.const 0) "countergaugehistogram")
        (func $define (param $kind i32) (param $at i32) (param $len i32) (result i32)
            (drop (call $define_metric (local.get $kind) (local.get $at) (local.get $len) (i32.const 4104)))
            (i32.load (i32.const 4104)))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (local $id i32)
            (local.set $id (call $define (i32.const 0) (i32.const 0) (i32.const 7)))
            (call $tell (call $increment (local.get $id) (i64.const 3)))
            (call $tell (call $increment (local.get $id) (i64.const -1)))
            (local.set $id (call $define (i32.const 1) (i32.const 7) (i32.const 5)))
            (call $tell (call $record (local.get $id) (i64.const 10)))
            (call $tell (call $increment (local.get $id) (i64.const -4)))
            (local.set $id (call $define (i32.const 2) (i32.const 12) (i32.const 9)))
            (call $tell (call $record (local.get $id) (i64.const 5)))
            (call $tell (call $get_metric (local.get $id) (i32.const 0)))
            (call $tell (call $get_metric (i32.const 99) (i32.const 0)))
            (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(module)]).start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["00", "02", "00", "00", "00", "02", "01"]);
    assert_eq!((proxy.metric("counter"), proxy.metric("gauge"), proxy.metric("nobody")), (Some(3), Some(6), None));
    assert_eq!(proxy.histogram("histogram"), [5]);
}

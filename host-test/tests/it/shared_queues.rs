//! Shared queues: whoever registers one is told of new items.

use crate::guests::{guest, messages};
use host_test::{Proxy, get};

#[test]
fn an_item_reaches_the_plug_in_that_registered_the_queue() {
    let reader = r#"
        (data (i32.const 0) "q")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (drop (call $register_queue (i32.const 0) (i32.const 1) (i32.const 4104))) (i32.const 1))
        (func (export "proxy_on_queue_ready") (param i32 i32)
            (call $tell (call $dequeue (local.get 1) (i32.const 4096) (i32.const 4100)))
            (call $say_result)
            (call $tell (call $dequeue (local.get 1) (i32.const 4096) (i32.const 4100)))
            (call $tell (call $dequeue (i32.const 99) (i32.const 4096) (i32.const 4100))))"#;
    let writer = r#"
        (data (i32.const 0) "readerqitem")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell (call $resolve_queue (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 1) (i32.const 4104)))
            (call $tell (call $resolve_queue (i32.const 0) (i32.const 6) (i32.const 6) (i32.const 1) (i32.const 4104)))
            (drop (call $enqueue (i32.load (i32.const 4104)) (i32.const 7) (i32.const 4)))
            (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(reader).vm_id("reader"), guest(writer).vm_id("writer")]).start();
    proxy.send(get("/"));
    assert_eq!(messages(&proxy.log()), ["01", "00", "00", "item", "07", "01"]);
}

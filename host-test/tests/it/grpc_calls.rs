//! gRPC calls and streams.

use crate::guests::{guest, messages};
use host_test::{Proxy, get};

const CALLS: &str = r#"
    (data (i32.const 0) "raterateservicecheckhello")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $tell (call $grpc_call (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 11) (i32.const 15) (i32.const 5)
            (i32.const 0) (i32.const 0) (i32.const 20) (i32.const 5) (i32.const 0) (i32.const 4104)))
        (i32.const 0))
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (drop (call $grpc_stream (i32.const 0) (i32.const 4) (i32.const 4) (i32.const 11) (i32.const 15) (i32.const 5)
            (i32.const 0) (i32.const 0) (i32.const 4104)))
        (call $tell (call $grpc_send (i32.load (i32.const 4104)) (i32.const 20) (i32.const 5) (i32.const 1)))
        (call $tell (call $grpc_send (i32.load (i32.const 4104)) (i32.const 20) (i32.const 5) (i32.const 1)))
        (call $tell (call $grpc_cancel (i32.const 99)))
        (i32.const 0))
    (func (export "proxy_on_grpc_receive") (param i32 i32 i32)
        (drop (call $get_buffer (i32.const 5) (i32.const 0) (i32.const 99) (i32.const 4096) (i32.const 4100)))
        (call $say_result))
    (func (export "proxy_on_grpc_close") (param i32 i32 i32)
        (call $tell (local.get 2))
        (drop (call $get_status (i32.const 4092) (i32.const 4096) (i32.const 4100)))
        (call $say_result))"#;

fn calls() -> host_test::Filter {
    guest(CALLS)
}

#[test]
fn a_call_is_answered_by_a_message() {
    let mut proxy = Proxy::of([calls()]).start();
    proxy.send(get("/"));
    let call = proxy.only_grpc_call_to("rate");
    assert_eq!(
        (call.service.as_str(), call.method.as_str(), &call.messages[..]),
        ("rateservice", "check", &[b"hello".to_vec()][..])
    );
    proxy.grpc_message(&call, "fine");
    assert_eq!(messages(&proxy.log()), ["00", "fine"]);
    assert!(proxy.grpc_calls().is_empty());
}

#[test]
fn a_call_that_fails_is_closed_with_a_status() {
    let mut proxy = Proxy::of([calls()]).start();
    proxy.send(get("/"));
    proxy.grpc_close(proxy.only_grpc_call_to("rate"), 14, "away");
    assert_eq!(messages(&proxy.log()), ["00", "14", "away"]);
}

#[test]
fn a_stream_takes_messages_until_its_end() {
    let mut proxy = Proxy::of([calls()]).start();
    proxy.send(get("/").body("b"));
    assert_eq!(messages(&proxy.log()), ["00", "00", "02", "01"]);
    let stream = proxy.grpc_calls().pop().expect("the stream");
    assert!(stream.streaming && stream.half_closed);
    proxy.grpc_message(&stream, "one");
    proxy.grpc_message(&stream, "two");
    assert_eq!(messages(&proxy.log())[4..], ["one", "two"]);
}

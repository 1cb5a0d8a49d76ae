//! Which modules start, and which are refused.

use crate::guests::{guest, guest_of, messages};
use host_test::{Filter, Proxy, get};

#[test]
fn a_module_without_an_abi_version_is_refused() {
    let refusal = Proxy::of([Filter::from_bytes("(module)")]).refusal();
    assert_eq!(refusal, "missing or unknown proxy-wasm ABI version");
}

#[test]
fn bytes_that_are_no_module_are_refused() {
    let refusal = Proxy::of([Filter::from_bytes(*b"\0asm?")]).refusal();
    assert!(refusal.starts_with("not a module"), "{refusal}");
}

const UNKNOWN: &str = r#"(module
    (import "env" "proxy_from_the_future" (func $future (param i32) (result i32)))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.store8 (i32.const 0) (i32.add (i32.const 48) (call $future (i32.const 1))))
        (drop (call $log (i32.const 2) (i32.const 0) (i32.const 1)))
        (i32.const 0)))"#;

#[test]
fn an_unknown_hostcall_answers_that_it_is_unimplemented() {
    let mut proxy = Proxy::of([Filter::from_bytes(UNKNOWN)]).start();
    assert_eq!(messages(&proxy.log()), ["imports env.proxy_from_the_future, which is unknown to this host"]);
    assert_eq!(messages(proxy.send(get("/")).log()), ["<"], "the character 12 behind 0");
}

#[test]
fn a_strict_proxy_refuses_an_unknown_hostcall_by_its_name() {
    let refusal = Proxy::of([Filter::from_bytes(UNKNOWN)]).strict().refusal();
    assert_eq!(refusal, "unknown import env.proxy_from_the_future");
}

#[test]
fn an_import_from_nowhere_is_refused_by_its_name() {
    let module = r#"(module (import "moon" "shine" (func)) (func (export "proxy_abi_version_0_2_1")))"#;
    assert_eq!(Proxy::of([Filter::from_bytes(module)]).refusal(), "unknown import moon.shine");
}

#[test]
fn a_hostcall_of_another_shape_is_refused() {
    let module = r#"(module (import "env" "proxy_log" (func (param i64))) (func (export "proxy_abi_version_0_2_1")))"#;
    let refusal = Proxy::of([Filter::from_bytes(module)]).refusal();
    assert!(refusal.contains("proxy_log"), "{refusal}");
}

#[test]
fn a_module_is_initialised_before_anything_else() {
    let module = r#"(data (i32.const 0) "awake")
        (func (export "_initialize") (call $say (i32.const 0) (i32.const 5)))
        (func (export "_start") (call $say (i32.const 0) (i32.const 1)))"#;
    let proxy = Proxy::of([guest(module)]).start();
    assert_eq!(messages(&proxy.log()), ["awake", "a"]);
}

#[test]
fn a_module_of_0_1_0_sees_an_absent_header_as_an_empty_one() {
    let module = r#"(data (i32.const 0) "absent")
        (func (export "proxy_on_request_headers") (param i32 i32) (result i32)
            (call $tell (call $get_header (i32.const 0) (i32.const 0) (i32.const 6) (i32.const 4096) (i32.const 4100)))
            (i32.const 0))"#;
    assert_eq!(messages(Proxy::of([guest_of("0_1_0", module)]).start().send(get("/")).log()), ["00"]);
}

#[test]
fn an_endless_loop_is_ended() {
    let module =
        r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (loop (br 0)) (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(module)]).fuel_limit(100_000).start();
    let exchange = proxy.send(get("/"));
    assert_eq!(exchange.reply().map(|reply| reply.status), Some(503));
    assert!(exchange.log()[0].message.contains("fuel"), "{:?}", exchange.log());
}

#[test]
fn memory_ends_where_the_test_says() {
    let module = r#"(data (i32.const 0) "refused")
        (func (export "proxy_on_vm_start") (param i32 i32) (result i32)
            (if (i32.eq (memory.grow (i32.const 10)) (i32.const -1)) (then (call $say (i32.const 0) (i32.const 7))))
            (i32.const 1))"#;
    assert_eq!(messages(&Proxy::of([guest(module)]).memory_limit(5 << 16).start().log()), ["refused"]);
}

#[test]
fn fuel_is_the_same_in_every_run() {
    let module = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(module)]).fuel_metered().start();
    let (first, second) = (proxy.send(get("/")), proxy.send(get("/")));
    assert!(first.fuel() > 0);
    assert_eq!(first.costs(), second.costs());
    assert_eq!(first.costs()[0].callback, "proxy_on_request_headers");
}

#[test]
fn wrong_pointers_are_a_status_and_not_the_end() {
    let module = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $tell (call $log (i32.const 2) (i32.const -1) (i32.const 8)))
        (call $tell (call $time (i32.const 65535)))
        (call $tell (call $get_header (i32.const 0) (i32.const 70000) (i32.const 1) (i32.const 0) (i32.const 4)))
        (call $tell (call $get_pairs (i32.const 0) (i32.const -4) (i32.const 4)))
        (call $tell (call $get_header (i32.const 99) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 4)))
        (call $tell (call $log (i32.const 9) (i32.const 0) (i32.const 1)))
        (i32.const 0))"#;
    let exchange = Proxy::of([guest(module)]).start().send(get("/"));
    assert_eq!(messages(exchange.log()), ["06", "06", "06", "06", "02", "02"]);
    assert!(exchange.is_untouched());
}

#[test]
fn a_proxy_and_its_exchanges_may_move_to_another_thread() {
    let mut proxy = Proxy::of([guest("")]).start();
    let exchange = proxy.send(get("/"));
    let sent_from_there = std::thread::spawn(move || (exchange.is_untouched(), proxy.send(get("/")).is_untouched()));
    assert_eq!(sent_from_there.join().ok(), Some((true, true)));
}

//! Configurations are given, refused and replaced.

use crate::guests::{guest, messages};
use host_test::{Filter, Level, Proxy, get};

/// Takes every configuration that does not begin with `!`, and says at each request which one it has.
fn strict_reader() -> Filter {
    guest(
        r#"
        (data (i32.const 0) "a ! is not allowed")
        (func (export "proxy_on_configure") (param $context i32) (param $len i32) (result i32)
            (drop (call $get_buffer (i32.const 7) (i32.const 0) (local.get $len) (i32.const 4096) (i32.const 4100)))
            (if (result i32) (i32.eq (i32.load8_u (i32.load (i32.const 4096))) (i32.const 33))
                (then (drop (call $log (i32.const 4) (i32.const 0) (i32.const 18))) (i32.const 0))
                (else
                    (i32.store (i32.const 4104) (i32.load (i32.const 4096)))
                    (i32.store (i32.const 4108) (i32.load (i32.const 4100)))
                    (i32.const 1))))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $say (i32.load (i32.const 4104)) (i32.load (i32.const 4108)))
            (i32.const 0))"#,
    )
}

#[test]
fn a_refusal_is_what_the_filter_said_at_level_error() {
    assert_eq!(Proxy::of([strict_reader().configured("!")]).refusal(), "a ! is not allowed");
}

#[test]
fn a_filter_that_refuses_in_silence_is_refused_by_its_callback() {
    let module = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 0))"#;
    assert_eq!(Proxy::of([guest(module)]).refusal(), "proxy_on_vm_start returned false");
}

#[test]
fn a_trap_while_configuring_is_a_refusal_with_a_backtrace() {
    let module = r#"(func $fall (export "proxy_on_configure") (param i32 i32) (result i32) unreachable)"#;
    let refusal = Proxy::of([guest(module)]).refusal();
    assert!(refusal.starts_with("proxy_on_configure trapped") && refusal.contains("fall"), "{refusal}");
}

#[test]
fn a_new_configuration_replaces_the_old_one_and_a_refused_one_does_not() {
    let mut proxy = Proxy::of([strict_reader().configured("one")]).start();
    proxy.reconfigure(["two"]).expect("no ! in it");
    assert_eq!(messages(proxy.send(get("/")).log()), ["two"]);

    let refusal = proxy.reconfigure(["!"]).expect_err("a ! in it");
    assert_eq!(refusal.to_string(), "a ! is not allowed");
    assert_eq!(messages(proxy.send(get("/")).log()), ["two"]);
    assert!(proxy.log().iter().any(|line| line.level == Level::Error));
}

#[test]
fn the_vm_has_a_configuration_of_its_own() {
    let module = r#"(func (export "proxy_on_vm_start") (param $context i32) (param $len i32) (result i32)
        (drop (call $get_buffer (i32.const 6) (i32.const 0) (local.get $len) (i32.const 4096) (i32.const 4100)))
        (call $say_result)
        (i32.const 1))"#;
    assert_eq!(messages(&Proxy::of([guest(module).vm_configuration("big")]).start().log()), ["big"]);
}

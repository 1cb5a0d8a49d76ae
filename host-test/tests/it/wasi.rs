//! The part of WASI preview 1 that modules of a proxy need.

use crate::guests::{guest, messages};
use host_test::{Level, Proxy, get};

#[test]
fn standard_error_is_logged_as_an_error() {
    let module = r#"
        (data (i32.const 0) "oh no\0a")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 6))
            (call $tell (call $fd_write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 72)))
            (call $tell (call $fd_write (i32.const 7) (i32.const 64) (i32.const 1) (i32.const 72)))
            (call $tell (call $fd_write (i32.const 1) (i32.const -1) (i32.const 1) (i32.const 72)))
            (i32.const 0))"#;
    let exchange = Proxy::of([guest(module)]).start().send(get("/"));
    assert_eq!(messages(exchange.log()), ["oh no", "00", "08", "21"]);
    assert_eq!(exchange.log()[0].level, Level::Error);
}

#[test]
fn the_environment_is_what_the_filter_was_given() {
    let module = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $environ_sizes (i32.const 64) (i32.const 68)))
        (drop (call $environ (i32.const 128) (i32.const 256)))
        (call $say (i32.load (i32.const 128)) (i32.sub (i32.load (i32.const 68)) (i32.const 1)))
        (i32.const 1))"#;
    assert_eq!(messages(&Proxy::of([guest(module).env("STAGE", "test")]).start().log()), ["STAGE=test"]);
}

#[test]
fn random_bytes_depend_on_the_seed_alone() {
    let module = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (drop (call $random (i32.const 0) (i32.const 12)))
        (call $say (i32.const 0) (i32.const 12))
        (i32.const 1))"#;
    let drawn = |seed| Proxy::of([guest(module)]).seed(seed).start().log();
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn a_module_that_exits_has_trapped() {
    let module = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func (export "proxy_abi_version_0_2_0"))
        (func (export "_initialize") (call $exit (i32.const 3))))"#;
    let refusal = Proxy::of([host_test::Filter::from_bytes(module)]).refusal();
    assert!(refusal.contains("proc_exit(3)"), "{refusal}");
}

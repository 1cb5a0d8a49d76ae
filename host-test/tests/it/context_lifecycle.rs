//! Contexts come and go, and speak for one another.

use crate::guests::{guest, messages};
use host_test::{Proxy, get};

const NAMED: &str = r#"
    (data (i32.const 0) "createlogdonedelete")
    (func (export "proxy_on_context_create") (param i32 i32) (call $say (i32.const 0) (i32.const 6)))
    (func (export "proxy_on_log") (param i32) (call $say (i32.const 6) (i32.const 3)))
    (func (export "proxy_on_done") (param i32) (result i32) (call $say (i32.const 9) (i32.const 4)) (i32.const 1))
    (func (export "proxy_on_delete") (param i32) (call $say (i32.const 13) (i32.const 6)))"#;

#[test]
fn a_stream_is_logged_done_and_deleted_when_it_is_finished() {
    let mut proxy = Proxy::of([guest(NAMED)]).start();
    let exchange = proxy.send(get("/"));
    assert_eq!(messages(exchange.log()), ["create"]);
    let ended = proxy.finish(exchange);
    assert_eq!(messages(ended.log()), ["create", "log", "done", "delete"]);
}

#[test]
fn plug_ins_of_one_module_share_a_vm_and_those_of_another_vm_id_do_not() {
    let counting = r#"(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (call $tell (i32.load (i32.const 0)))
        (i32.const 1))"#;
    let [a, b, c] = ["a", "b", "c"].map(|name| guest(counting).named(name));
    let proxy = Proxy::of([a, b, c.vm_id("other")]).start();
    assert_eq!(messages(&proxy.log()), ["01", "02", "01"]);
}

#[test]
fn each_worker_has_its_own_vm() {
    let counting = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
        (call $tell (i32.load (i32.const 0)))
        (i32.const 0))"#;
    let mut proxy = Proxy::of([guest(counting)]).workers(2).start();
    proxy.send(get("/").on_worker(0));
    proxy.send(get("/").on_worker(0));
    assert_eq!(messages(proxy.send(get("/").on_worker(1)).log()), ["01"]);
}

#[test]
fn a_context_that_nobody_has_created_cannot_be_spoken_for() {
    let module = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $tell (call $effective (i32.const 77)))
        (call $tell (call $effective (local.get 0)))
        (call $tell (call $done))
        (i32.const 0))"#;
    assert_eq!(messages(Proxy::of([guest(module)]).start().send(get("/")).log()), ["02", "00", "01"]);
}

#[test]
fn a_plug_in_that_needs_time_is_deleted_when_it_says_that_it_is_done() {
    let module = r#"
        (data (i32.const 0) "deleted")
        (func (export "proxy_on_done") (param i32) (result i32) (drop (call $tick (i32.const 1000))) (i32.const 0))
        (func (export "proxy_on_tick") (param i32) (drop (call $done)))
        (func (export "proxy_on_delete") (param i32) (call $say (i32.const 0) (i32.const 7)))
        (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))"#;
    let mut proxy = Proxy::of([guest(module).configured("old")]).start();
    proxy.reconfigure(["new"]).expect("any configuration is taken");
    assert_eq!(messages(&proxy.log()), [""; 0]);
    proxy.advance(std::time::Duration::from_secs(1));
    assert_eq!(messages(&proxy.log()), ["deleted"]);
}

#[test]
fn a_plug_in_that_is_replaced_serves_the_streams_that_have_not_come_as_far_as_it() {
    let holding = r#"(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))"#;
    let naming = format!(r#"{NAMED} (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))"#);
    let mut proxy =
        Proxy::of([guest(holding).named("first"), guest(&naming).named("second").configured("old")]).start();
    let exchange = proxy.send(get("/"));
    proxy.reconfigure(["", "new"]).expect("any configuration is taken");
    // The plug-in contexts of both configurations.
    assert_eq!(messages(&proxy.log()), ["create", "create"]);
    proxy.finish(exchange);
    let stream = ["create", "log", "done", "delete"];
    assert_eq!(messages(&proxy.log())[2..], [&stream[..], &["done", "delete"]].concat());
}

#[test]
fn the_memory_of_a_filter_is_what_its_vms_have_grown_to() {
    let growing = guest(
        r#"
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (memory.grow (i32.const 2)))
            (i32.const 0))"#,
    );
    const PAGE: usize = 65_536;
    let mut proxy = Proxy::of([growing]).workers(2).start();
    assert_eq!(proxy.memory(), 2 * PAGE);
    proxy.send(get("/").on_worker(1));
    assert_eq!(proxy.memory(), 4 * PAGE);
}

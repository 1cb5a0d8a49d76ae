//! The shared key-value store, with compare and swap.

use crate::guests::{guest, messages};
use host_test::{Proxy, get};

/// Reads the key `k`, then writes twice with the number that it has read: the second time it is out of date.
const SWAPS: &str = r#"
    (data (i32.const 0) "kone")
    (func $set (call $tell (call $set_shared (i32.const 0) (i32.const 1) (i32.const 1) (i32.const 3) (i32.load (i32.const 4104)))))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $tell (call $get_shared (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 4100) (i32.const 4104)))
        (call $set)
        (call $set)
        (i32.const 0))"#;

#[test]
fn a_value_changes_only_for_whoever_knows_its_number() {
    let mut proxy = Proxy::of([guest(SWAPS)]).start();
    assert_eq!(messages(proxy.send(get("/")).log()), ["01", "00", "00"], "0 sets whatever is there");
    assert_eq!(messages(proxy.send(get("/")).log()), ["00", "00", "08"]);
    assert_eq!(proxy.shared_data("k").as_deref(), Some(&b"one"[..]));
}

#[test]
fn workers_share_data_and_vm_ids_do_not() {
    let [a, b] = ["a", "b"].map(|vm_id| guest(SWAPS).vm_id(vm_id));
    let mut proxy = Proxy::of([a, b]).workers(2).start();
    proxy.send(get("/"));
    assert_eq!(messages(proxy.send(get("/").on_worker(1)).log())[0], "00");
    assert_eq!(messages(&proxy.log())[3], "01", "the second VM has not seen what the first wrote");
}

//! What Envoy offers beyond the specification.

use crate::guests::{guest, messages};
use host_test::{Filter, Proxy, get};

/// Calls a foreign function with an argument at each request, and says its status and its result.
fn calling(name: &str, argument: &str) -> Filter {
    let bytes: String = argument.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    guest(&format!(
        r#"
        (data (i32.const 0) "{name}") (data (i32.const 64) "{bytes}")
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (call $tell (call $foreign (i32.const 0) (i32.const {}) (i32.const 64) (i32.const {})
                (i32.const 4096) (i32.const 4100)))
            (call $say_result) (i32.const 0))"#,
        name.len(),
        argument.len()
    ))
}

#[test]
fn clearing_the_route_cache_is_counted() {
    let exchange = Proxy::of([calling("clear_route_cache", "")]).start().send(get("/"));
    assert_eq!((exchange.route_cache_clears(), exchange.automatic_route_cache_clears()), (1, 0));
}

#[test]
fn an_unknown_function_is_not_found() {
    assert_eq!(messages(Proxy::of([calling("set_dynamic_metadata", "")]).start().send(get("/")).log())[0], "01");
}

#[test]
fn filter_state_of_envoy_is_set_by_its_known_keys_only() {
    let exchange =
        Proxy::of([calling("set_envoy_filter_state", "\n\x0cenvoy.string\x12\x02v2")]).start().send(get("/"));
    assert_eq!(exchange.filter_state("envoy.string"), Some(&b"v2"[..]));
    let exchange = Proxy::of([calling("set_envoy_filter_state", "\n\x04mine\x12\x02v2")]).start().send(get("/"));
    assert_eq!(messages(exchange.log())[0], "01");
}

#[test]
fn what_is_corrupt_cannot_be_uncompressed() {
    assert_eq!(messages(Proxy::of([calling("uncompress", "no zlib")]).start().send(get("/")).log())[0], "03");
    assert_eq!(messages(Proxy::of([calling("compress", "aaaaaaaa")]).start().send(get("/")).log())[0], "00");
}

//! Modules written by hand: what a Wasm filter costs that decides nothing.

use serin_traffic::{CLUSTER_HEADER, ROUTE_KEY};

/// What a module of this kind does with a request; each does what those before it do, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asks {
    /// Nothing, in every callback that there is.
    Nothing,
    /// It asks for all headers.
    Headers,
    /// It publishes a text, as long as the one with which Serin says what it has decided, and under the same key.
    Publishes,
    /// It sets the cluster: these are the hostcalls of `canary` where one rule of many applies.
    Cluster,
    /// It has every tenth request copied, as `canary` does where a tenth is to be.
    Copies,
}

/// The largest text that Envoy writes into such a module: the headers of a request.
const ROOM: usize = 16 * 1024;

/// A module that does this for every request, sends it to `cluster` and its copy to `copies`.
///
/// # Errors
///
/// What is wrong with the text of the module.
pub fn module(asks: Asks, cluster: &str, copies: &str) -> Result<Vec<u8>, wat::Error> {
    // Texts that hostcalls want lie one after the other from 0 on; 1008 and 1012 take what a hostcall hands out; from 1024 on
    // is room for what Envoy writes.
    let mut texts = String::new();
    let mut text = |text: &str| {
        let place = texts.len();
        texts.push_str(text);
        format!("(i32.const {place}) (i32.const {})", text.len())
    };
    let publish =
        format!("(drop (call $publish {} {}))", text(ROUTE_KEY), text("9f86d081884c7d65 0.5.0 default/shop/http[5]"));
    let choose = format!("(drop (call $replace (i32.const 0) {} {}))", text(CLUSTER_HEADER), text(cluster));
    let copy = format!(
        "(global.set $seen (i32.add (global.get $seen) (i32.const 1)))
        (if (i32.eqz (i32.rem_u (global.get $seen) (i32.const 10)))
            (then (drop (call $replace (i32.const 0) {} {}))))",
        text("x-serin-shadow-1"),
        text(copies)
    );
    let steps = [
        (Asks::Headers, "(drop (call $headers (i32.const 0) (i32.const 1008) (i32.const 1012)))".to_owned()),
        (Asks::Publishes, publish),
        (Asks::Cluster, choose),
        (Asks::Copies, copy),
    ];
    let steps: String = steps.into_iter().filter(|(step, _)| *step <= asks).map(|(_, code)| code).collect();
    wat::parse_str(format!(
        r#"(module
    (import "env" "proxy_get_header_map_pairs" (func $headers (param i32 i32 i32) (result i32)))
    (import "env" "proxy_set_property" (func $publish (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
    (global $seen (mut i32) (i32.const 0))
    (memory (export "memory") 1)
    (data (i32.const 0) "{texts}")
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
        (if (i32.gt_u (local.get $size) (i32.const {ROOM})) (then unreachable))
        i32.const 1024)
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_tick") (param i32))
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {steps} i32.const 0)
    (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_request_trailers") (param i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_trailers") (param i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
    (func (export "proxy_on_log") (param i32))
    (func (export "proxy_on_delete") (param i32)))"#
    ))
}

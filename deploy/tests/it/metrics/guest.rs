//! A module that counts what it is told to, so that every metric can be seen in a real Envoy.

use serin_traffic::metrics::{Kind, Label, Metric};

/// What each counter is increased by, each gauge set to, each histogram given.
pub(super) const VALUE: u64 = 7;

/// A module that counts each metric once for each request, with these values of labels.
pub(super) fn guest(values: &[(Label, &str)]) -> Vec<u8> {
    let (mut data, mut calls, mut at) = (String::new(), String::new(), 1024);
    for metric in Metric::ALL {
        let name = metric.stat_name(values);
        let bytes: String = name.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        data += &format!("(data (i32.const {at}) \"{bytes}\")");
        let kind = metric.kind() as u32;
        calls += &format!(
            "(drop (call $define (i32.const {kind}) (i32.const {at}) (i32.const {}) (i32.const 0)))",
            name.len()
        );
        let call = if metric.kind() == Kind::Counter { "$increment" } else { "$record" };
        calls += &format!("(drop (call {call} (i32.load (i32.const 0)) (i64.const {VALUE})))");
        at += name.len();
    }
    let module = format!(
        r#"(module
            (import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
            (import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
            (import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
            (memory (export "memory") 4)
            {data}
            (func (export "proxy_abi_version_0_2_1"))
            (func (export "_initialize"))
            (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 131072)
            (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
            (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
            (func (export "proxy_on_context_create") (param i32 i32))
            (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) {calls} i32.const 0)
            (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
            (func (export "proxy_on_delete") (param i32)))"#
    );
    wat::parse_str(module).unwrap()
}

//! The binary: output, exit status.

use std::path::PathBuf;
use std::process::{Command, Output};

/// A module on the disk that marks requests, and refuses every configuration.
fn module(name: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wat"));
    let text = r#"(module
        (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 0) "x-subsetv2no configuration, please")
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
            (if (local.get 1) (then (drop (call $log (i32.const 4) (i32.const 10) (i32.const 24)))))
            (i32.eqz (local.get 1)))
        (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
            (drop (call $add (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 8) (i32.const 2)))
            (i32.const 0)))"#;
    std::fs::write(&file, text).expect("the test's own folder is writable");
    file
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_host-test")).args(arguments).output().expect("the binary is built")
}

#[test]
fn a_program_reads_what_became_of_the_request() {
    let module = module("json");
    let output = run(&[
        module.to_str().expect("a path in text"),
        "--output",
        "json",
        "--",
        "GET",
        "http://reviews:9080/reviews/1",
        "-H",
        "end-user: jason",
    ]);
    assert!(output.status.success(), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["authority"], "reviews:9080");
    assert_eq!(report["changes"]["added"], serde_json::json!([["x-subset", "v2"]]));
    assert_eq!(report["headers"][4], serde_json::json!(["end-user", "jason"]));
    assert_eq!(report["reply"], serde_json::Value::Null);
}

#[test]
fn people_see_what_was_added() {
    let module = module("text");
    let output = run(&[module.to_str().expect("a path in text"), "--", "GET", "/cart"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("GET http://localhost/cart leaves for the upstream"), "{text}");
    assert!(text.contains("  + x-subset    v2\n"), "{text}");
}

#[test]
fn a_refused_configuration_is_exit_status_1_and_the_filters_own_words() {
    let module = module("refused");
    let module = module.to_str().expect("a path in text");
    let output = run(&[module, "--config", module, "--", "GET", "/"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("no configuration, please"), "{text}");
}

#[test]
fn wrong_usage_is_exit_status_2() {
    let wrong: [&[&str]; 4] = [
        &["m.wasm"],
        &["m.wasm", "--", "GET"],
        &["m.wasm", "-p", "path", "--", "GET", "/"],
        &["m.wasm", "-c", "1", "-c", "2", "--", "GET", "/"],
    ];
    for arguments in wrong {
        assert_eq!(run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

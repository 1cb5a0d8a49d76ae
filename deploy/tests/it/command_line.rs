//! The command line: exit status, messages, output.

use std::process::{Command, Output};

fn serin(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_serin")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

const MANIFESTS: &str = "
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec: {selector: {app: reviews}, ports: [{name: http, port: 9080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: reviews-v1}
spec: {template: {metadata: {labels: {app: reviews}}}}
";

#[test]
fn a_usage_that_is_wrong_ends_with_2() {
    for arguments in
        [&["up"][..], &["up", "a.yaml", "--filters", "nope"], &["fly"], &["up", "a.yaml", "--label", "app"]]
    {
        assert_eq!(serin(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn an_input_that_is_wrong_ends_with_1_and_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("wrong.yaml");
    std::fs::write(&file, "kind: VirtualService\nmetadata: {name: a}\nspec: {hostss: []}\n").unwrap();
    let output = serin(&["up", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("wrong.yaml: VirtualService default/a: spec.hostss: unknown field"),
        "{output:?}"
    );
}

#[test]
fn the_rendered_yaml_and_json_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("shop.yaml");
    std::fs::write(&file, MANIFESTS).unwrap();
    let file = file.to_str().unwrap();
    let yaml = serin(&["render", "envoy", file, "--modules", "/etc/serin", "--filters", "canary"]);
    let json = serin(&["render", "envoy", file, "--modules", "/etc/serin", "--filters", "canary", "--output", "json"]);
    assert!(yaml.status.success() && json.status.success(), "{yaml:?}");
    assert!(text(&yaml.stdout).contains("# mesh listens on 127.0.0.1:9080."), "{}", text(&yaml.stdout));
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(serde_saphyr::from_str::<serde_json::Value>(text(&yaml.stdout)).unwrap(), json);
    assert!(json.to_string().contains("/etc/serin/canary.wasm"));
}

#[test]
fn scenarios_are_counted_in_the_last_line() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), MANIFESTS).unwrap();
    let scenarios = directory.path().join("scenarios.yaml");
    let step = "get: http://reviews:9080/, requests: 20, expect:";
    let text_of_scenarios = format!(
        "- {{name: right, manifests: [shop.yaml], steps: [{{{step} {{answers: {{reviews-v1: 1}}}}}}]}}\n\
         - {{name: wrong, manifests: [shop.yaml], steps: [{{{step} {{status: 404}}}}]}}\n\
         - {{name: nothing, manifests: [gone.yaml], steps: [{{{step} {{status: 404}}}}]}}\n"
    );
    std::fs::write(&scenarios, text_of_scenarios).unwrap();
    let scenarios = scenarios.to_str().unwrap();

    let all = serin(&["test", scenarios, "--filters", "canary"]);
    assert_eq!(all.status.code(), Some(1));
    assert_eq!(text(&all.stdout).lines().last(), Some("1 passed, 2 failed"), "{}", text(&all.stdout));
    assert!(text(&all.stdout).contains("20 from reviews-v1, which is not expected"), "{}", text(&all.stdout));
    assert!(text(&all.stdout).contains("gone.yaml: no such file"), "{}", text(&all.stdout));

    let right = serin(&["test", scenarios, "--filters", "canary", "--only", "right", "--output", "json"]);
    assert_eq!(right.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&right.stdout).unwrap();
    assert_eq!((&report["passed"], &report["failed"]), (&1.into(), &0.into()));
    assert_eq!(report["outcomes"][0]["seen"]["reviews-v1"], 20);

    let none = serin(&["test", scenarios, "--only", "canary"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(text(&none.stderr).starts_with("no scenario has \"canary\" in its name; there are"), "{none:?}");
}

#[test]
fn help_names_every_option() {
    for (arguments, option) in [
        (&["up", "--help"][..], "--filters"),
        (&["test", "--help"], "--only"),
        (&["render", "envoy", "--help"], "--modules"),
    ] {
        let output = serin(arguments);
        assert!(output.status.success() && text(&output.stdout).contains(option), "{output:?}");
    }
}

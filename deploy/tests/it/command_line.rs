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

/// Everything that a DestinationRule may say here, once.
const POLICIES: &str = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 9, connectTimeout: 30ms, idleTimeout: 1h, maxConnectionDuration: 2h, tcpKeepalive: {probes: 3, time: 2h, interval: 75s}}
      http: {http1MaxPendingRequests: 8, http2MaxRequests: 7, maxRequestsPerConnection: 6, maxRetries: 5, idleTimeout: 90s, h2UpgradePolicy: UPGRADE}
    outlierDetection:
      consecutive5xxErrors: 1
      consecutiveGatewayErrors: 2
      consecutiveLocalOriginFailures: 3
      splitExternalLocalOriginErrors: true
      interval: 500ms
      baseEjectionTime: 3m
      maxEjectionPercent: 100
      minHealthPercent: 10
  subsets:
  - {name: header, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: end-user, maglev: {tableSize: 1009}}}}}
  - {name: cookie, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: serin, ttl: 1h, path: /}}}}}
  - {name: address, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 64}}}}
  - {name: query, trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: uid, ringHash: {minimumRingSize: 64}}}}}
  - {name: random, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
  - {name: turns, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews, shop.example]
  http:
  - route: [{destination: {host: reviews, subset: header}}]
    mirrors: [{destination: {host: reviews, subset: cookie}}, {destination: {host: reviews, subset: query}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec: {servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ['*']}]}
";

#[test]
fn a_real_envoy_takes_what_is_rendered() {
    let directory = tempfile::tempdir().unwrap();
    for module in serin_modules::Module::ALL {
        std::fs::write(directory.path().join(format!("{}.wasm", module.name())), module.bytes()).unwrap();
    }
    let file = directory.path().join("shop.yaml");
    std::fs::write(&file, format!("{MANIFESTS}{POLICIES}")).unwrap();
    let (file, modules) = (file.to_str().unwrap(), directory.path().to_str().unwrap());
    for output in ["yaml", "json"] {
        let rendered =
            serin(&["render", "envoy", file, "--modules", modules, "--output", output, "--access-log", "/dev/null"]);
        assert!(rendered.status.success(), "{}", text(&rendered.stderr));
        let configuration = directory.path().join(format!("envoy.{output}"));
        std::fs::write(&configuration, &rendered.stdout).unwrap();
        let envoy = Command::new(serin::envoy::find(None).unwrap())
            .args(["--mode", "validate", "--log-level", "error", "--config-path"])
            .arg(&configuration)
            .output()
            .unwrap();
        assert!(envoy.status.success(), "{}", text(&envoy.stderr));
    }
}

/// A Gateway with TLS and a redirect, as in Istio's samples (https://github.com/istio/istio/tree/master/samples), one of the
/// Gateway API beside it, a rule for mutual TLS in the mesh, and whatever else lies in a folder.
const AS_PEOPLE_HAVE_IT: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: shop}
spec:
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: ['*'], tls: {httpsRedirect: true}}
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example], tls: {mode: SIMPLE, credentialName: shop-cert}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec: {hosts: [shop.example], gateways: [shop], http: [{route: [{destination: {host: reviews, subset: v1}}]}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}, subsets: [{name: v1}]}
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: smoke-}
---
{apiVersion: gateway.example/v1, kind: Gateway, metadata: {name: shop}, spec: {}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shop}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 8181, protocol: HTTP}]}
---
";

#[test]
fn manifests_as_people_have_them_stop_no_command() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), format!("{AS_PEOPLE_HAVE_IT}{MANIFESTS}")).unwrap();
    std::fs::write(directory.path().join("values.yaml"), "replicas: 3\n").unwrap();
    std::fs::write(directory.path().join("template.yaml"), "kind: Service\nmetadata: {name: {{ .Values.name }}}\n")
        .unwrap();
    std::fs::write(directory.path().join("package.json"), "{\"name\": \"web\"}").unwrap();
    let directory = directory.path().to_str().unwrap();
    for arguments in [
        &["render", "istio", directory, "--gateway", "default/shop", "--selector", "istio=ingressgateway"][..],
        &["render", "envoy", directory, "--gateway", "default/shop"],
        &["render", "envoy", directory],
        &["simulate", directory, "--gateway", "default/shop", "-n", "10"],
    ] {
        let output = serin(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("template.yaml:1: is a template: render it first"), "{output:?}");
    }
}

#[test]
fn a_scenario_says_what_it_read_past() {
    let directory = tempfile::tempdir().unwrap();
    let filter = "---\n{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: a}, spec: {}}\n";
    std::fs::write(directory.path().join("shop.yaml"), format!("{MANIFESTS}{filter}")).unwrap();
    let scenarios = directory.path().join("scenarios.yaml");
    let step = "get: http://reviews:9080/, requests: 5, expect: {answers: {reviews-v1: 1}}";
    std::fs::write(&scenarios, format!("- {{name: shop, manifests: [shop.yaml], steps: [{{{step}}}]}}\n")).unwrap();
    let output = serin(&["test", scenarios.to_str().unwrap(), "--filters", "canary"]);
    assert!(output.status.success(), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("note: shop: ") && said.contains("EnvoyFilter default/a: kind EnvoyFilter of"), "{said}");
}

//! `examples/compose`: its Envoy does what its README says, with other addresses only, and nothing is open to the network.

use crate::backend::{Backend, Behaviour, ask, ask_often};
use crate::files::{documents, value};
use serde_json::{Value, json};
use serin::envoy;
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const ENVOY: &str = "examples/compose/envoy.yaml";
const COMPOSE: &str = "examples/compose/compose.yaml";

/// Where compose.yaml mounts the modules.
const MODULES: &str = "/etc/envoy/filters";

/// Calls `see` with every object in `value`, itself included.
fn for_each_object(value: &mut Value, see: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(fields) => {
            see(fields);
            fields.values_mut().for_each(|value| for_each_object(value, see));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_object(item, see)),
        _ => {}
    }
}

/// The hosts that Envoy's clusters name, each with its port.
fn hosts() -> BTreeSet<(String, u64)> {
    let mut hosts = BTreeSet::new();
    for_each_object(&mut value(ENVOY)["static_resources"]["clusters"], &mut |fields| {
        if let (Some(Value::String(host)), Some(port)) = (fields.get("address"), fields.get("port_value")) {
            hosts.insert((host.clone(), port.as_u64().unwrap()));
        }
    });
    hosts
}

#[test]
fn every_host_that_envoy_names_is_a_service_that_listens_there() {
    let compose = value(COMPOSE);
    for (host, port) in hosts() {
        let service = &compose["services"][&host];
        assert_eq!(service["hostname"], json!(host), "the echo server answers with its host's name");
        assert_eq!(service["command"], json!(["python3", "/echo.py", port.to_string()]), "{host}");
    }
    let depends_on = compose["services"]["envoy"]["depends_on"].as_array().unwrap();
    let hosts: BTreeSet<String> = hosts().into_iter().map(|(host, _)| host).collect();
    assert_eq!(depends_on.iter().map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), hosts);
}

#[test]
fn ports_are_published_for_this_machine_only() {
    let compose = value(COMPOSE);
    let mut published = BTreeSet::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        for port in service["ports"].as_array().into_iter().flatten() {
            let inner =
                port.as_str().and_then(|port| port.strip_prefix("127.0.0.1:")).and_then(|ports| ports.split_once(':'));
            let (outer, inner) = inner.unwrap_or_else(|| panic!("{name}: {port} is not on 127.0.0.1"));
            assert_eq!(outer, inner);
            published.insert(inner.parse::<u64>().unwrap());
        }
        assert_eq!(service.get("network_mode"), None, "{name}");
    }
    let mut listened = BTreeSet::new();
    for_each_object(&mut value(ENVOY), &mut |fields| {
        if fields.get("address") == Some(&json!("0.0.0.0")) {
            listened.insert(fields["port_value"].as_u64().unwrap());
        }
    });
    assert_eq!(published, listened);
}

#[test]
fn the_modules_and_files_that_are_mounted_are_those_that_are_used() {
    let compose = value(COMPOSE);
    let volumes = compose["services"]["envoy"]["volumes"].as_array().unwrap();
    assert!(volumes.contains(&json!(format!("../../target/filters:{MODULES}:ro"))), "{volumes:?}");
    let echo = compose["services"]["reviews-v1"]["volumes"].as_array().unwrap();
    assert_eq!(*echo, [json!("../echo/echo.py:/echo.py:ro")]);
    assert!(crate::files::repository().join("examples/echo/echo.py").is_file());
}

#[test]
fn the_rules_are_those_of_the_example() {
    let mut configurations = Vec::new();
    for_each_object(&mut value(ENVOY), &mut |fields| {
        if let Some(configuration) = fields.get("configuration") {
            assert_eq!(configuration["@type"], "type.googleapis.com/google.protobuf.StringValue");
            configurations.push(serde_json::from_str::<Value>(configuration["value"].as_str().unwrap()).unwrap());
        }
    });
    let is_reviews = |manifest: &Value| manifest["kind"] == "Service" && manifest["metadata"]["name"] == "reviews";
    let service = documents("examples/bookinfo/bookinfo.yaml").into_iter().find(is_reviews).unwrap();
    let rules = ["destination-rule", "reviews-canary"].map(|file| value(&format!("examples/bookinfo/{file}.yaml")));
    let expected = json!({"resources": [service, rules[0], rules[1]]});
    assert_eq!(configurations, [expected]);
}

/// The configuration as a machine without containers can run it: other addresses, and modules from `modules`.
fn runnable(upstreams: &BTreeMap<String, Backend>, modules: &Path) -> Value {
    let mut configuration = value(ENVOY);
    for_each_object(&mut configuration, &mut |fields| {
        match fields.get("address") {
            Some(Value::String(address)) if address == "0.0.0.0" => {
                fields.insert("address".into(), json!("127.0.0.1"));
                fields.insert("port_value".into(), json!(0));
            }
            Some(Value::String(host)) => {
                let upstream = upstreams[host].address;
                fields.insert("address".into(), json!(upstream.ip().to_string()));
                fields.insert("port_value".into(), json!(upstream.port()));
            }
            _ => {}
        }
        if let Some(Value::String(file)) = fields.get_mut("filename") {
            let file_name = file.strip_prefix(MODULES).and_then(|rest| rest.strip_prefix('/')).unwrap();
            let module = Module::named(file_name.strip_suffix(".wasm").unwrap()).unwrap();
            let here = modules.join(file_name);
            fs::write(&here, module.bytes()).unwrap();
            *file = here.display().to_string();
        }
    });
    configuration
}

#[tokio::test(flavor = "multi_thread")]
async fn the_envoy_of_the_compose_file_does_what_the_readme_says() {
    let upstreams: BTreeMap<String, Backend> =
        hosts().into_iter().map(|(host, _)| (host.clone(), Backend::start(&host, Behaviour::Status(200)))).collect();
    let directory = tempfile::tempdir().unwrap();
    let configuration = runnable(&upstreams, directory.path());
    let envoy = envoy::Process::start(&envoy::find(None).unwrap(), &configuration, 1, directory).await;
    let envoy = envoy.unwrap_or_else(|failure| panic!("{failure}"));
    let mesh = envoy.listeners()["mesh"];

    let asked = tokio::task::spawn_blocking(move || {
        let reviews = ("host", "reviews:9080");
        let everybody = ask_often(500, mesh, "/reviews/1", &[reviews]);
        let jason = ask_often(50, mesh, "/reviews/1", &[reviews, ("end-user", "jason")]);
        let details = ("x-serin-cluster", "outbound|9080||details.default.svc.cluster.local");
        let made_up = ask(mesh, "/reviews/1", &[reviews, ("end-user", "jason"), details]);
        let no_rule = ask(mesh, "/details/1", &[("host", "details:9080"), ("x-serin-cluster", "made-up")]);
        let nobody = ask(mesh, "/", &[("host", "ratings:9080")]);
        (everybody, jason, made_up, no_rule, nobody)
    });
    let (everybody, jason, made_up, no_rule, nobody) = asked.await.unwrap();

    assert_eq!(everybody.keys().collect::<Vec<_>>(), ["reviews-v1", "reviews-v2"]);
    // One in ten of 500 are 50, and 34 more or less are five standard deviations.
    assert!(everybody["reviews-v2"].abs_diff(50) < 34, "{everybody:?}");
    assert_eq!(jason, BTreeMap::from([("reviews-v2".to_owned(), 50)]));
    assert_eq!(upstreams["reviews-v3"].requests_of(500), 500, "v3 gets a copy of what everybody but jason asks");
    assert_eq!((made_up.as_str(), no_rule.as_str(), nobody.as_str()), ("reviews-v2", "details-v1", "404"));
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_filter_the_envoy_of_the_compose_file_believes_no_client() {
    let upstreams: BTreeMap<String, Backend> =
        hosts().into_iter().map(|(host, _)| (host.clone(), Backend::start(&host, Behaviour::Status(200)))).collect();
    let directory = tempfile::tempdir().unwrap();
    let mut configuration = runnable(&upstreams, directory.path());
    for_each_object(&mut configuration, &mut |fields| {
        if let Some(filters) = fields.get_mut("http_filters").and_then(Value::as_array_mut) {
            filters.retain(|filter| filter["name"] != "serin.canary");
            assert_eq!(filters.len(), 1);
        }
    });
    let envoy = envoy::Process::start(&envoy::find(None).unwrap(), &configuration, 1, directory).await;
    let envoy = envoy.unwrap_or_else(|failure| panic!("{failure}"));
    let mesh = envoy.listeners()["mesh"];
    let asked = tokio::task::spawn_blocking(move || {
        let details = "outbound|9080||details.default.svc.cluster.local";
        let forged = [("host", "reviews:9080"), ("x-serin-cluster", details), ("x-serin-shadow-1", details)];
        ask_often(50, mesh, "/reviews/1", &forged)
    });
    let answers = asked.await.unwrap();
    assert!(answers.keys().all(|answer| answer.starts_with("reviews-v")), "{answers:?}");
    assert_eq!(upstreams["details-v1"].requests_of(0), 0);
    envoy.stop().await;
}

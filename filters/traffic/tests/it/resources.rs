//! Which of the resources are the filters', and which pass.

use crate::scene::{cluster, get, policy, refusal, rules, subset, test, to_subset, virtual_service, warnings};
use serde_json::{Value, json};

fn with(others: &[Value]) -> Value {
    let mut configuration = rules(json!([to_subset("v1", json!([]))]));
    configuration["resources"].as_array_mut().unwrap().extend(others.iter().cloned());
    configuration
}

fn of(api_version: &str, kind: &str, spec: Value) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "reviews", "namespace": "default"}, "spec": spec})
}

#[test]
fn a_kind_of_the_same_name_in_another_api_group_is_another_kind() {
    // App Mesh's VirtualService has `provider`, Knative's Service `template`: nothing of them is read.
    let app_mesh = of("appmesh.k8s.aws/v1beta2", "VirtualService", json!({"provider": {"virtualRouter": {}}}));
    let knative = of("serving.knative.dev/v1", "Service", json!({"template": {"spec": {}}, "ports": "none"}));
    let configuration = with(&[app_mesh, knative]);
    assert_eq!(subset(&policy(configuration.clone()), &get("reviews", "/")), "v1");
    let said = warnings(configuration);
    assert!(
        said.contains(&"resources[1]: VirtualService of appmesh.k8s.aws/v1beta2 is not read".to_owned()),
        "{said:?}"
    );
    assert!(said.contains(&"resources[2]: Service of serving.knative.dev/v1 is not read".to_owned()), "{said:?}");
}

#[test]
fn a_kind_that_the_filters_have_no_use_for_passes_whatever_it_looks_like() {
    for foreign in [
        of("apps/v1", "Deployment", json!({"replicas": 1})),
        of("networking.istio.io/v1", "Sidecar", json!({"egress": []})),
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "smoke-"}}),
        json!({"apiVersion": "v1", "kind": "Secret", "data": {}, "type": "Opaque", "metadata": "odd"}),
    ] {
        assert_eq!(subset(&policy(with(&[foreign.clone(), foreign])), &get("reviews", "/")), "v1");
    }
}

#[test]
fn two_names_that_kubernetes_makes_up_are_two_names() {
    let generated = |host: &str| {
        let mut rule = virtual_service("", json!({"hosts": [host], "http": [to_subset("v2", json!([]))]}));
        rule["metadata"] = json!({"generateName": "shop-", "namespace": "default"});
        rule
    };
    let policy = policy(json!({"resources": [generated("reviews"), generated("ratings")]}));
    assert_eq!(subset(&policy, &get("reviews", "/")), "v2");
    assert_eq!(subset(&policy, &get("ratings", "/")), "v2");
}

#[test]
fn the_only_port_of_a_service_entry_is_the_port_of_its_hosts() {
    let entry =
        |ports: Value| of("networking.istio.io/v1", "ServiceEntry", json!({"hosts": ["api.example"], "ports": ports}));
    let to_api = |entry: Value| {
        let rule = json!({"hosts": ["reviews"], "http": [{"route": [{"destination": {"host": "api.example"}}]}]});
        cluster(&policy(json!({"resources": [virtual_service("reviews", rule), entry]})), &get("reviews", "/"))
    };
    let (http, https) =
        (json!({"number": 80, "name": "http"}), json!({"number": 443, "name": "https", "protocol": "TLS"}));
    assert_eq!(to_api(entry(json!([https]))), "outbound|443||api.example");
    // Of several, it is the listener's.
    assert_eq!(to_api(entry(json!([http, https]))), "outbound|9080||api.example");
}

#[test]
fn what_is_ours_is_read_strictly_beside_what_is_not() {
    let foreign = of("appmesh.k8s.aws/v1beta2", "VirtualService", json!({}));
    let mut misspelt = virtual_service("ratings", json!({"hosts": ["ratings"], "htp": []}));
    assert!(refusal(with(&[foreign.clone(), misspelt.clone()])).starts_with("resources[2].spec.htp: unknown field"));
    misspelt["apiVersion"] = json!("v1");
    assert!(refusal(with(&[foreign, misspelt])).starts_with("resources[2].apiVersion: v1 is not one"));
}

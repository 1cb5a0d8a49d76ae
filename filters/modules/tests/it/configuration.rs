//! What the modules take, and what they say when they do not.

use crate::scene::{chain, cluster, proxy, rules, to};
use host_test::get;
use serde_json::{Value, json};
use serin_modules::Module;

#[test]
fn a_misspelt_field_is_refused_with_path_and_reason() {
    let mut rules = rules(json!([{"route": [to("v1")]}]));
    rules["resources"][0]["spec"]["http"][0]["rout"] = json!([]);
    for module in Module::ALL {
        let refusal = chain(&[module], &rules).refusal();
        assert!(refusal.contains("resources[0].spec.http[0].rout: unknown field `rout`"), "{refusal}");
        assert_eq!(refusal.lines().count(), 1);
    }
}

#[test]
fn without_configuration_a_filter_does_nothing() {
    for module in Module::ALL {
        assert!(proxy(&[module], &json!({})).send(get("http://reviews/")).is_untouched());
    }
}

#[test]
fn a_refused_configuration_leaves_the_one_before_in_place() {
    let good = rules(json!([{"route": [to("v1")]}]));
    let mut proxy = proxy(&[Module::Canary], &good);
    assert!(proxy.reconfigure([r#"{"resources": 7}"#]).is_err());
    let exchange = proxy.send(get("http://reviews:9080/"));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v1")));
}

#[test]
fn a_new_configuration_is_taken_while_requests_come() {
    let mut proxy = proxy(&[Module::Canary], &rules(json!([{"route": [to("v1")]}])));
    proxy.reconfigure([rules(json!([{"route": [to("v2")]}])).to_string()]).expect("it is a good one");
    let exchange = proxy.send(get("http://reviews:9080/"));
    assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v2")));
}

#[test]
fn who_calls_is_read_from_the_nodes_metadata() {
    let by_source = rules(json!([
        {"match": [{"sourceLabels": {"app": "productpage"}, "sourceNamespace": "prod"}], "route": [to("v2")]},
        {"route": [to("v1")]},
    ]));
    let node = |namespace: &str, app: &str| {
        let mut proxy = chain(&[Module::Canary], &by_source)
            .property(["xds", "node", "metadata", "NAMESPACE"], namespace)
            .property(["xds", "node", "metadata", "LABELS", "app"], app)
            .start();
        let exchange = proxy.send(get("http://reviews.default:9080/"));
        exchange.upstream_header("x-serin-subset").map(str::to_owned)
    };
    assert_eq!(node("prod", "productpage").as_deref(), Some("v2"));
    assert_eq!(node("prod", "ratings").as_deref(), Some("v1"));
    assert_eq!(node("default", "productpage").as_deref(), Some("v1"));
}

#[test]
fn warnings_are_logged() {
    let proxy = proxy(&[Module::HeaderRouter], &rules(json!([{"route": [to("v1")]}])));
    let log: Vec<String> = proxy.log().iter().map(|line| line.message.clone()).collect();
    assert!(log.iter().any(|line| line.contains("no DestinationRule here declares the subset v1")), "{log:?}");
    assert!(log.iter().any(|line| line.contains("configured, 1 VirtualService(s) with 1 rule(s)")), "{log:?}");
}

#[test]
fn the_example_of_the_page_is_taken() {
    let page = include_str!("../../../../docs/configuration.md");
    let blocks: Vec<&str> = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let configuration: Value = serde_json::from_str(block).expect("the block is JSON");
        let exchange =
            proxy(&[Module::Canary], &configuration).send(get("http://reviews:9080/").header("end-user", "jason"));
        assert_eq!(exchange.upstream_header("x-serin-cluster"), Some(&*cluster("v2")));
    }
}

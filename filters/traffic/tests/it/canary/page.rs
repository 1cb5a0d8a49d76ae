//! The page for operators, docs/canary-policy.md: what it shows is taken, and does what it says.

use super::worker::{Fake, choose, to};
use crate::scene::{compiled, get, test, virtual_service};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../../docs/canary-policy.md");

/// The policies that the page shows, in order.
fn policies() -> Vec<Value> {
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("there is one"));
    let read = |block| serde_saphyr::from_str(block).unwrap_or_else(|mistake| panic!("{mistake}:\n{block}"));
    blocks.map(read).collect()
}

fn configuration(policy: Value) -> Value {
    let route = json!([to("v1", 90), to("v2", 10)]);
    let spec = json!({"hosts": ["reviews"], "http": [
        {"name": "mobile", "match": [{"headers": {"user-agent": {"prefix": "mobile"}}}], "route": route},
        {"name": "default", "route": route},
    ]});
    let subsets = json!([{"name": "v1"}, {"name": "v2"}]);
    let destination_rule = json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule",
        "metadata": {"name": "reviews"}, "spec": {"host": "reviews", "subsets": subsets}});
    json!({"resources": [virtual_service("reviews", spec), destination_rule, policy]})
}

#[test]
fn every_policy_on_the_page_is_taken_without_a_warning() {
    let policies = policies();
    assert_eq!(policies.len(), 5);
    for policy in policies {
        let warnings: Vec<String> =
            compiled(configuration(policy.clone())).warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, Vec::<String>::new(), "{policy}");
    }
}

#[test]
fn the_first_policy_ramps_users_and_strangers() {
    let policy = compiled(configuration(policies().remove(0))).policy;
    // A step of 9.5 is made at the start.
    let mary = get("reviews", "/").header("end-user", "mary").at(1_795_186_800);
    let text = choose(&policy, &mary, &Fake::default()).to_string();
    assert!(text.starts_with("v1 sticky=header:end-user ticket=") && text.ends_with(" weight=85.5"), "{text}");
    let stranger = get("reviews", "/").at(1_795_186_800);
    assert!(choose(&policy, &stranger, &Fake::default()).to_string().contains(" sticky=issueCookie:serin "));
    assert!(policy.reveals(policy.route(&mary)));
}

#[test]
fn the_second_policy_has_a_split_of_its_own_for_one_rule() {
    let policy = compiled(configuration(policies().remove(1))).policy;
    let text = |request| choose(&policy, &request, &Fake::default()).to_string();
    assert!(text(get("reviews", "/")).contains(" exact "));
    assert!(text(get("reviews", "/").header("user-agent", "mobile").from("192.0.2.7")).contains(" sticky=sourceIp "));
}

//! The pages for operators: the CanaryPolicies that they show are taken, and do what they say.

use super::worker::{Fake, choose, to};
use crate::scene::{compiled, get, test, virtual_service, warnings};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../../../docs/canary-policy.md");

/// The policies that a page shows, in order.
fn policies(page: &str) -> Vec<Value> {
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("there is one"));
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
fn every_policy_that_is_shown_is_taken_without_a_warning() {
    let others = [include_str!("../../../../../docs/shadow-mirror.md"), include_str!("../../../../../README.md")];
    for (page, count) in [(PAGE, 5), (others[0], 1), (others[1], 1)] {
        let policies = policies(page);
        assert_eq!(policies.len(), count);
        for policy in policies {
            assert_eq!(warnings(configuration(policy.clone())), [""; 0], "{policy}");
        }
    }
}

#[test]
fn the_first_policy_ramps_users_and_strangers() {
    let policy = compiled(configuration(policies(PAGE).remove(0))).policy;
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
    let policy = compiled(configuration(policies(PAGE).remove(1))).policy;
    let text = |request| choose(&policy, &request, &Fake::default()).to_string();
    assert!(text(get("reviews", "/")).contains(" exact "));
    assert!(text(get("reviews", "/").header("user-agent", "mobile").from("192.0.2.7")).contains(" sticky=sourceIp "));
}

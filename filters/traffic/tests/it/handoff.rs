//! What filters tell each other.

use crate::scene::{get, policy, rules, test, to_subset};
use serde_json::json;
use serin_traffic::Outcome;

#[test]
fn an_outcome_is_read_as_it_was_published() {
    let policy = policy(rules(json!([to_subset("v2", json!([{"uri": {"exact": "/a"}}]))])));
    for (target, host) in [("/a", "reviews"), ("/b", "reviews"), ("/a", "ratings")] {
        let outcome = policy.route(&get(host, target));
        assert_eq!(policy.read_published(policy.publish(outcome).as_bytes()), Some(outcome));
    }
}

#[test]
fn people_can_read_what_is_published() {
    let policy = policy(rules(json!([to_subset("v2", json!([{"uri": {"exact": "/a"}}]))])));
    let digest = policy.digest();
    let published = |host, target| policy.publish(policy.route(&get(host, target)));
    assert_eq!(published("reviews", "/a"), format!("{digest} 0.0.0 default/reviews/http[0]"));
    assert_eq!(published("reviews", "/b"), format!("{digest} 0.- default/reviews"));
    assert_eq!(published("ratings", "/a"), format!("{digest} -"));
}

#[test]
fn what_another_configuration_published_is_not_believed() {
    let old = policy(rules(json!([to_subset("v1", json!([]))])));
    let new = policy(rules(json!([to_subset("v2", json!([]))])));
    assert_eq!(new.read_published(old.publish(old.route(&get("reviews", "/"))).as_bytes()), None);
}

#[test]
fn nonsense_is_not_believed() {
    let policy = policy(rules(json!([to_subset("v1", json!([]))])));
    let digest = policy.digest();
    for text in [
        "",
        " ",
        "-",
        "zz 0.0",
        &format!("{digest}"),
        &format!("{digest} 0.7"),
        &format!("{digest} 9.-"),
        &format!("{digest} 0"),
        &format!("{digest} -1.0"),
        &format!("{digest} 99999999999999999999.0"),
    ] {
        assert_eq!(policy.read_published(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(policy.read_published(b"\xff"), None);
    assert_eq!(policy.read_published(format!("{digest} -").as_bytes()), Some(Outcome::NoHost));
}

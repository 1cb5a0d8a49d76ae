//! Samples by a key: who is copied.

use crate::scene::{decide, get, policy, rules, test};
use serde_json::{Value, json};
use serin_traffic::Policy;

const USERS: u32 = 100_000;

/// Mirrors with these percentages, sampled by the user.
fn sampled(percentages: &[f64], shadow: Value) -> Policy {
    let mirror = |(place, value): (usize, &f64)| json!({"destination": {"host": "reviews", "subset": format!("v{place}")}, "percentage": {"value": value}});
    let mirrors: Vec<Value> = percentages.iter().enumerate().map(mirror).collect();
    let mut rules =
        rules(json!([{"name": "all", "route": [{"destination": {"host": "reviews"}}], "mirrors": mirrors}]));
    rules["resources"].as_array_mut().expect("it is a list").push(json!({
        "apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews"},
        "spec": {"virtualService": "reviews", "routes": [{"shadow": shadow}]}}));
    policy(rules)
}

fn by_user(salt: &str) -> Value {
    json!({"key": [{"header": "user"}], "salt": salt})
}

/// The places of the mirrors that get a copy of what this user asks, when chance says `ticket`.
fn sample(policy: &Policy, user: Option<u32>, ticket: u64) -> Vec<usize> {
    let request = match user {
        Some(user) => get("reviews", "/").header("user", format!("user-{user}")),
        None => get("reviews", "/"),
    };
    let copies = decide(policy, &request, ticket).copies;
    let place = |cluster: &str| cluster.split('|').nth(2).and_then(|subset| subset.strip_prefix('v')?.parse().ok());
    copies.iter().map(|copy| place(&copy.cluster).expect("its subset is its place")).collect()
}

/// Whether so many of all users are within three standard deviations of `percent`.
fn is_fair(count: usize, percent: f64) -> bool {
    let (all, share) = (f64::from(USERS), percent / 100.0);
    (count as f64 - all * share).abs() <= 3.0 * (all * share * (1.0 - share)).sqrt()
}

#[test]
fn a_percentage_by_key_is_that_percentage_of_the_keys() {
    let percentages = [1.0, 0.5, 0.01, 30.0];
    let policy = sampled(&percentages, by_user("salt"));
    let mut counts = [0; 4];
    for user in 0..USERS {
        let places = sample(&policy, Some(user), 0);
        assert_eq!(places, sample(&policy, Some(user), u64::MAX), "chance has no say");
        places.into_iter().for_each(|place| counts[place] += 1);
    }
    for (count, percent) in counts.into_iter().zip(percentages) {
        assert!(is_fair(count, percent), "{count} at {percent} %");
    }
}

#[test]
fn a_smaller_sample_always_lies_within_a_larger_one() {
    let (policy, other) = (sampled(&[1.0, 10.0], by_user("salt")), sampled(&[5.0], by_user("salt")));
    for user in 0..20_000 {
        let (places, in_between) = (sample(&policy, Some(user), 0), sample(&other, Some(user), 0));
        assert!(!places.contains(&0) || in_between == [0], "user {user}: of 1 % are all in 5 %");
        assert!(in_between.is_empty() || places.contains(&1), "user {user}: of 5 % are all in 10 %");
    }
}

#[test]
fn samples_with_other_salts_are_independent() {
    let (policy, other) = (sampled(&[10.0], by_user("one")), sampled(&[10.0], by_user("two")));
    let in_both = (0..USERS).filter(|user| [&policy, &other].iter().all(|of| sample(of, Some(*user), 0) == [0]));
    let count = in_both.count();
    assert!(is_fair(count, 1.0), "{count}");
}

#[test]
fn a_request_without_a_key_is_sampled_by_chance() {
    let policy = sampled(&[1.0], by_user("salt"));
    assert_eq!(sample(&policy, None, 0), [0]);
    assert!(sample(&policy, None, u64::MAX).is_empty());
}

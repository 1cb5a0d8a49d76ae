//! The page for operators, docs/conditions.md: what it shows is taken.

use super::{Get, Place, SALT, When, cookies, get};
use crate::key::KeyChain;
use crate::written::{CanaryPolicy, CanaryRoute, Manifest, Spec};

const PAGE: &str = include_str!("../../../../../../docs/conditions.md");

/// The policies that the page shows, in order.
fn policies() -> Vec<CanaryPolicy> {
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let read = |block| {
        let value = serde_saphyr::from_str(block).unwrap_or_else(|mistake| panic!("{mistake}:\n{block}"));
        match Manifest::read("page", value).unwrap_or_else(|refusal| panic!("{refusal}:\n{block}")).spec {
            Spec::CanaryPolicy(policy) => *policy,
            _ => panic!("is no CanaryPolicy:\n{block}"),
        }
    };
    blocks.map(read).collect()
}

fn when(route: &CanaryRoute) -> Option<When> {
    let place = Place::root("when");
    route.when.as_ref().map(|written| {
        When::compile(&place, written, SALT, crate::written::RegexEncoding::default())
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    })
}

#[test]
fn every_policy_on_the_page_is_taken() {
    let policies = policies();
    assert!(policies.len() >= 3, "{}", policies.len());
    for route in policies.iter().flat_map(|policy| &policy.routes) {
        when(route);
        for (key, issue_allowed) in [
            (route.split.as_ref().map(|split| &split.key), true),
            (route.shadow.as_ref().map(|shadow| &shadow.key), false),
        ] {
            if let Some(key) = key.filter(|key| !key.is_empty()) {
                KeyChain::compile(&Place::root("key"), key, issue_allowed)
                    .unwrap_or_else(|refusal| panic!("{refusal}"));
            }
        }
    }
}

#[test]
fn the_first_rung_of_the_page_is_for_the_staff_and_some_of_the_beta_group() {
    let policies = policies();
    let rung = policies.iter().flat_map(|policy| &policy.routes).find_map(when).unwrap();
    let holds = |request: Get| rung.holds(&request);
    assert!(holds(get("/").from("10.20.0.7")));
    assert!(!holds(get("/").from("192.0.2.7")));
    let beta = |user: &str| cookies("group=beta").header("end-user", user).from("192.0.2.7");
    // With the page's salt their tickets are at 9.8 and 81.1 %.
    assert!(holds(beta("hugo")) && !holds(beta("jason")));
}

//! Destinations that lose their share: to a guard for a while, or because nobody is there.

use super::worker::{Fake, choose, split, subset, thousand, to, with_factor, without};
use super::{START, by_user, hits, mary, ninety_to_ten, ramp, user};
use crate::scene::{get, test};
use serde_json::{Value, json};
use serin_traffic::PickedBy;

fn guard() -> Value {
    json!({"subset": "v2", "maxErrorPercent": 5})
}

#[test]
fn a_withdrawn_canary_leaves_its_share_to_the_others() {
    let policy = split(json!([to("v1", 60), to("v2", 20), to("v3", 20)]), json!({"guard": guard()}));
    assert_eq!(thousand(&policy, &mary(), &with_factor(100.0)).len(), 3);
    let counted = thousand(&policy, &mary(), &with_factor(0.0));
    assert!(!counted.contains_key("v2") && (748..=752).contains(&counted["v1"]), "{counted:?}");
}

#[test]
fn in_a_trial_it_has_a_part_of_its_share() {
    let policy = split(json!([to("v1", 50), to("v2", 50)]), json!({"guard": guard()}));
    let counted = thousand(&policy, &mary(), &with_factor(10.0));
    assert!((48..=52).contains(&counted["v2"]), "{counted:?}");
    assert_eq!(choose(&policy, &mary(), &with_factor(10.0)).to_string(), "v1 random weight=95");
}

#[test]
fn a_canary_that_has_everything_leaves_it_to_the_others_when_it_is_withdrawn() {
    let after_the_ramp = || get("reviews", "/").header("end-user", "mary").at(START + 7_200);
    for mode in [json!({}), json!({"mode": "exact"}), by_user()] {
        let entry = json!({"split": mode, "ramp": ramp(), "guard": guard()});
        let policy = split(json!([to("v1", 90), to("v2", 10)]), entry.clone());
        assert_eq!(thousand(&policy, &after_the_ramp(), &with_factor(100.0)), hits([("v2", 1_000)]));
        assert_eq!(thousand(&policy, &after_the_ramp(), &with_factor(0.0)), hits([("v1", 1_000)]));
        assert_eq!(choose(&policy, &after_the_ramp(), &with_factor(10.0)).destination.title(), "v1");
        let written = split(json!([to("v1", 0), to("v2", 100), to("v3", 0)]), json!({"guard": guard()}));
        let counted = thousand(&written, &mary(), &with_factor(0.0));
        assert!(!counted.contains_key("v2") && (498..=502).contains(&counted["v3"]), "evenly: {counted:?}");
    }
}

#[test]
fn nobody_else_moves_when_a_canary_is_withdrawn_and_all_are_back_when_it_is_restored() {
    for history in [json!([]), json!([[100, 0, 0], [80, 20, 0]])] {
        let mut entry = json!({"split": by_user(), "guard": guard()});
        entry["split"]["history"] = history;
        let policy = split(json!([to("v1", 50), to("v2", 30), to("v3", 20)]), entry);
        for request in (0..500).map(user) {
            let steady = subset(&policy, &request, &with_factor(100.0));
            let withdrawn = subset(&policy, &request, &with_factor(0.0));
            assert_ne!(withdrawn, "v2");
            assert!(steady == "v2" || steady == withdrawn);
            assert_eq!(subset(&policy, &request, &Fake::default()), steady);
        }
    }
}

#[test]
fn exact_turns_go_on_without_the_withdrawn() {
    let policy =
        split(json!([to("v1", 1), to("v2", 2), to("v3", 1)]), json!({"split": {"mode": "exact"}, "guard": guard()}));
    let mut worker = Fake::default();
    assert_eq!(thousand(&policy, &mary(), &worker), hits([("v1", 250), ("v2", 500), ("v3", 250)]));
    worker.factor = with_factor(0.0).factor;
    assert_eq!(thousand(&policy, &mary(), &worker), hits([("v1", 500), ("v3", 500)]));
}

#[test]
fn where_nobody_is_there_requests_pass_over() {
    for mode in [json!({}), json!({"mode": "exact"}), by_user()] {
        let policy = ninety_to_ten(json!({"split": mode, "failover": {}}));
        assert_eq!(thousand(&policy, &mary(), &without(&[0])), hits([("v2", 1_000)]));
        assert_eq!(thousand(&policy, &mary(), &without(&[1])), hits([("v1", 1_000)]));
        let choice_of = |worker: Fake| choose(&policy, &mary(), &worker).passed_over;
        assert_eq!(choice_of(Fake::default()), None);
        assert_eq!(choice_of(without(&[0])), Some(0));
    }
}

#[test]
fn if_every_destination_is_unavailable_the_first_choice_stands() {
    let policy = ninety_to_ten(json!({"split": by_user(), "failover": {}}));
    let choice = choose(&policy, &mary(), &Fake::default()).to_string();
    let nobody = without(&[0, 1]);
    assert_eq!(choose(&policy, &mary(), &nobody).to_string(), choice);
    assert_eq!(choose(&policy, &mary(), &nobody).passed_over, None);
}

#[test]
fn failover_asks_those_of_weight_0_only_if_nobody_else_is_there() {
    let policy = split(json!([to("v1", 0), to("v2", 90), to("v3", 10)]), json!({"failover": {}}));
    assert_eq!(thousand(&policy, &mary(), &without(&[1])), hits([("v3", 1_000)]));
    assert_eq!(thousand(&policy, &mary(), &without(&[1, 2])), hits([("v1", 1_000)]));
}

#[test]
fn failover_prefers_what_a_guard_has_withdrawn_to_what_is_not_there() {
    let policy = ninety_to_ten(json!({"guard": guard(), "failover": {}}));
    let mut worker = with_factor(0.0);
    worker.gone = vec![0];
    assert_eq!(thousand(&policy, &mary(), &worker), hits([("v2", 1_000)]));
}

#[test]
fn a_client_passed_over_gets_the_cookie_that_it_was_split_by() {
    let split_by = json!({"mode": "sticky", "key": [{"issueCookie": {"name": "serin"}}]});
    let policy = split(json!([to("v1", 1), to("v2", 1), to("v3", 1)]), json!({"split": split_by, "failover": {}}));
    let worker = without(&[0]);
    for _ in 0..50 {
        let stranger = get("reviews", "/");
        let choice = choose(&policy, &stranger, &worker);
        let PickedBy::Issued { value, .. } = &choice.way else { panic!("{choice:?}") };
        let known = get("reviews", "/").header("cookie", format!("serin={value}"));
        assert_eq!(choose(&policy, &known, &worker).place, choice.place);
    }
}

//! What a CanaryPolicy makes of a rule's split.

mod conditions;
#[cfg(not(target_arch = "wasm32"))]
mod page;
mod refusals;
mod withdrawals;
mod worker;

use self::worker::{Fake, canary, choose, rule, split, subset, thousand, to};
use crate::scene::{Get, get, test};
use serde_json::{Value, json};
use serin_traffic::{PickedBy, Policy, Sticky, Weights};
use std::collections::BTreeMap;

/// 2026-11-20T15:00:00Z, when the ramps of these scenes start.
const START: u64 = 1_795_186_800;

fn mary() -> Get {
    get("reviews", "/").header("end-user", "mary")
}

fn user(number: u32) -> Get {
    get("reviews", "/").header("end-user", number.to_string())
}

/// A split by the user.
fn by_user() -> Value {
    json!({"mode": "sticky", "key": [{"header": "end-user"}]})
}

fn ninety_to_ten(entry: Value) -> Policy {
    split(json!([to("v1", 90), to("v2", 10)]), entry)
}

/// From nothing to everything in two hours.
fn ramp() -> Value {
    json!({"subset": "v2", "from": 0, "to": 100, "start": "2026-11-20T15:00:00Z", "duration": "2h"})
}

fn percent_of_v2(policy: &Policy, seconds: u64) -> u32 {
    let share = rule(policy, &mary()).weights(|| (START + seconds) * 1_000_000_000).share(1);
    (share * 100.0).round() as u32
}

fn hits<const N: usize>(hits: [(&str, u32); N]) -> BTreeMap<String, u32> {
    BTreeMap::from(hits.map(|(subset, count)| (subset.to_owned(), count)))
}

#[test]
fn without_a_split_it_is_by_chance() {
    for entry in [json!({}), json!({"split": {}}), json!({"split": {"mode": "random"}})] {
        let policy = ninety_to_ten(entry);
        let counted = thousand(&policy, &mary(), &Fake::default());
        assert!((98..=102).contains(&counted["v2"]), "{counted:?}");
        assert_eq!(choose(&policy, &mary(), &Fake::default()).to_string(), "v1 random weight=90");
    }
}

#[test]
fn in_turn_any_ten_requests_are_split_as_they_should_be() {
    let policy = split(json!([to("v1", 70), to("v2", 30)]), json!({"split": {"mode": "exact"}}));
    let worker = Fake::default();
    let all: Vec<String> = (0..100).map(|_| subset(&policy, &mary(), &worker)).collect();
    assert!(all.windows(10).all(|ten| ten.iter().filter(|subset| *subset == "v2").count() == 3), "{all:?}");
    assert_eq!(choose(&policy, &mary(), &Fake::default()).to_string(), "v1 exact weight=70");
}

#[test]
fn a_key_meets_one_subset_on_every_worker_and_as_the_documents_say() {
    let policy = ninety_to_ten(json!({"split": by_user()}));
    let names = || [&b"reviews.default.svc.cluster.local|v1"[..], b"reviews.default.svc.cluster.local|v2"].into_iter();
    let (sticky, weights) = (Sticky::new(b"default/reviews/default"), Weights::new([90, 10]));
    let mut in_canary = 0;
    for number in 0..2_000 {
        let expected = sticky.pick(number.to_string().as_bytes(), names(), &weights).expect("there are weights");
        for worker in [Fake::default(), Fake::default()] {
            assert_eq!(choose(&policy, &user(number), &worker).place, expected.place, "{number}");
        }
        in_canary += expected.place;
    }
    // Five standard deviations of 2,000 draws at a tenth are 67.
    assert!((133..=267).contains(&in_canary), "{in_canary}");
}

#[test]
fn a_salt_of_its_own_makes_another_split() {
    let salted = |salt: &str| {
        let mut entry = json!({"split": by_user()});
        entry["split"]["salt"] = salt.into();
        let policy = split(json!([to("v1", 50), to("v2", 50)]), entry);
        (0..200).map(|number| subset(&policy, &user(number), &Fake::default())).collect::<Vec<_>>()
    };
    assert_ne!(salted("winter"), salted("summer"));
    assert_eq!(salted("default/reviews/default"), {
        let policy = split(json!([to("v1", 50), to("v2", 50)]), json!({"split": by_user()}));
        (0..200).map(|number| subset(&policy, &user(number), &Fake::default())).collect::<Vec<_>>()
    });
}

#[test]
fn each_key_sticks_and_says_where_it_was_found() {
    // {"sub":"mary"} in base64url.
    let payload = "eyJzdWIiOiJtYXJ5In0";
    for (key, request, source) in [
        (json!({"header": "End-User"}), mary(), "header:end-user"),
        (json!({"cookie": "session"}), get("reviews", "/").header("cookie", "a=b; session=mary"), "cookie:session"),
        (json!({"queryParam": "uid"}), get("reviews", "/?x=y&uid=mary"), "queryParam:uid"),
        (json!({"baggage": "user"}), get("reviews", "/").header("baggage", "user=mary;p=1"), "baggage:user"),
        (json!({"sourceIp": {}}), get("reviews", "/").from("192.0.2.7"), "sourceIp"),
        (
            json!({"jwtClaim": {"header": "x-jwt", "claim": "sub"}}),
            get("reviews", "/").header("x-jwt", payload),
            "jwtClaim:x-jwt:sub",
        ),
        (
            json!({"issueCookie": {"name": "serin"}}),
            get("reviews", "/").header("cookie", "serin=mary"),
            "issueCookie:serin",
        ),
    ] {
        let policy = split(json!([to("v1", 50), to("v2", 50)]), json!({"split": {"mode": "sticky", "key": [key]}}));
        let worker = Fake::default();
        let texts: Vec<String> = (0..20).map(|_| choose(&policy, &request, &worker).to_string()).collect();
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        assert_eq!(texts[0].split(' ').nth(1), Some(&*format!("sticky={source}")));
    }
}

#[test]
fn the_first_key_that_is_there_counts() {
    let keys = json!([{"header": "end-user"}, {"cookie": "session"}]);
    let policy = ninety_to_ten(json!({"split": {"mode": "sticky", "key": keys}}));
    let both = mary().header("cookie", "session=s");
    assert!(choose(&policy, &both, &Fake::default()).to_string().contains("sticky=header:end-user"));
    let other = get("reviews", "/").header("end-user", "").header("cookie", "session=s");
    assert!(choose(&policy, &other, &Fake::default()).to_string().contains("sticky=cookie:session"));
}

#[test]
fn who_has_no_key_is_split_by_chance() {
    let policy = ninety_to_ten(json!({"split": by_user()}));
    let counted = thousand(&policy, &get("reviews", "/"), &Fake::default());
    assert!((98..=102).contains(&counted["v2"]), "{counted:?}");
}

#[test]
fn a_decision_says_source_ticket_and_weight() {
    let policy = split(json!([to("v1", 0), to("v2", 10)]), json!({"split": by_user(), "failover": {}}));
    assert_eq!(
        choose(&policy, &mary(), &Fake::default()).to_string(),
        "v2 sticky=header:end-user ticket=0.0000 weight=100"
    );
    let policy = ninety_to_ten(json!({"split": by_user()}));
    let canary = (0..).map(user).find(|user| subset(&policy, user, &Fake::default()) == "v2").expect("there is one");
    let choice = choose(&policy, &canary, &Fake::default());
    let PickedBy::Sticky { ticket: Some(ticket), .. } = choice.way else { panic!("{choice:?}") };
    assert!((0.0..0.1).contains(&ticket), "a key of a tenth has a ticket below a tenth: {ticket}");
    assert_eq!(choice.to_string(), format!("v2 sticky=header:end-user ticket={ticket:.4} weight=10"));
}

#[test]
fn a_weight_is_said_to_four_decimals_at_most() {
    let policy = split(json!([to("v1", 2), to("v2", 1)]), json!({"split": {"mode": "exact"}}));
    assert_eq!(choose(&policy, &mary(), &Fake::default()).to_string(), "v1 exact weight=66.6667");
}

#[test]
fn a_destination_without_subset_is_called_by_its_host() {
    let route =
        json!([{"destination": {"host": "reviews"}, "weight": 1}, {"destination": {"host": "ratings"}, "weight": 1}]);
    let policy = split(route, json!({"split": {"mode": "exact"}}));
    let text = choose(&policy, &mary(), &Fake::default()).to_string();
    assert_eq!(text, "reviews.default.svc.cluster.local exact weight=50");
}

#[test]
fn whoever_gets_a_cookie_meets_the_same_subset_with_it() {
    let key = json!([{"header": "end-user"}, {"issueCookie": {"name": "serin", "ttl": "24h"}}]);
    let policy = split(json!([to("v1", 50), to("v2", 50)]), json!({"split": {"mode": "sticky", "key": key}}));
    let worker = Fake::default();
    let mut values = Vec::new();
    for _ in 0..50 {
        let stranger = get("reviews", "/");
        let choice = choose(&policy, &stranger, &worker);
        let PickedBy::Issued { value, ticket: Some(_), .. } = &choice.way else { panic!("{choice:?}") };
        assert!(choice.to_string().contains(" sticky=issueCookie:serin ticket="), "{choice}");
        let known = get("reviews", "/").header("cookie", format!("serin={value}"));
        assert_eq!(choose(&policy, &known, &Fake::default()).place, choice.place);
        assert!(!values.contains(value), "each client gets another");
        values.push(value.clone());
    }
    assert!(matches!(choose(&policy, &mary(), &worker).way, PickedBy::Sticky { .. }), "who has a key is given none");
}

#[test]
fn a_ramp_takes_a_share_by_the_clock_whatever_weight_is_written() {
    for weight in [0, 10, 100] {
        let policy = split(json!([to("v1", 100), to("v2", weight)]), json!({"ramp": ramp()}));
        let minutes = [0, 30, 60, 119, 120, 600].map(|minute| percent_of_v2(&policy, minute * 60));
        assert_eq!(minutes, [0, 25, 50, 99, 100, 100]);
        let at = |seconds| get("reviews", "/").at(START + seconds);
        assert_eq!(thousand(&policy, &at(0), &Fake::default()), hits([("v1", 1_000)]));
        assert_eq!(thousand(&policy, &at(7_200), &Fake::default()), hits([("v2", 1_000)]));
        let half = thousand(&policy, &at(3_600), &Fake::default());
        assert!((498..=502).contains(&half["v2"]), "{half:?}");
    }
}

#[test]
fn the_others_share_the_rest_of_a_ramp_in_proportion() {
    let policy = split(json!([to("v1", 60), to("v2", 0), to("v3", 20)]), json!({"ramp": ramp()}));
    let weights = rule(&policy, &mary()).weights(|| (START + 4_320) * 1_000_000_000);
    assert_eq!([0, 1, 2].map(|place| (weights.share(place) * 100.0).round()), [30.0, 60.0, 10.0]);
}

#[test]
fn whoever_is_in_stays_in_while_the_ramp_goes_on() {
    let policy = split(json!([to("v1", 100), to("v2", 0)]), json!({"split": by_user(), "ramp": ramp()}));
    let is_in = |number: u32, minute: u64| {
        let request = user(number).at(START + minute * 60);
        choose(&policy, &request, &Fake::default()).place == 1
    };
    for number in 0..300 {
        let path: Vec<bool> = (0..=120).step_by(10).map(|minute| is_in(number, minute)).collect();
        assert!(path.is_sorted(), "{number}: {path:?}");
        assert!(!path[0] && path[12]);
    }
}

#[test]
fn with_its_history_nobody_moves_but_who_must() {
    let before = split(json!([to("v1", 50), to("v2", 50), to("v3", 0)]), json!({"split": by_user(), "failover": {}}));
    let after = |history: Value| {
        let mut entry = json!({"split": by_user(), "failover": {}});
        entry["split"]["history"] = history;
        split(json!([to("v1", 0), to("v2", 50), to("v3", 50)]), entry)
    };
    let moves = |after: &Policy| {
        let mut moves = BTreeMap::new();
        for request in (0..1_000).map(user) {
            let pair = (subset(&before, &request, &Fake::default()), subset(after, &request, &Fake::default()));
            *moves.entry(pair).or_insert(0) += 1;
        }
        moves
    };
    let known = moves(&after(json!([[50, 50, 0]])));
    let paths: Vec<_> = known.keys().map(|(from, to)| format!("{from}-{to}")).collect();
    assert_eq!(paths, ["v1-v3", "v2-v2"]);
    let unknown = moves(&after(json!([])));
    assert!(unknown.contains_key(&("v2".to_owned(), "v3".to_owned())), "without it some move who need not");
    let policy = after(json!([[50, 50, 0]]));
    let text = choose(&policy, &mary(), &Fake::default()).to_string();
    assert!(text.ends_with(" sticky=header:end-user weight=50"), "there is no one ticket: {text}");
}

#[test]
fn an_entry_of_its_own_beats_the_one_for_every_rule() {
    let rules = json!({"hosts": ["reviews"], "http": [
        {"name": "one", "match": [{"uri": {"prefix": "/one"}}], "route": [to("v1", 1), to("v2", 1)]},
        {"match": [{"uri": {"prefix": "/two"}}], "route": [to("v1", 1), to("v2", 1)]},
        {"name": "alone", "route": [to("v1", 1)]},
    ]});
    let routes = json!([{"split": {"mode": "exact"}}, {"route": "one", "split": by_user()}]);
    let resources =
        json!({"resources": [worker::canary_policy(routes), crate::scene::virtual_service("reviews", rules)]});
    let policy = crate::scene::policy(resources);
    let text = |path: &str| {
        let request = get("reviews", path).header("end-user", "mary");
        choose(&policy, &request, &Fake::default()).to_string()
    };
    assert!(text("/one").contains("sticky"));
    assert_eq!(text("/two"), "v1 exact weight=50", "a rule without name is one of every rule");
    assert_eq!(text("/"), "v1", "one destination leaves nothing to choose");
}

#[test]
fn an_unnamed_rule_is_called_by_its_place() {
    let spec = json!({"hosts": ["reviews"], "http": [{"route": [to("v1", 1), to("v2", 1)]}]});
    let entry = json!([{"route": "http[0]", "split": {"mode": "exact"}}]);
    let resources = json!([crate::scene::virtual_service("reviews", spec), worker::canary_policy(entry)]);
    let policy = crate::scene::policy(json!({"resources": resources}));
    assert_eq!(choose(&policy, &mary(), &Fake::default()).to_string(), "v1 exact weight=50");
}

#[test]
fn answers_say_how_they_were_decided_only_if_the_policy_says_so() {
    for reveal in [false, true] {
        let mut configuration = canary(json!([to("v1", 1), to("v2", 1)]), json!({}));
        configuration["resources"][1]["spec"]["reveal"] = reveal.into();
        let policy = crate::scene::policy(configuration);
        assert_eq!(policy.reveals(policy.route(&mary())), reveal);
        assert!(!policy.reveals(policy.route(&get("ratings", "/"))), "a host that is nobody's");
    }
}

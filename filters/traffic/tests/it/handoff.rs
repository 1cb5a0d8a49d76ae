//! What filters of a chain tell each other.

use crate::scene::{Draws, Get, decide, decide_in_chain, get, policy, rules, test, to_subset, virtual_service};
use serde_json::{Value, json};
use serin_traffic::shadow::Reason;
use serin_traffic::{Change, CopyWay, Decision, Outcome, Part, Policy, Ticket};

fn weighted(subset: &str, weight: u32) -> Value {
    json!({"destination": {"host": "reviews", "subset": subset}, "weight": weight})
}

/// A rule with a rewrite and two destinations, of which the first changes requests and responses, and a mirror.
fn busy() -> Value {
    let mut first = weighted("v1", 50);
    first["headers"] = json!({
        "request": {"set": {"x-set": "%REQ(x-client)%"}, "add": {"x-add": "a=b c%%d"}, "remove": ["x-gone"]},
        "response": {"set": {"x-version": "v1"}},
    });
    json!({
        "name": "a b/c=d", "rewrite": {"uri": "/new"}, "route": [first, weighted("v2", 50)],
        "mirror": {"host": "reviews", "subset": "v3"}, "headers": {"response": {"set": {"x-rule": "1"}}},
    })
}

/// The busy rule, with the outputs and the entry of a CanaryPolicy.
fn configuration(entry: Value) -> Value {
    let mut entry = entry;
    entry["route"] = json!("a b/c=d");
    json!({
        "outputs": ["subset"],
        "resources": [
            virtual_service("reviews", json!({"hosts": ["reviews"], "http": [busy()]})),
            {"apiVersion": "serin.dev/v1alpha1", "kind": "CanaryPolicy", "metadata": {"name": "reviews", "namespace": "default"},
             "spec": {"virtualService": "reviews", "reveal": true, "routes": [entry]}},
        ],
    })
}

fn client() -> Get {
    get("reviews", "/old").header("x-client", b"caf\xe9 %20\t=").header("x-gone", "1")
}

/// The decision of the filter with this part, behind one that handed on `text`.
fn follow<'p>(policy: &'p Policy, part: Part, text: &str) -> Decision<'p> {
    policy.decide(&get("elsewhere", "/"), &Draws(Ticket(0)), part, policy.read_handoff(text.as_bytes()))
}

fn first(policy: &Policy) -> Decision<'_> {
    policy.decide(&client(), &Draws(Ticket(0)), Part::Route, None)
}

#[test]
fn a_chain_does_what_one_filter_does_even_if_its_later_filters_have_another_configuration() {
    let own = policy(configuration(json!({})));
    let whole = decide(&own, &client(), 0);
    for later in [own.clone(), policy(rules(json!([to_subset("v9", json!([]))]))), Policy::default()] {
        let chain = decide_in_chain(&own, &later, &client(), 0);
        assert_eq!(chain.request, whole.request);
        let (seen, due) = (chain.destination.expect("one"), whole.destination.as_ref().expect("one"));
        assert_eq!(
            (&seen.cluster, &seen.title, &seen.subset, seen.place),
            (&due.cluster, &due.title, &due.subset, due.place)
        );
        let copies = |decision: &Decision<'_>| {
            decision.copies.iter().map(|copy| (copy.cluster.clone().into_owned(), copy.way)).collect::<Vec<_>>()
        };
        assert_eq!(chain.copies.len(), 1);
        let handed: Vec<_> = chain.copies.iter().map(|copy| (copy.cluster.clone().into_owned(), copy.way)).collect();
        assert_eq!(handed, copies(&whole));
    }
}

#[test]
fn bytes_that_a_client_sends_are_handed_on_as_they_are() {
    let policy = policy(configuration(json!({})));
    let text = first(&policy).publish.expect("it is handed on");
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text:?}");
    let changes = follow(&policy, Part::Pick, &text).request;
    let expected = [
        Change::set("x-set", b"caf\xe9 %20\t=".to_vec()),
        Change::Add { name: "x-add".to_owned(), value: b"a=b c%d".to_vec() },
        Change::Remove { name: "x-gone".to_owned() },
    ];
    for change in expected {
        assert!(changes.contains(&change), "{change:?} of {changes:?}");
    }
}

#[test]
fn what_is_handed_on_is_counted_under_the_names_of_the_filter_that_decided() {
    let own = policy(configuration(json!({})));
    let text = first(&own).publish.expect("it is handed on");
    for later in [&own, &Policy::default()] {
        let decision = follow(later, Part::Pick, &text);
        assert_eq!(decision.names, ["default/reviews", "a b/c=d"]);
        assert_eq!(decision.destination.expect("one").title, "v1");
    }
}

#[test]
fn only_the_same_configuration_knows_the_rule() {
    let own = policy(configuration(json!({})));
    let decision = first(&own);
    let text = decision.publish.as_ref().expect("it is handed on");
    assert_eq!(follow(&own, Part::Pick, text).rule(), decision.rule());
    assert_eq!(follow(&Policy::default(), Part::Pick, text).rule(), None);
}

#[test]
fn what_belongs_to_the_destination_is_left_to_the_filter_that_names_it() {
    let own = policy(configuration(json!({})));
    let decision = first(&own);
    assert!(decision.request.iter().all(|change| change.name() != "x-set"), "{:?}", decision.request);
    let chosen = decision.destination.expect("one");
    assert!(chosen.is_handed_on);
    // The changes to the response stay, and say which of them hold only if it was named.
    assert_eq!(chosen.response_levels(), 1);
    assert!(decision.copies.is_empty());
}

#[test]
fn an_only_destination_is_named_by_the_filter_that_decides() {
    let policy = policy(rules(json!([to_subset("v1", json!([]))])));
    let decision = policy.decide(&get("reviews", "/"), &Draws(Ticket(0)), Part::Route, None);
    assert!(!decision.destination.expect("one").is_handed_on);
    let text = decision.publish.expect("it is published");
    assert!(follow(&policy, Part::Pick, &text).destination.is_none());
    assert!(follow(&policy, Part::Copy, &text).copies.is_empty());
}

#[test]
fn copies_that_the_filter_sends_itself_need_its_configuration() {
    let own = policy(configuration(json!({"shadow": {"delivery": "callout"}})));
    let text = first(&own).publish.expect("it is handed on");
    let ways = |later| follow(later, Part::Copy, &text).copies.iter().map(|copy| copy.way).collect::<Vec<_>>();
    assert_eq!(ways(&own), [CopyWay::Callout]);
    assert_eq!(ways(&Policy::default()), [CopyWay::Dropped(Reason::Reconfigured)]);
}

#[test]
fn each_filter_reveals_its_own_part() {
    let policy = policy(configuration(json!({})));
    let decision = first(&policy);
    let text = decision.publish.expect("it is handed on");
    let mut said = vec![decision.reveal.expect("it reveals")];
    said.extend([Part::Pick, Part::Copy].map(|part| follow(&policy, part, &text).reveal.expect("it reveals")));
    let whole = decide(&policy, &client(), 0).reveal.expect("it reveals").text;
    assert_eq!(said.iter().map(|reveal| reveal.text.as_str()).collect::<Vec<_>>().join(" "), whole);
    assert_eq!(said.iter().map(|reveal| reveal.continues).collect::<Vec<_>>(), [false, true, true]);
}

#[test]
fn a_filter_alone_does_its_own_part_only() {
    let policy = policy(configuration(json!({})));
    let pick = policy.decide(&client(), &Draws(Ticket(0)), Part::Pick, None);
    assert!(pick.destination.is_some() && pick.copies.is_empty());
    assert!(pick.request.iter().all(|change| change.name() != ":path"), "{:?}", pick.request);
    let copy = policy.decide(&client(), &Draws(Ticket(0)), Part::Copy, None);
    assert!(copy.destination.is_none() && copy.request.is_empty() && copy.copies.len() == 1);
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
fn what_no_filter_has_published_is_not_believed() {
    let policy = policy(rules(json!([to_subset("v1", json!([]))])));
    let digest = policy.digest();
    for text in ["", " ", "-", "zz 0.0", &format!("{digest}")] {
        assert_eq!(policy.read_handoff(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(policy.read_handoff(b"\xff"), None);
    let places = ["0.7", "9.-", "0", "-1.0", "99999999999999999999.0"];
    let words = [
        "owner=99 to=a",
        "owner=x slot=y",
        "place=7 set=",
        "to=a set= add=x remove=",
        "slot==",
        "drop=odd=c",
        "%",
        "==",
    ];
    for (place, words) in places.iter().flat_map(|place| words.map(|words| (place, words))) {
        let text = format!("{digest} {place} name {words}");
        for part in [Part::Pick, Part::Copy] {
            assert_eq!(follow(&policy, part, &text).outcome, Outcome::NoHost, "{text}");
        }
    }
}

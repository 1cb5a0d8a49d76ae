//! The header of answers that says how a request was decided.

use crate::scene::{COMPLETE, canary, proxy, rules, to, weighted};
use host_test::{Proxy, Request, get, response};
use serde_json::{Value, json};
use serin_modules::Module;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

/// What the answers to `request` say, whatever upstream says.
#[track_caller]
fn decisions(proxy: &mut Proxy, request: Request) -> Vec<String> {
    let mut exchange = proxy.send(request);
    assert_eq!(exchange.upstream_header("x-serin-decision"), None, "it is for answers only");
    if exchange.reply().is_none() {
        proxy.respond(&mut exchange, response(200).header("x-serin-decision", "an upstream's"));
    }
    let headers = &exchange.response().expect("the client was answered").headers;
    let said = headers.iter().filter(|(name, _)| *name == "x-serin-decision");
    said.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// A configuration with that rule, and a policy that reveals its decisions.
fn revealed(rule: Value) -> Value {
    let mut configuration = canary(json!([]), json!({}));
    configuration["resources"][0]["spec"]["http"] = json!([rule]);
    configuration
}

#[test]
fn chain_and_canary_say_the_same_of_every_key() {
    let entry = json!({"split": {"mode": "sticky", "key": [{"header": "end-user"}]}});
    let configuration = canary(json!([weighted("v1", 90), weighted("v2", 10)]), entry);
    let [mut chain, mut canary] = COMPLETE.map(|modules| proxy(modules, &configuration));
    let mut canaries = 0;
    for number in 0..100 {
        let request = || get(REVIEWS).header("end-user", number.to_string());
        let said = decisions(&mut canary, request());
        assert_eq!(decisions(&mut chain, request()), said);
        let [text] = &said[..] else { panic!("it is said once: {said:?}") };
        let words: Vec<&str> = text.split(' ').collect();
        let ["default/reviews/default", subset, "sticky=header:end-user", ticket, weight] = words[..] else {
            panic!("{text}")
        };
        let ticket: f64 = ticket.strip_prefix("ticket=").and_then(|ticket| ticket.parse().ok()).expect("a ticket");
        assert_eq!(weight, if subset == "v2" { "weight=10" } else { "weight=90" });
        assert!((0.0..=if subset == "v2" { 0.1 } else { 0.9 }).contains(&ticket), "{text}");
        canaries += u32::from(subset == "v2");
    }
    assert!(canaries > 0);
}

#[test]
fn a_client_cannot_say_how_it_was_decided() {
    let configuration = revealed(json!({"name": "one", "route": [to("v1")]}));
    for modules in COMPLETE {
        let request = get(REVIEWS).header("x-serin-decision", "a client's");
        assert_eq!(decisions(&mut proxy(modules, &configuration), request), ["default/reviews/one v1"], "{modules:?}");
    }
}

#[test]
fn the_filters_own_answers_say_it_too() {
    for (rule, said) in [
        (json!({"name": "own", "directResponse": {"status": 418}}), "default/reviews/own"),
        (json!({"name": "moved", "redirect": {"uri": "/b"}}), "default/reviews/moved"),
        (json!({"name": "one", "match": [{"uri": {"exact": "/other"}}], "route": [to("v1")]}), "default/reviews"),
        (
            json!({"name": "broken", "route": [to("v1")],
                "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 100}}}}),
            "default/reviews/broken",
        ),
    ] {
        let configuration = revealed(rule);
        for modules in COMPLETE {
            assert_eq!(decisions(&mut proxy(modules, &configuration), get(REVIEWS)), [said], "{modules:?}");
        }
    }
}

#[test]
fn shadows_are_said_behind_the_destination() {
    let rule = json!({"name": "all", "route": [to("v1")], "mirror": {"host": "reviews", "subset": "v2"}});
    let configuration = revealed(rule);
    let expected = "default/reviews/all v1 shadow=outbound|9080|v2|reviews.default.svc.cluster.local";
    for modules in COMPLETE {
        assert_eq!(decisions(&mut proxy(modules, &configuration), get(REVIEWS)), [expected], "{modules:?}");
    }
}

#[test]
fn one_module_alone_says_what_it_knows() {
    let configuration = canary(json!([weighted("v1", 1), weighted("v2", 0)]), json!({"split": {"mode": "exact"}}));
    let alone = |module| decisions(&mut proxy(&[module], &configuration), get(REVIEWS));
    assert_eq!(alone(Module::SubsetPicker), ["default/reviews/default v1"]);
    assert_eq!(alone(Module::HeaderRouter), ["default/reviews/default v1"]);
    assert_eq!(alone(Module::ShadowMirror), ["default/reviews/default"]);
}

#[test]
fn without_a_policy_that_reveals_nothing_is_said() {
    let route = json!([weighted("v1", 1), weighted("v2", 1)]);
    let mut silent = canary(route.clone(), json!({"split": {"mode": "exact"}}));
    silent["resources"][1]["spec"]["reveal"] = false.into();
    for configuration in [silent, rules(json!([{"route": route}]))] {
        for modules in COMPLETE {
            let mut proxy = proxy(modules, &configuration);
            let mut exchange = proxy.send(get(REVIEWS));
            proxy.respond(&mut exchange, response(200));
            let answer = exchange.response().expect("the client was answered");
            assert_eq!(answer.header("x-serin-decision"), None, "{modules:?}");
            assert_eq!(exchange.filter_state("serin.decision"), None);
        }
    }
}

#[test]
fn a_host_that_is_nobodys_is_none_of_the_policys_business() {
    let configuration = revealed(json!({"route": [to("v1")]}));
    for modules in COMPLETE {
        let mut exchange = proxy(modules, &configuration).send(get("http://ratings:9080/"));
        assert!(exchange.is_untouched());
        let mut proxy = proxy(modules, &configuration);
        exchange = proxy.send(get("http://ratings:9080/"));
        proxy.respond(&mut exchange, response(200));
        assert_eq!(exchange.response().and_then(|answer| answer.header("x-serin-decision")), None, "{modules:?}");
    }
}

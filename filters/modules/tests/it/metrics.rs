//! What the modules count.

use crate::scene::{COMPLETE, MOMENT, proxy, rules, to, weighted};
use host_test::get;
use serde_json::json;
use serin_modules::Module;

const REVIEWS: &str = "http://reviews:9080/reviews/1";

fn requests(route: &str, subset: &str) -> String {
    format!("virtual_service=.=default/reviews;.;route=.={route};.;subset=.={subset};.;serin_requests_total")
}

#[test]
fn a_request_is_counted_once_however_many_filters_it_passes() {
    let rules = rules(json!([
        {"name": "jason", "match": [{"headers": {"end-user": {"exact": "jason"}}}], "route": [to("v2")]},
        {"route": [weighted("v1", 90), weighted("v3", 10)]},
    ]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        for _ in 0..3 {
            proxy.send(get(REVIEWS).header("end-user", "jason"));
        }
        for _ in 0..100 {
            proxy.send(get(REVIEWS));
        }
        proxy.advance(MOMENT);
        let count = |route, subset| proxy.metric(&requests(route, subset)).unwrap_or_default();
        assert_eq!(count("jason", "v2"), 3, "{modules:?}");
        assert_eq!(count("http[1]", "v1") + count("http[1]", "v3"), 100, "{modules:?}");
        assert!(count("http[1]", "v1") > count("http[1]", "v3"));
    }
}

#[test]
fn each_module_that_sends_requests_counts_them_alone_too() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    for (module, expected) in [
        (Module::HeaderRouter, Some(1)),
        (Module::SubsetPicker, Some(1)),
        (Module::Canary, Some(1)),
        (Module::ShadowMirror, None),
    ] {
        let mut proxy = proxy(&[module], &rules);
        proxy.send(get(REVIEWS));
        proxy.advance(MOMENT);
        assert_eq!(proxy.metric(&requests("http[0]", "v1")), expected, "{module:?}");
    }
}

#[test]
fn nothing_is_defined_before_it_counts() {
    let rules = rules(json!([
        {"match": [{"uri": {"prefix": "/gone"}}], "directResponse": {"status": 410}},
        {"match": [{"uri": {"prefix": "/reviews"}}], "route": [to("v1")]},
        {"route": [{"destination": {"host": "ratings"}}]},
    ]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        proxy.send(get("http://reviews:9080/gone"));
        proxy.send(get("http://elsewhere:9080/"));
        assert!(proxy.metrics().is_empty(), "{modules:?}: {:?}", proxy.metrics());
        proxy.send(get("http://reviews:9080/ratings"));
        assert!(proxy.metrics().is_empty(), "{modules:?}: {:?}", proxy.metrics());
        proxy.advance(MOMENT);
        assert_eq!(proxy.metrics(), [(requests("http[2]", "ratings.default.svc.cluster.local"), 1)], "{modules:?}");
    }
}

#[test]
fn workers_and_new_configurations_go_on_with_the_same_counts() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    let mut proxy = crate::scene::chain(&[Module::Canary], &rules).workers(2).start();
    proxy.send(get(REVIEWS));
    proxy.send(get(REVIEWS).on_worker(1));
    let mut same = rules.clone();
    same["unmatched"] = json!("pass");
    proxy.reconfigure([same.to_string()]).expect("it is a good one");
    proxy.send(get(REVIEWS));
    proxy.advance(MOMENT);
    assert_eq!(proxy.metrics(), [(requests("http[0]", "v1"), 3)]);
}

#[test]
fn the_name_of_a_rule_cannot_pose_as_a_label() {
    let rules = rules(json!([{"name": "a;.;subset=.=v9", "route": [to("v1")]}]));
    let mut proxy = proxy(&[Module::Canary], &rules);
    proxy.send(get(REVIEWS));
    proxy.advance(MOMENT);
    assert_eq!(proxy.metrics(), [(requests("a_._subset_._v9", "v1"), 1)]);
}

#[test]
fn what_was_not_told_yet_is_told_when_the_configuration_goes() {
    let rules = rules(json!([{"route": [to("v1")]}]));
    let mut proxy = proxy(&[Module::Canary], &rules);
    let open = proxy.send(get(REVIEWS));
    let mut same = rules.clone();
    same["unmatched"] = json!("pass");
    proxy.reconfigure([same.to_string()]).expect("it is a good one");
    proxy.finish(open);
    assert_eq!(proxy.metrics(), [(requests("http[0]", "v1"), 1)]);
}

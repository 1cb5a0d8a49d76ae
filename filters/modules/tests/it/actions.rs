//! What a rule does with requests and answers beside routing them.

use crate::scene::{COMPLETE, cluster, proxy, rules, to, weighted};
use host_test::{get, response};
use serde_json::json;
use serin_modules::Module;
use std::time::Duration;

const REVIEWS: &str = "http://reviews:9080/reviews/1?x=y";

#[test]
fn path_authority_and_headers_leave_rewritten() {
    let rules = rules(json!([{
        "match": [{"uri": {"prefix": "/reviews"}}],
        "rewrite": {"uri": "/v2", "authority": "reviews.internal"},
        "headers": {"request": {"set": {"x-set": "a"}, "add": {"x-added": "b"}, "remove": ["cookie"]}},
        "timeout": "2s",
        "route": [to("v1")],
    }]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get(REVIEWS).header("cookie", "c").header("x-added", "a"));
        let upstream = |name| exchange.upstream_header(name);
        assert_eq!(upstream(":path"), Some("/v2/1?x=y"), "{modules:?}");
        assert_eq!(upstream(":authority"), Some("reviews.internal"));
        assert_eq!(upstream("x-set"), Some("a"));
        let added: Vec<_> = exchange.upstream_headers().iter().filter(|(name, _)| *name == "x-added").collect();
        assert_eq!(added.len(), 2);
        assert_eq!(upstream("cookie"), None);
        assert_eq!(upstream("x-envoy-upstream-rq-timeout-ms"), Some("2000"));
        assert_eq!(upstream("x-serin-cluster"), Some(&*cluster("v1")), "matched before it was rewritten");
    }
}

#[test]
fn answers_are_changed_by_the_destination_first_and_the_rule_last() {
    let rules = rules(json!([{
        "headers": {"response": {"set": {"x-who": "rule"}}},
        "route": [
            {"destination": {"host": "reviews", "subset": "v1"}, "weight": 1,
             "headers": {"response": {"set": {"x-who": "v1", "x-subset": "v1"}, "remove": ["server"]}}},
            weighted("v2", 0),
        ],
    }]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let mut exchange = proxy.send(get(REVIEWS));
        proxy.respond(&mut exchange, response(200).header("server", "upstream"));
        let answer = exchange.response().expect("the client was answered");
        assert_eq!(answer.header("x-who"), Some("rule"), "{modules:?}");
        assert_eq!(answer.header("x-subset"), Some("v1"));
        assert_eq!(answer.header("server"), None);
    }
}

#[test]
fn a_redirect_is_answered_once_and_with_the_rules_headers() {
    let rules = rules(json!([{
        "redirect": {"uri": "/b", "scheme": "https", "redirectCode": 308},
        "headers": {"response": {"add": {"x-count": "1"}}},
    }]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get(REVIEWS));
        let reply = exchange.reply().expect("it is answered");
        assert_eq!(reply.status, 308, "{modules:?}");
        assert_eq!(reply.header("location"), Some("https://reviews:9080/b?x=y"));
        let counts: Vec<_> = reply.headers.iter().filter(|(name, _)| *name == "x-count").collect();
        assert_eq!(counts.len(), 1, "the change is made once");
    }
}

#[test]
fn a_direct_response_has_its_body() {
    let rules = rules(json!([{"directResponse": {"status": 503, "body": {"string": "closed for the night"}}}]));
    for modules in COMPLETE {
        let exchange = proxy(modules, &rules).send(get(REVIEWS));
        let reply = exchange.reply().expect("it is answered");
        assert_eq!((reply.status, reply.text()), (503, "closed for the night".to_owned()), "{modules:?}");
    }
}

#[test]
fn a_delay_holds_one_request_and_no_other() {
    let rules = rules(json!([
        {"match": [{"uri": {"prefix": "/slow"}}], "route": [to("v1")],
         "fault": {"delay": {"fixedDelay": "2s", "percentage": {"value": 100}}}},
        {"route": [to("v1")]},
    ]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let slow = proxy.send(get("http://reviews:9080/slow"));
        assert!(slow.paused(), "{modules:?}");
        let quick = proxy.send(get("http://reviews:9080/quick"));
        assert!(!quick.paused());
        proxy.advance(Duration::from_millis(1_999));
        assert!(slow.paused());
        proxy.advance(Duration::from_millis(2));
        assert!(!slow.paused());
        let slow = proxy.finish(slow);
        assert_eq!(slow.upstream_header("x-serin-cluster"), Some(&*cluster("v1")));
    }
}

#[test]
fn an_abort_comes_after_the_delay() {
    let rules = rules(json!([{"route": [to("v1")], "fault": {
        "delay": {"fixedDelay": "1s", "percentage": {"value": 100}},
        "abort": {"httpStatus": 418, "percentage": {"value": 100}}}}]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let exchange = proxy.send(get(REVIEWS));
        assert!(exchange.paused() && exchange.reply().is_none(), "{modules:?}");
        proxy.advance(Duration::from_secs(1));
        assert_eq!(exchange.reply().map(|reply| reply.status), Some(418));
    }
}

#[test]
fn a_client_that_leaves_while_it_waits_harms_nobody() {
    let rules =
        rules(json!([{"route": [to("v1")], "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 100}}}}]));
    let mut proxy = proxy(&[Module::Canary], &rules);
    let gone = proxy.send(get(REVIEWS));
    proxy.finish(gone);
    let stays = proxy.send(get(REVIEWS));
    proxy.advance(Duration::from_secs(2));
    assert!(!stays.paused());
    assert!(proxy.log().iter().all(|line| !line.message.contains("panicked")));
}

#[test]
fn a_preflight_is_answered_and_an_answer_says_who_may_read_it() {
    let rules = rules(json!([{"route": [to("v1")], "corsPolicy": {
        "allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["GET"], "allowCredentials": true}}]));
    for modules in COMPLETE {
        let mut proxy = proxy(modules, &rules);
        let preflight = host_test::request("OPTIONS", REVIEWS)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET");
        let preflight = proxy.send(preflight);
        let reply = preflight.reply().expect("it is answered");
        assert_eq!(reply.header("access-control-allow-methods"), Some("GET"), "{modules:?}");
        let mut exchange = proxy.send(get(REVIEWS).header("origin", "https://a.example"));
        proxy.respond(&mut exchange, response(200));
        let answer = exchange.response().expect("the client was answered");
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://a.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    }
}

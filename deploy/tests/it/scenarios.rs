//! Scenarios as people write them.

use serin::manifests::Text;
use serin::scenario::{Scenario, read};

fn one(text: &str) -> Scenario {
    read(&Text::new("scenarios.yaml", text)).unwrap().remove(0)
}

fn refusal(text: &str) -> String {
    read(&Text::new("scenarios.yaml", text)).unwrap_err().to_string()
}

const STEP: &str = "get: http://reviews:9080/reviews/1?x=y, requests: 10, expect: {answers: {reviews-v1: 9, reviews-v2: 1, reviews-v3: 0}}";

fn with(step: &str) -> String {
    format!("- {{name: split, manifests: [a.yaml], steps: [{{{step}}}]}}")
}

#[test]
fn host_port_and_path_are_those_of_the_url() {
    let scenario = one(&with(STEP));
    assert_eq!((scenario.through.as_str(), scenario.concurrency), ("mesh", 8));
    let step = &scenario.steps[0];
    assert_eq!((step.host.as_str(), step.port, step.path.as_str()), ("reviews:9080", 9080, "/reviews/1?x=y"));
    assert_eq!(step.title(), "GET reviews:9080/reviews/1?x=y");
    let step = one(&with("post: http://shop.example, body: hello, requests: 1, expect: {status: 404}")).steps.remove(0);
    assert_eq!((step.host.as_str(), step.port, step.path.as_str()), ("shop.example", 80, "/"));
    assert_eq!((step.method.as_str(), step.body.as_str()), ("POST", "hello"));
}

#[test]
fn shares_are_parts_of_their_sum_and_nought_is_none() {
    let expect = one(&with(STEP)).steps.remove(0).expect;
    assert_eq!(
        expect.answers.into_iter().collect::<Vec<_>>(),
        [("reviews-v1".to_owned(), 0.9), ("reviews-v2".to_owned(), 0.1)]
    );
    assert!(expect.shadows.is_empty());
}

#[test]
fn a_status_is_the_only_answer() {
    let expect = one(&with("get: http://a/, requests: 1, expect: {status: 404}")).steps.remove(0).expect;
    assert_eq!(expect.answers.into_iter().collect::<Vec<_>>(), [("404".to_owned(), 1.0)]);
}

#[test]
fn a_number_among_the_answers_is_a_status() {
    let expect = one(&with("get: http://a/, requests: 1, expect: {answers: {a: 3, 503: 1}}")).steps.remove(0).expect;
    assert_eq!(expect.answers.into_iter().collect::<Vec<_>>(), [("503".to_owned(), 0.25), ("a".to_owned(), 0.75)]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let misspelt = refusal(&with(&format!("{STEP}, header: {{a: b}}")));
    assert!(misspelt.starts_with("scenarios.yaml:1:") && misspelt.contains("unknown field `header`"), "{misspelt}");
    let cases = [
        ("get: http://a/, post: http://a/, requests: 1, expect: {status: 404}", "must have either get or post"),
        ("get: https://a/, requests: 1, expect: {status: 404}", "https://a/ does not begin with http:// and a host"),
        ("get: http://a/, requests: 0, expect: {status: 404}", "requests: 0 is not from 1 to 1000000"),
        ("get: http://a/, requests: 1, expect: {}", "expect must have either answers or status"),
        ("get: http://a/, requests: 1, expect: {answers: {a: -1}}", "expect: -1 is not a share for a"),
        ("get: http://a/, requests: 1, expect: {answers: {a: 0}}", "the shares must not all be 0"),
        (
            "get: http://a/, requests: 1, expect: {status: 404, results: {same: 1}}",
            "expect.results: same is none of match",
        ),
    ];
    for (step, expected) in cases {
        let shown = refusal(&with(step));
        assert!(shown.contains(expected), "{shown}");
    }
    for (step, expected) in [
        (
            "get: http://a/, requests: '1', expect: {status: 404}",
            "[0].steps[0].requests: \"1\" is a text; a number without quotes is wanted",
        ),
        ("get: http://a/, expect: {status: 404}", "[0].steps[0].requests: must not be missing"),
        ("get: http://a/, requests: 1, expect: 404", "[0].steps[0].expect: 404 is a number; a mapping is wanted"),
    ] {
        assert_eq!(refusal(&with(step)), format!("scenarios.yaml:1: {expected}"));
    }
    let shown = refusal("- {name: split, manifests: [a.yaml], steps: []}");
    assert_eq!(shown, "scenarios.yaml: split: steps: must not be empty");
    let shown = refusal(&format!("- {{name: split, manifests: [a.yaml], concurrency: 0, steps: [{{{STEP}}}]}}"));
    assert_eq!(shown, "scenarios.yaml: split: concurrency: 0 is not from 1 to 256");
}

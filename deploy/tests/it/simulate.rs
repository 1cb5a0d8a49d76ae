//! `serin simulate`: splits and moves are those of the rules, and messages say what to do.

use serde_json::Value;
use serin_traffic::{Sticky, Weights};
use std::fmt::Write;
use std::process::{Command, Output};

/// Manifests in a directory of their own.
struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        Self(directory)
    }

    fn serin(&self, arguments: &str) -> Output {
        let simulate = std::iter::once("simulate").chain(arguments.split_whitespace());
        Command::new(env!("CARGO_BIN_EXE_serin")).args(simulate).current_dir(self.0.path()).output().unwrap()
    }

    #[track_caller]
    fn text(&self, arguments: &str) -> String {
        let output = self.serin(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn json(&self, arguments: &str) -> Value {
        serde_json::from_str(&self.text(&format!("{arguments} --output json"))).unwrap()
    }

    /// What is said of an end with this status.
    #[track_caller]
    fn complaint(&self, status: i32, arguments: &str) -> String {
        let output = self.serin(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments}: {text}");
        assert!(output.stdout.is_empty(), "{arguments}");
        text
    }
}

fn reviews(v1: u32, v2: u32) -> String {
    format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: reviews}}
spec:
  hosts: [reviews]
  http:
  - route:
    - {{destination: {{host: reviews, subset: v1}}, weight: {v1}}}
    - {{destination: {{host: reviews, subset: v2}}, weight: {v2}}}
"
    )
}

fn canary(route: &str) -> String {
    let header = "apiVersion: serin.dev/v1alpha1\nkind: CanaryPolicy\nmetadata: {name: reviews}";
    format!("{header}\nspec: {{virtualService: reviews, routes: [{{{route}}}]}}\n")
}

const STICKY: &str = "split: {mode: sticky, key: [{header: end-user}, {cookie: session}]}";

/// 90/10, 80/20, and policies for both.
fn files() -> Files {
    let ramp = "ramp: {subset: v2, from: 10, to: 50, start: '2026-11-20T15:00:00Z', duration: 2h}";
    Files::new(&[
        ("90-10.yaml", &reviews(90, 10)),
        ("80-20.yaml", &reviews(80, 20)),
        ("sticky.yaml", &canary(STICKY)),
        ("exact.yaml", &canary("split: {mode: exact}")),
        ("ramp.yaml", &canary(&format!("{STICKY}, {ramp}"))),
        ("issue.yaml", &canary("split: {mode: sticky, key: [{issueCookie: {name: serin}}]}")),
    ])
}

fn seen(report: &Value) -> [u64; 2] {
    [0, 1].map(|place| report["splits"][0]["destinations"][place]["seen"].as_u64().unwrap())
}

/// Where the key goes, by the function itself.
fn place_of(key: &str, weights: [u32; 2]) -> usize {
    let names = ["v1", "v2"].map(|subset| format!("reviews.default.svc.cluster.local|{subset}"));
    let sticky = Sticky::new(b"default/reviews/http[0]");
    sticky.pick(key.as_bytes(), names.iter().map(String::as_bytes), &Weights::new(weights)).unwrap().place
}

#[test]
fn a_sticky_split_is_within_three_standard_deviations_and_what_sticky_says() {
    let report = files().json("90-10.yaml sticky.yaml -n 100000");
    let expected = (0..100_000).filter(|user| place_of(&format!("user-{user}"), [90, 10]) == 1).count() as u64;
    assert_eq!(seen(&report), [100_000 - expected, expected]);
    let deviation = (100_000.0f64 * 0.1 * 0.9).sqrt();
    assert!((expected as f64 - 10_000.0).abs() < 3.0 * deviation, "{expected}");
    let split = &report["splits"][0];
    assert_eq!((&split["mode"], &split["withoutKey"]), (&"sticky".into(), &0.into()));
    assert_eq!(split["keys"]["header:end-user"], 100_000);
    assert!(split["p"].as_f64().unwrap() > 1e-4 && split["destinations"][1]["sigmas"].as_f64().unwrap().abs() < 3.0);
}

#[test]
fn when_10_become_20_keys_move_from_v1_to_v2_only_and_no_more_than_must() {
    let files = files();
    let arguments = "90-10.yaml sticky.yaml -n 20000 --at 2026-11-20T15:00:00Z --then 80-20.yaml sticky.yaml";
    let report = files.json(arguments);
    let cells = report["moves"]["matrix"].as_array().unwrap();
    let moving: Vec<&Value> = cells.iter().filter(|cell| cell["from"] != cell["to"]).collect();
    let [only] = moving.as_slice() else { panic!("{moving:?}") };
    let full = |subset: &str| Value::from(format!("reviews.default.svc.cluster.local|{subset}"));
    assert_eq!((&only["from"], &only["to"]), (&full("v1"), &full("v2")));
    let gained = seen(&report["then"])[1] - seen(&report)[1];
    assert!((1_800..2_200).contains(&gained), "{gained}");
    assert_eq!(only["requests"], gained);
    assert_eq!((&report["moves"]["moved"], &report["moves"]["gained"]), (&gained.into(), &gained.into()));
    for key in only["keys"].as_array().unwrap() {
        let key = key.as_str().unwrap();
        assert_eq!((place_of(key, [90, 10]), place_of(key, [80, 20])), (0, 1), "{key}");
    }
    assert_eq!(cells.iter().map(|cell| cell["requests"].as_u64().unwrap()).sum::<u64>(), 20_000);

    let text = files.text(arguments);
    assert!(text.contains(&format!("{gained} of 20000 requests move")), "{text}");
    assert!(text.contains("the least possible\nv1 → v2: user-") && !text.contains("v2 → v1"), "{text}");
    assert_eq!(files.json(&arguments.replace("--then", "--against")), report);
}

#[test]
fn a_ramp_is_asked_at_the_instant_that_is_given() {
    let files = files();
    let mut last = 0;
    for (at, expected) in
        [("2026-11-20T14:00:00Z", 10.0), ("2026-11-20T17:00:00+01:00", 30.0), ("2026-11-20T17:00:00Z", 50.0)]
    {
        let report = files.json(&format!("90-10.yaml ramp.yaml --at {at}"));
        let canary = &report["splits"][0]["destinations"][1];
        assert_eq!(
            (&canary["expected"], &canary["weight"], &canary["written"]),
            (&expected.into(), &expected.into(), &10.into())
        );
        let seen = canary["seen"].as_u64().unwrap();
        assert!(seen > last && (seen as f64 - expected * 100.0).abs() < 200.0, "{at}: {seen}");
        last = seen;
    }
    let text = files.text("90-10.yaml ramp.yaml --at 2026-11-20T16:00:00Z");
    assert!(text.contains("at 2026-11-20T16:00:00Z") && text.contains("10 → 30"), "{text}");
}

#[test]
fn every_report_sums_up_to_all_requests() {
    let files = files();
    for arguments in ["90-10.yaml", "90-10.yaml exact.yaml", "90-10.yaml sticky.yaml", "90-10.yaml issue.yaml"] {
        let report = files.json(&format!("{arguments} -n 3000"));
        let destinations = report["splits"][0]["destinations"].as_array().unwrap();
        let sum =
            |field: &str| destinations.iter().map(|destination| destination[field].as_f64().unwrap()).sum::<f64>();
        assert_eq!(sum("seen"), 3000.0, "{arguments}");
        assert!((sum("expected") - 100.0).abs() < 1e-9 && (sum("percent") - 100.0).abs() < 1e-9, "{arguments}");
        assert_eq!((&report["requests"], &report["unmatched"]), (&3000.into(), &0.into()));
    }
}

#[test]
fn an_exact_split_is_exact() {
    let report = files().json("90-10.yaml exact.yaml -n 12340");
    assert_eq!(seen(&report), [11_106, 1_234]);
    assert_eq!(report["splits"][0]["p"], Value::Null);
}

#[test]
fn chance_repeats_with_its_seed_only() {
    let files = files();
    let first = seen(&files.json("90-10.yaml"));
    assert_eq!(seen(&files.json("90-10.yaml --seed 0")), first);
    assert_ne!(seen(&files.json("90-10.yaml --seed 1")), first);
    let text = files.text("90-10.yaml --then 90-10.yaml");
    assert!(text.contains("may move with every request"), "{text}");
}

#[test]
fn requests_without_a_key_of_the_split_go_by_chance_and_are_counted() {
    let report = files().json("90-10.yaml sticky.yaml --key queryParam:uid -n 500");
    assert_eq!((&report["key"], &report["splits"][0]["withoutKey"]), (&"queryParam:uid".into(), &500.into()));
}

#[test]
fn a_key_further_back_in_the_list_counts_as_well() {
    let report = files().json("90-10.yaml sticky.yaml --key cookie:session -n 1000");
    let expected = (0..1000).filter(|user| place_of(&format!("user-{user}"), [90, 10]) == 1).count() as u64;
    assert_eq!(seen(&report)[1], expected);
    assert_eq!(report["splits"][0]["keys"]["cookie:session"], 1000);
}

#[test]
fn a_constant_key_is_not_tested_for_fairness() {
    let files = Files::new(&[("90-10.yaml", &reviews(90, 10)), ("sticky.yaml", &canary(STICKY))]);
    let run = |output: &str| {
        let arguments = ["simulate", "90-10.yaml", "sticky.yaml", "--key", "cookie:session", "-n", "50"];
        let header = ["--header", "end-user: jason", "--output", output];
        let output = Command::new(env!("CARGO_BIN_EXE_serin"))
            .args(arguments.into_iter().chain(header))
            .current_dir(files.0.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(seen(&report)[place_of("jason", [90, 10])], 50);
    assert_eq!(report["splits"][0]["p"], Value::Null);
    assert!(run("table").contains("the key at header:end-user is the same in all requests"));
}

#[test]
fn who_was_given_a_cookie_comes_back_with_it() {
    let report = files().json("90-10.yaml issue.yaml --then 80-20.yaml issue.yaml -n 5000");
    assert_eq!((&report["splits"][0]["issued"], &report["then"]["splits"][0]["issued"]), (&5000.into(), &0.into()));
    assert_eq!(report["moves"]["moved"], report["moves"]["gained"]);
}

#[test]
fn keys_may_come_from_a_file() {
    let files = files();
    let users = ["mary", "john", "mary", "zoë"];
    let path = files.0.path().join("users.txt");
    let lines = users.iter().fold(String::new(), |mut text, user| {
        writeln!(text, "{user}").unwrap();
        text
    });
    std::fs::write(&path, lines).unwrap();
    let report = files.json("90-10.yaml sticky.yaml --keys users.txt");
    let expected = users.iter().filter(|user| place_of(user, [90, 10]) == 1).count() as u64;
    assert_eq!((&report["requests"], seen(&report)), (&4.into(), [4 - expected, expected]));
    assert_eq!(
        files.complaint(1, "90-10.yaml sticky.yaml --keys gone.txt").lines().last(),
        Some("gone.txt: no such file")
    );
}

#[test]
fn a_usage_that_is_wrong_ends_with_2_and_says_why() {
    let files = files();
    for (arguments, reason) in [
        ("", "<FILE>..."),
        ("90-10.yaml -n 0", "1..=10000000"),
        ("90-10.yaml -n 10000001", "1..=10000000"),
        ("90-10.yaml --key end-user", "is no place of a key: it must be header:NAME"),
        ("90-10.yaml --key header:", "is no place of a key"),
        ("90-10.yaml --at yesterday", "is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z"),
        ("90-10.yaml --header end-user", "is not NAME: VALUE"),
        ("90-10.yaml --header host:reviews", "the host is said with --host"),
        ("90-10.yaml --path reviews", "does not begin with /"),
        ("90-10.yaml --host *.example", "write a name in the place of *"),
        ("90-10.yaml --then", "--then <FILE>..."),
        ("90-10.yaml --keys 90-10.yaml", "say where requests carry them with --key"),
        ("90-10.yaml sticky.yaml --header end-user:jason", "leave it away, or say with --key where else they are"),
    ] {
        let complaint = files.complaint(2, arguments);
        assert!(complaint.contains(reason), "{arguments}: {complaint}");
    }
}

#[test]
fn an_input_that_is_wrong_ends_with_1_and_says_where() {
    let gateway = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\n\
        spec: {hosts: ['*'], gateways: [shop], http: [{route: [{destination: {host: shop}}]}]}\n";
    let files = Files::new(&[
        ("90-10.yaml", &reviews(90, 10)),
        ("negative.yaml", &reviews(90, 10).replace("weight: 10", "weight: -10")),
        ("mode.yaml", &canary("split: {mode: lucky}")),
        ("stranger.yaml", &canary("route: nobody, split: {mode: exact}")),
        ("wildcard.yaml", gateway),
    ]);
    for (arguments, reason) in [
        ("gone.yaml", "gone.yaml: no such file"),
        (
            "negative.yaml",
            "negative.yaml: VirtualService default/reviews: spec.http[0].route[1].weight: -10 is negative",
        ),
        (
            "90-10.yaml mode.yaml",
            "mode.yaml: CanaryPolicy default/reviews: spec.routes[0].split.mode: lucky is not one of random, exact, sticky",
        ),
        ("90-10.yaml stranger.yaml", "stranger.yaml: CanaryPolicy default/reviews: spec.routes[0].route: "),
        (
            "90-10.yaml --then negative.yaml",
            "negative.yaml: VirtualService default/reviews: spec.http[0].route[1].weight",
        ),
        ("mode.yaml", "mode.yaml: CanaryPolicy"),
        (
            "90-10.yaml --host ratings",
            "no VirtualService for mesh has the host ratings (--host); for mesh there are: reviews",
        ),
        (
            "90-10.yaml --gateway default/shop",
            "no VirtualService is for the gateway default/shop; --gateway may be mesh",
        ),
        (
            "wildcard.yaml",
            "wildcard.yaml: VirtualService default/shop: spec.hosts: * stands for many hosts; say with --host",
        ),
    ] {
        let complaint = files.complaint(1, arguments);
        assert!(complaint.contains(reason), "{arguments}: {complaint}");
    }
    let report = files.json("wildcard.yaml --host shop.example -n 10");
    assert_eq!((&report["gateway"], &report["url"]), (&"default/shop".into(), &"http://shop.example/".into()));
    assert_eq!(report["splits"][0]["destinations"][0]["seen"], 10);
}

#[test]
fn what_no_destination_gets_is_counted_by_its_answer() {
    let shop = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\nspec:\n  hosts: [shop]\n  http:\n  \
        - {name: moved, match: [{uri: {prefix: /old}}], redirect: {uri: /new}}\n  \
        - {name: new, match: [{uri: {prefix: /new}}], route: [{destination: {host: shop}}]}\n";
    let files = Files::new(&[("shop.yaml", shop)]);
    let moved = files.json("shop.yaml --path /old -n 7");
    assert_eq!(moved["splits"][0]["replies"]["301"], 7);
    assert!(files.text("shop.yaml --path /old").contains("answers 301 itself"));
    assert_eq!(files.json("shop.yaml -n 7")["unmatched"], 7);
    assert!(files.text("shop.yaml").contains("no rule applies"));
}

/// What only Istio serves, and a rule for HTTP behind it.
const LEFT_TO_ISTIO: &str = "
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: mongo},
 spec: {hosts: [mongo.example], tcp: [{match: [{port: 27017}], route: [{destination: {host: mongo.example}}]}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: bank},
 spec: {hosts: [bank.example], tls: [{match: [{sniHosts: [bank.example]}], route: [{destination: {host: bank.example}}]}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop},
 spec: {hosts: [shop.example], http: [{route: [{destination: {host: shop.example}}]}]}}
";

#[test]
fn requests_ask_for_no_host_of_which_all_rules_are_for_tcp_or_tls() {
    let alone = LEFT_TO_ISTIO.rsplit_once("---").unwrap().0;
    let files = Files::new(&[("all.yaml", LEFT_TO_ISTIO), ("alone.yaml", alone)]);
    assert_eq!(files.json("all.yaml -n 1")["url"], "http://shop.example/");
    let complaint = files.complaint(1, "alone.yaml");
    assert!(complaint.contains("neither a VirtualService with rules for HTTP nor a RouteRule"), "{complaint}");
    let complaint = files.complaint(1, "all.yaml --host mongo.example");
    assert!(
        complaint.ends_with("has the host mongo.example (--host); for mesh there are: shop.example\n"),
        "{complaint}"
    );
}

#[test]
fn what_is_wrong_with_rules_that_no_proxy_has_is_told() {
    let exported = "hosts: [shop.example], exportTo: [a b],";
    let files = Files::new(&[("all.yaml", &LEFT_TO_ISTIO.replace("hosts: [shop.example],", exported))]);
    let complaint = files.complaint(1, "all.yaml");
    assert!(complaint.contains("spec.exportTo[0]: a b is neither `.`, `*` nor a namespace"), "{complaint}");
}

#[test]
fn help_has_two_examples() {
    let help = files().text("--help");
    let examples = help.split("Examples:\n").nth(1).unwrap();
    assert_eq!(examples.matches("  serin simulate ").count(), 2, "{examples}");
}

#[test]
fn a_route_rule_is_shown_by_its_name_with_its_labels() {
    let rule = |name: &str, more: &str| {
        let header = format!("apiVersion: config.istio.io/v1alpha2\nkind: RouteRule\nmetadata: {{name: {name}}}");
        format!("{header}\nspec: {{destination: {{name: menu}}, {more}}}\n")
    };
    let split = "route: [{labels: {version: v1}, weight: 90}, {labels: {version: v2}, weight: 10}]";
    let tasters =
        "precedence: 2, match: {request: {headers: {x-group: {exact: tasters}}}}, route: [{labels: {version: v2}}]";
    let text = format!("{}---\n{}", rule("everybody", split), rule("tasters", tasters));
    let files = Files::new(&[("menu.yaml", &text)]);
    let report = files.json("menu.yaml -n 1000");
    let split = &report["splits"][0];
    assert_eq!((&report["url"], &split["rule"]), (&"http://menu/".into(), &"everybody".into()));
    assert_eq!(split["virtualService"], "menu.default.svc.cluster.local");
    assert_eq!((&split["destinations"][0]["title"], &split["mode"]), (&"version=v1".into(), &"random".into()));
    assert!(seen(&report)[1] > 50, "{report}");
    let shown = files.text("menu.yaml --host menu --header x-group:tasters");
    assert!(shown.contains("menu.default.svc.cluster.local tasters") && shown.contains("version=v2"), "{shown}");
    let unknown = files.complaint(1, "menu.yaml --gateway default/front");
    assert_eq!(unknown, "no VirtualService is for the gateway default/front; --gateway may be mesh\n");
}

//! What rules cost a request in an Envoy: by their number, with header-router, with Envoy's own route table, and with a
//! Lua filter that was written for just these rules.
//!
//! One worker answers by itself, so no upstream is in the numbers. The CPU time is that of the whole process, as the kernel
//! counts it. The subjects take turns, in several rounds, and medians are shown. Beside an Envoy that does nothing there is
//! one with a Wasm filter that does nothing: whatever a filter decides, it costs that much to ask it.

mod measure;

use measure::{HOST, REQUESTS, ROUNDS, listener, median, table, turn, wasm};
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::load::Answer;
use serin_modules::Module;
use std::error::Error;
use std::fs;

const RULES: [usize; 4] = [10, 100, 1_000, 10_000];

/// The subjects, by the names of their listeners.
const SUBJECTS: [&str; 5] = ["nothing", "route table", "Lua", "empty filter", "header-router"];

const NOTHING_AT_ALL: usize = 0;
const ROUTE_TABLE: usize = 1;
const LUA: usize = 2;
const EMPTY_FILTER: usize = 3;
const HEADER_ROUTER: usize = 4;

/// A filter that has every callback of a stream and does nothing in it.
const EMPTY: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
    (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
    (func (export "proxy_on_log") (param i32))
    (func (export "proxy_on_delete") (param i32)))"#;

/// What rules look at, and which of them applies.
#[derive(Clone, Copy)]
enum By {
    Header,
    /// The request meets the last rule only, as most requests do where the first rules are for few.
    HeaderLast,
    Prefix,
    /// By the regular expression with which Istio's documentation finds a cookie.
    Cookie,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            Self::Header => "exact header, the middle rule",
            Self::HeaderLast => "exact header, the last rule",
            Self::Prefix => "path prefix, the middle rule",
            Self::Cookie => "cookie by regex, the middle rule",
        }
    }

    /// The place of the rule that applies.
    fn applies(self, rules: usize) -> usize {
        match self {
            Self::Header | Self::Prefix | Self::Cookie => rules / 2,
            Self::HeaderLast => rules - 1,
        }
    }

    /// The rule of that place as a route of Envoy's.
    fn route(self, place: usize) -> Value {
        let route_match = match self {
            Self::Header | Self::HeaderLast => {
                json!({"prefix": "/", "headers": [{"name": "x-user", "string_match": {"exact": user(place)}}]})
            }
            Self::Prefix => json!({"prefix": path(place)}),
            Self::Cookie => {
                json!({"prefix": "/", "headers": [{"name": "cookie", "string_match": {"safe_regex": {"regex": cookie(place)}}}]})
            }
        };
        answered(route_match)
    }

    /// The rule of that place as a VirtualService's.
    fn rule(self, place: usize) -> Value {
        let one_match = match self {
            Self::Header | Self::HeaderLast => json!({"headers": {"x-user": {"exact": user(place)}}}),
            Self::Prefix => json!({"uri": {"prefix": path(place)}}),
            Self::Cookie => json!({"headers": {"cookie": {"regex": cookie(place)}}}),
        };
        json!({"match": [one_match], "route": [{"destination": {"host": "chosen.example"}}]})
    }

    /// What stands in Lua's table for the rule of that place.
    fn word(self, place: usize) -> String {
        match self {
            Self::Header | Self::HeaderLast | Self::Cookie => user(place),
            Self::Prefix => path(place),
        }
    }

    /// How Lua finds that word in a request.
    fn lookup(self) -> &'static str {
        match self {
            Self::Header | Self::HeaderLast => r#"headers:get("x-user")"#,
            Self::Prefix => r#"string.match(headers:get(":path"), "^/[^/]*/")"#,
            Self::Cookie => r#"string.match(headers:get("cookie") or "", "user=([^;]*)")"#,
        }
    }

    /// Requests to which the rule of that place applies.
    fn load(self, place: usize) -> (String, Vec<(String, String)>) {
        match self {
            Self::Header | Self::HeaderLast => ("/cart".to_owned(), vec![("x-user".to_owned(), user(place))]),
            Self::Prefix => (format!("{}items", path(place)), Vec::new()),
            Self::Cookie => {
                let cookies = format!("session=0123456789abcdef0123456789abcdef;user={};theme=dark", user(place));
                ("/cart".to_owned(), vec![("cookie".to_owned(), cookies)])
            }
        }
    }
}

fn user(place: usize) -> String {
    format!("user-{place:05}")
}

fn path(place: usize) -> String {
    format!("/team-{place:05}/")
}

fn cookie(place: usize) -> String {
    format!("^(.*?;)?(user={})(;.*)?$", user(place))
}

fn answered(route_match: Value) -> Value {
    json!({"match": route_match, "direct_response": {"status": 200}})
}

/// header-router's configuration; the listener's port is written, as it is in every rendered one.
fn configuration(by: By, rules: usize) -> Value {
    let http: Vec<Value> = (0..rules).map(|place| by.rule(place)).collect();
    let resource = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "shop"},
        "spec": {"hosts": [HOST], "http": http},
    });
    json!({"port": 80, "resources": [resource]})
}

/// A filter in Lua that looks the request's cluster up, and has no other rules than these.
fn lua(by: By, rules: usize) -> Value {
    let entries: String = (0..rules).map(|place| format!("[\"{}\"] = \"chosen\",\n", by.word(place))).collect();
    let code = format!(
        r#"
local clusters = {{
{entries}}}
function envoy_on_request(handle)
    local headers = handle:headers()
    local cluster = clusters[{} or ""]
    if cluster then
        headers:replace("x-serin-cluster", cluster)
        handle:clearRouteCache()
    end
end
"#,
        by.lookup()
    );
    json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    })
}

async fn envoy_with(by: By, rules: usize) -> Result<Process, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let (module, empty) = (directory.path().join("header-router.wasm"), directory.path().join("empty.wasm"));
    fs::write(&module, Module::HeaderRouter.bytes())?;
    fs::write(&empty, wat::parse_str(EMPTY)?)?;
    let table: Vec<Value> = (0..rules).map(|place| by.route(place)).collect();
    let chosen = json!({"prefix": "/", "headers": [{"name": "x-serin-cluster", "present_match": true}]});
    let configuration = json!({
        "admin": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}},
        "static_resources": {"listeners": [
            listener(SUBJECTS[NOTHING_AT_ALL], None, &[answered(json!({"prefix": "/"}))]),
            listener(SUBJECTS[ROUTE_TABLE], None, &table),
            listener(SUBJECTS[LUA], Some(lua(by, rules)), &[answered(chosen.clone())]),
            listener(
                SUBJECTS[EMPTY_FILTER],
                Some(wasm("empty", &empty, &json!({}))),
                &[answered(json!({"prefix": "/"}))],
            ),
            listener(
                SUBJECTS[HEADER_ROUTER],
                Some(wasm("header-router", &module, &configuration(by, rules))),
                &[answered(chosen)],
            ),
        ]},
    });
    Ok(Process::start(&find(None)?, &configuration, 1, directory).await?)
}

/// One turn: the CPU time of a request, in microseconds.
async fn cost(envoy: &Process, subject: &str, by: By, rules: usize) -> Result<f64, Box<dyn Error>> {
    let (path, headers) = by.load(by.applies(rules));
    let (cost, answers) = turn(envoy, subject, path, headers).await?;
    if answers.get(&Answer::Proxy(200)) != Some(&REQUESTS) {
        return Err(format!("{subject} with {rules} rules answered {answers:?}").into());
    }
    Ok(cost)
}

/// What a round has cost, each subject by its place.
type Round = [f64; SUBJECTS.len()];

/// The row of the table: the medians, and those of the ratio within a round.
async fn row(by: By, rules: usize) -> Result<Vec<String>, Box<dyn Error>> {
    let envoy = envoy_with(by, rules).await?;
    let mut rounds: Vec<Round> = Vec::with_capacity(ROUNDS);
    // The first round is a warm-up.
    for _ in 0..=ROUNDS {
        let mut costs = Round::default();
        for (spent, subject) in costs.iter_mut().zip(SUBJECTS) {
            *spent = cost(&envoy, subject, by, rules).await?;
        }
        rounds.push(costs);
    }
    envoy.stop().await;
    let of = |measure: &dyn Fn(&Round) -> f64| median(&rounds, measure);
    let added = |subject: usize| move |costs: &Round| costs[subject] - costs[NOTHING_AT_ALL];
    let mut row = vec![by.name().to_owned(), rules.to_string()];
    row.push(format!("{:.1}", of(&|costs| costs[NOTHING_AT_ALL])));
    row.extend([ROUTE_TABLE, LUA, EMPTY_FILTER, HEADER_ROUTER].map(|subject| format!("+{:.1}", of(&added(subject)))));
    row.push(format!("{:.2}", of(&|costs| added(HEADER_ROUTER)(costs) / added(ROUTE_TABLE)(costs))));
    let decided = |costs: &Round| costs[HEADER_ROUTER] - costs[EMPTY_FILTER];
    row.push(format!("{:.2}", of(&|costs| decided(costs) / added(ROUTE_TABLE)(costs))));
    Ok(row)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let ratios = ["header-router / route table", "(header-router - empty filter) / route table"];
    let mut table = table(["by", "rules"].into_iter().chain(SUBJECTS).chain(ratios));
    for by in [By::Header, By::HeaderLast, By::Prefix, By::Cookie] {
        for rules in RULES {
            eprintln!("serin: {rules} rules, {}", by.name());
            table.add_row(row(by, rules).await?);
        }
    }
    println!(
        "CPU time of a request in µs, and what is added to it: medians of {ROUNDS} rounds of {REQUESTS} requests; one worker"
    );
    println!("{}", table.trim_fmt());
    Ok(())
}

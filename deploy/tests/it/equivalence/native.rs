//! The oracle: a policy as Envoy's routes, written as Istio writes them (`TranslateRouteMatch` in its `route.go`).

use super::policy::{Conditions, HOST, Match, Policy, Text, destination};
use serde_json::{Value, json};

/// The routes of `policy` for `host`; rule N answers with `x-rule: rN.example`.
pub(super) fn routes(policy: &Policy, host: &str) -> Vec<Value> {
    let mut routes = Vec::new();
    for (place, rule) in policy.rules.iter().enumerate() {
        let always = [Match::default()];
        let matches = if rule.matches.is_empty() { &always } else { rule.matches.as_slice() };
        routes.extend(matches.iter().map(|one| answering(route_match(one, host), &destination(place))));
    }
    routes
}

/// The route that answers what it matches with `x-rule: {rule}`.
pub(super) fn answering(route_match: Value, rule: &str) -> Value {
    json!({
        "match": route_match,
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": "x-rule", "value": rule}}],
    })
}

fn route_match(one: &Match, host: &str) -> Value {
    let mut route_match = match &one.path {
        None | Some(Text::Present | Text::Star) => json!({"prefix": "/"}),
        Some(Text::Exact(text)) => json!({"path": text}),
        Some(Text::Prefix(text)) => json!({"prefix": text}),
        Some(Text::Regex(pattern, _)) => json!({"safe_regex": {"regex": pattern}}),
    };
    route_match["case_sensitive"] = json!(!one.any_case);
    let pseudo = one.pseudo.iter().map(|(name, text)| header(&format!(":{name}"), text, host));
    let headers = one.headers.iter().map(|(name, text)| header(name, text, host));
    let without = one.without.iter().map(|(name, text)| {
        let mut matcher = header(name, text, host);
        matcher["invert_match"] = json!(true);
        matcher["treat_missing_header_as_empty"] = json!(!matches!(text, Text::Present | Text::Star));
        matcher
    });
    route_match["headers"] = pseudo.chain(headers).chain(without).collect();
    route_match["query_parameters"] = query(&one.query, host);
    route_match
}

fn header(name: &str, text: &Text, host: &str) -> Value {
    match string_match(text, host) {
        None => json!({"name": name, "present_match": true}),
        Some(matcher) => json!({"name": name, "string_match": matcher}),
    }
}

fn query(conditions: &Conditions, host: &str) -> Value {
    let parameter = |(name, text): (&String, &Text)| match string_match(text, host) {
        None => json!({"name": name, "present_match": true}),
        Some(matcher) => json!({"name": name, "string_match": matcher}),
    };
    conditions.iter().map(parameter).collect()
}

/// How the text is compared; `None` if it has only to be there.
fn string_match(text: &Text, host: &str) -> Option<Value> {
    match text {
        Text::Present | Text::Star => None,
        Text::Exact(text) => Some(json!({"exact": text.replace(HOST, host)})),
        Text::Prefix(text) => Some(json!({"prefix": text.replace(HOST, host)})),
        Text::Regex(pattern, _) => Some(json!({"safe_regex": {"regex": pattern.replace(HOST, host)}})),
    }
}

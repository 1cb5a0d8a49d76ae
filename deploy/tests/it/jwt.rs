//! Claims of a verified JWT, from Envoy's own `jwt_authn`, as header-router sees them.

use crate::backend::ask;
use serde_json::json;
use serin::envoy::{Process, find};
use serin::manifests::{Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use std::collections::BTreeMap;

/// `{"iss": "serin", "group": ["alpha", "beta"], "realm": {"group": "beta"}}`, signed with [`KEY`] and without expiry.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InNlcmluIn0.\
    eyJpc3MiOiJzZXJpbiIsImdyb3VwIjpbImFscGhhIiwiYmV0YSJdLCJyZWFsbSI6eyJncm91cCI6ImJldGEifX0.\
    ik8rx8yTdvho1rgJeGyUHCgiGWPOJKrWX76DXiprhUU";

/// A key for these tests and nothing else.
const KEY: &str = "c2VyaW4gdGVzdHMgb25seTogbm8gc2VjcmV0IGF0IGFsbA";

const RULES: &str = r#"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [reviews.example]}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews.example]
  gateways: [front]
  http:
  - match: [{uri: {prefix: /list}, headers: {"@request.auth.claims.group": {exact: beta}}}]
    route: [{destination: {host: list}}]
  - match: [{uri: {prefix: /nested}, headers: {"@request.auth.claims[realm][group]": {prefix: be}}}]
    route: [{destination: {host: nested}}]
  - match: [{uri: {prefix: /without}, withoutHeaders: {"@request.auth.claims.group": {exact: beta}}}]
    route: [{destination: {host: without}}]
  - route: [{destination: {host: rest}}]
"#;

/// A rendered Envoy with `jwt_authn` before the filters, that answers with the cluster they chose.
async fn envoy() -> Process {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("header-router.wasm");
    std::fs::write(&file, Module::HeaderRouter.bytes()).unwrap();
    let world = World::parse("default", &[Text::new("rules.yaml", RULES)]).unwrap();
    let options = Options {
        filters: vec![Filter { name: "header-router".to_owned(), file }],
        source: Default::default(),
        endpoints: Endpoints::Addresses(BTreeMap::new()),
        listen: Listen::AnyPort,
        gateway: Some("default/front".to_owned()),
        access_log: None,
    };
    let mut configuration = render(&world, &options).unwrap().configuration;
    let manager =
        &mut configuration["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
    let keys = json!({"keys": [{"kty": "oct", "alg": "HS256", "kid": "serin", "k": KEY}]});
    let authn = json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"serin": {
                "issuer": "serin",
                "local_jwks": {"inline_string": keys.to_string()},
                "payload_in_metadata": "payload",
            }},
            "rules": [{"match": {"prefix": "/"}, "requires": {"requires_any": {"requirements": [
                {"provider_name": "serin"}, {"allow_missing": {}}]}}}],
        },
    });
    manager["http_filters"].as_array_mut().unwrap().insert(0, authn);
    manager["route_config"]["virtual_hosts"] = json!([{"name": "all", "domains": ["*"], "routes": [{
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": "x-served-by", "value": "%REQ(x-serin-cluster)%"}}],
    }]}]);
    Process::start(&find(None).unwrap(), &configuration, 1, directory).await.unwrap()
}

#[tokio::test]
async fn a_request_is_routed_by_the_claims_that_envoy_has_verified() {
    let envoy = envoy().await;
    let address = envoy.listeners()["default/front:80"];
    let bearer = format!("Bearer {TOKEN}");
    let chosen = |path: &str, authorization: Option<&str>| {
        let mut headers = vec![("host", "reviews.example")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        ask(address, path, &headers).split('|').nth(3).unwrap_or_default().to_owned()
    };
    for (path, with, without) in
        [("/list", "list", "rest"), ("/nested", "nested", "rest"), ("/without", "rest", "without")]
    {
        let full = |name: &str| format!("{name}.default.svc.cluster.local");
        assert_eq!(chosen(path, Some(&bearer)), full(with), "{path} with a token");
        assert_eq!(chosen(path, None), full(without), "{path} without a token");
    }
    envoy.stop().await;
}

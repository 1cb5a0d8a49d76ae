//! Rows as they are written.

use crate::object::{Object, bytes};
use crate::row::{Expected, ExpectedOfEnvoy, Request, Response, Row};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Reads a row of `file`.
///
/// # Panics
///
/// If it lacks something, or has a field that no row has.
pub fn read(file: &'static str, row: Value) -> Row {
    let mut row = Object::of(file, row);
    let name = row.text("name").unwrap_or_else(|| panic!("{file}.json: a row has no name"));
    let at = format!("{file}.json: {name}");
    row.at.clone_from(&at);
    let source = row.text("source").unwrap_or_else(|| panic!("{at}: has no source"));
    let mut configuration = read_configuration(&mut row);
    configuration["outputs"] = json!(["subset"]);
    let trusts = row.take("trusts") == Some(Value::Bool(true));
    let request = read_request(row.object("request").unwrap_or_else(|| panic!("{at}: has no request")));
    let response = row.object("response").unwrap_or_else(|| Object::of(&at, json!({})));
    let response = read_response(response);
    let expect = read_expected(row.object("expect").unwrap_or_else(|| panic!("{at}: expects nothing")));
    row.finish();
    Row { file, name, source, configuration, trusts, request, response, expect }
}

fn read_configuration(row: &mut Object) -> Value {
    let settings = row.object("settings").map(|settings| settings.fields);
    const VIRTUAL_SERVICE: (&str, &str) = ("networking.istio.io/v1", "VirtualService");
    const ROUTE_RULE: (&str, &str) = ("config.istio.io/v1alpha2", "RouteRule");
    let forms = (row.take("configuration"), row.take("http"), row.object("virtualServices"), row.object("routeRules"));
    let ((api_version, kind), specs) = match forms {
        (Some(configuration), None, None, None) if settings.is_none() => return configuration,
        (None, Some(http), None, None) => {
            let spec = json!({"hosts": ["reviews"], "http": http});
            (VIRTUAL_SERVICE, Map::from_iter([("reviews".to_owned(), spec)]))
        }
        (None, None, Some(virtual_services), None) => (VIRTUAL_SERVICE, virtual_services.fields),
        (None, None, None, Some(route_rules)) => (ROUTE_RULE, route_rules.fields),
        _ => panic!("{}: must have one of configuration, http, virtualServices, routeRules", row.at),
    };
    let manifest = |(name, spec): (String, Value)| {
        json!({
            "apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, "spec": spec,
        })
    };
    let resources: Vec<Value> = specs.into_iter().map(manifest).collect();
    let mut configuration = Map::from_iter([("port".to_owned(), json!(9080))]);
    configuration.extend(settings.unwrap_or_default());
    configuration.insert("resources".to_owned(), resources.into());
    configuration.into()
}

fn read_request(mut request: Object) -> Request {
    let url = request.text("url").unwrap_or_else(|| panic!("{}: the request has no url", request.at));
    let url = if url.starts_with('/') { format!("http://reviews:9080{url}") } else { url };
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("{}: {url} has no scheme", request.at));
    let (authority, target) =
        rest.split_at(rest.find('/').unwrap_or_else(|| panic!("{}: {url} has no path", request.at)));
    let sent = Request {
        method: request.text("method").unwrap_or_else(|| "GET".to_owned()),
        scheme: scheme.to_owned(),
        authority: authority.to_owned(),
        target: target.to_owned(),
        headers: request.pairs("headers"),
        body: request.text("body").unwrap_or_default(),
    };
    request.finish();
    sent
}

fn read_response(mut response: Object) -> Response {
    let read = Response {
        status: response.number("status").map_or(200, |status| status as u16),
        headers: response.pairs("headers"),
        first: response.number("first"),
        after: Duration::from_millis(response.number("afterMs").unwrap_or(0)),
    };
    response.finish();
    read
}

fn read_expected(mut expect: Object) -> Expected {
    let subset = expect.take("subset").map(|subset| match subset {
        Value::Null => None,
        Value::String(subset) => Some(subset),
        other => panic!("{}: {other} is not a subset", expect.at),
    });
    let of_subset = |subset: &str| match subset.contains('|') {
        true => subset.to_owned(),
        false => format!("outbound|9080|{subset}|reviews.default.svc.cluster.local"),
    };
    let shadows = match expect.take("shadows") {
        None => Vec::new(),
        Some(Value::Array(shadows)) => shadows.iter().map(|it| of_subset(it.as_str().unwrap_or_default())).collect(),
        Some(other) => panic!("{}: {other} is no list of shadows", expect.at),
    };
    let mut envoy = expect.object("envoy").unwrap_or_else(|| Object::of(&expect.at, json!({})));
    let mut response = expect.values("response");
    response.extend(expect.text("location").map(|location| ("location".to_owned(), vec![location.into_bytes()])));
    let read = Expected {
        cluster: expect.text("cluster").or_else(|| subset.clone().flatten().map(|subset| of_subset(&subset))),
        subset,
        shadows,
        status: expect.number("status").map(|status| status as u16),
        upstream: expect.values("upstream"),
        router: expect.values("router"),
        path: expect.text("path"),
        authority: expect.text("authority"),
        response,
        body: expect.take("body").map(|body| bytes(&expect.at, &body)),
        untouched: expect.take("untouched") == Some(Value::Bool(true)),
        delay: expect.number("delayMs").map(Duration::from_millis),
        envoy: ExpectedOfEnvoy {
            status: envoy.number("status").map(|status| status as u16),
            tries: envoy.number("tries"),
            upstream: envoy.values("upstream"),
            response: envoy.values("response"),
        },
    };
    envoy.finish();
    let ends = [read.cluster.is_some(), read.status.is_some(), read.untouched];
    assert_eq!(
        ends.iter().filter(|end| **end).count(),
        1,
        "{}: must have one of cluster, status, untouched",
        expect.at
    );
    expect.finish();
    read
}

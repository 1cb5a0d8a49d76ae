//! What Istio's validation refused of a RouteRule (`ValidateRouteRule`), and what no proxy could do as it is written.

use crate::duration;
use crate::names::host::mistake_in;
use crate::names::token::{is_authority, is_token};
use crate::refusal::{Place, Refusal};
use crate::share::Share;
use crate::written::{
    DestinationWeight, HttpFault, IstioService, L4Match, MatchCondition, OriginPolicy, RouteRule, StringMatch,
};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;

/// Go's methods, which Istio took for those that there are.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE"];

/// Refuses what is wrong with the rule.
pub(super) fn invalid(spec: &Place<'_>, rule: &RouteRule) -> Result<(), Refusal> {
    let place = spec.field("destination");
    let destination = rule.destination.as_ref().ok_or_else(|| place.refuse("must not be missing"))?;
    service(&place, destination)?;
    if !destination.labels.is_empty() {
        return Err(place.field("labels").refuse("must be empty: labels stand in route"));
    }
    if let Some(written) = &rule.condition {
        condition(&spec.field("match"), written)?;
    }
    redirect_and_rewrite(spec, rule)?;
    if let Some(entries) = &rule.route {
        route(&spec.field("route"), entries)?;
    }
    if let Some(mirror) = &rule.mirror {
        service(&spec.field("mirror"), mirror)?;
    }
    appended(&spec.field("appendHeaders"), &rule.append_headers)?;
    if let Some(cors) = &rule.cors_policy {
        origins(&spec.field("corsPolicy"), cors)?;
    }
    if let Some(simple) = rule.http_req_timeout.as_ref().and_then(|timeout| timeout.simple_timeout.as_ref()) {
        let place = spec.field("httpReqTimeout");
        time(&place.field("simpleTimeout"), "timeout", simple.timeout.as_deref())?;
    }
    if let Some(simple) = rule.http_req_retries.as_ref().and_then(|retries| retries.simple_retry.as_ref()) {
        let place = spec.field("httpReqRetries");
        let place = place.field("simpleRetry");
        if simple.attempts < 0 {
            return Err(place.field("attempts").refuse(format!("{} is negative", simple.attempts)));
        }
        time(&place, "perTryTimeout", simple.per_try_timeout.as_deref())?;
    }
    if let Some(written) = &rule.http_fault {
        fault(&spec.field("httpFault"), written)?;
    }
    if rule.l4_fault.is_some() {
        return Err(spec.field("l4Fault").refuse("is not implemented, in Istio neither"));
    }
    Ok(())
}

/// Istio, `ValidateIstioService`.
fn service(place: &Place<'_>, written: &IstioService) -> Result<(), Refusal> {
    let label = |field: &str, text: &str| {
        if text.is_empty() || is_dns_label(text) {
            return Ok(());
        }
        Err(place.field(field).refuse(format!("{text} is not a label of RFC 1123")))
    };
    match (written.name.is_empty(), written.service.is_empty()) {
        (true, true) => return Err(place.refuse("must have name or service")),
        (false, false) => return Err(place.refuse("has both name and service")),
        (false, true) => label("name", &written.name)?,
        (true, false) => {
            for (field, text) in [("namespace", &written.namespace), ("domain", &written.domain)] {
                if !text.is_empty() {
                    return Err(place.field(field).refuse("cannot stand beside service, which is a full name"));
                }
            }
            full_name(&place.field("service"), &written.service)?;
        }
    }
    label("namespace", &written.namespace)?;
    for part in written.domain.split('.').filter(|_| !written.domain.is_empty()) {
        if !is_dns_label(part) {
            return Err(place.field("domain").refuse(format!("{} is not a domain", written.domain)));
        }
    }
    labels(&place.field("labels"), &written.labels)
}

/// Istio, `ValidateEgressRuleService`: a host, which may begin with a wildcard, or addresses.
fn full_name(place: &Place<'_>, text: &str) -> Result<(), Refusal> {
    if text.contains('/') {
        return subnet(place, text);
    }
    let plain = text.strip_prefix('*').map_or(text, |rest| rest.strip_prefix(['.', '-']).unwrap_or(rest));
    if plain.is_empty() && text == "*" {
        return Ok(());
    }
    mistake_in(plain).map_or(Ok(()), |mistake| Err(place.refuse(mistake)))
}

/// Istio, `IsDNS1123Label`.
fn is_dns_label(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_part) && !text.starts_with('-') && !text.ends_with('-')
}

/// Istio, `Labels.Validate`.
fn labels(place: &Place<'_>, written: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    for (name, value) in written {
        for text in [name, value] {
            if !text.bytes().all(is_part) {
                let reason = format!("`{text}` has a character that is not one of letters, digits and -_./");
                return Err(place.field(name).refuse(reason));
            }
        }
    }
    Ok(())
}

/// Istio, `ValidateMatchCondition`.
fn condition(place: &Place<'_>, written: &MatchCondition) -> Result<(), Refusal> {
    if let Some(source) = &written.source {
        service(&place.field("source"), source)?;
    }
    if let Some(tcp) = &written.tcp {
        subnets(&place.field("tcp"), tcp)?;
    }
    if written.udp.is_some() {
        return Err(place.field("udp").refuse("is not implemented, in Istio neither"));
    }
    let place = place.field("request");
    let place = place.field("headers");
    for (name, text) in written.request.iter().flat_map(|request| &request.headers) {
        header_name(&place.field(name), name)?;
        comparison(&place.field(name), name, text)?;
    }
    Ok(())
}

/// Istio, `ValidateStringMatch`, and what it wanted of `uri`.
fn comparison(place: &Place<'_>, name: &str, text: &StringMatch) -> Result<(), Refusal> {
    let ways = [("exact", &text.exact), ("prefix", &text.prefix), ("regex", &text.regex)];
    let mut given = ways.into_iter().filter_map(|(field, text)| Some((field, text.as_deref()?)));
    let Some((field, text)) = given.next() else {
        return Err(place.refuse("must have exact, prefix or regex"));
    };
    if given.next().is_some() {
        return Err(place.refuse("has more than one of exact, prefix and regex"));
    }
    if name == "uri" && text.is_empty() {
        return Err(place.field(field).refuse("must not be empty"));
    }
    Ok(())
}

/// Istio, `ValidateL4MatchAttributes`.
fn subnets(place: &Place<'_>, written: &L4Match) -> Result<(), Refusal> {
    for (field, list) in [("sourceSubnet", &written.source_subnet), ("destinationSubnet", &written.destination_subnet)]
    {
        let place = place.field(field);
        for (index, text) in list.iter().enumerate() {
            subnet(&place.index(index), text)?;
        }
    }
    Ok(())
}

/// Istio, `ValidateIPv4Subnet`.
fn subnet(place: &Place<'_>, text: &str) -> Result<(), Refusal> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let is_prefix = bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= 32));
    if address.parse::<Ipv4Addr>().is_ok() && is_prefix {
        return Ok(());
    }
    Err(place.refuse(format!("{text} is neither an IPv4 address nor a subnet such as 10.0.0.0/8")))
}

fn redirect_and_rewrite(spec: &Place<'_>, rule: &RouteRule) -> Result<(), Refusal> {
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
    if let Some(rewrite) = &rule.rewrite {
        if !given(&rewrite.uri) && !given(&rewrite.authority) {
            return Err(spec.field("rewrite").refuse("must have uri or authority"));
        }
    }
    let Some(redirect) = &rule.redirect else {
        return Ok(());
    };
    if !given(&redirect.uri) && !given(&redirect.authority) {
        return Err(spec.field("redirect").refuse("must have uri or authority"));
    }
    let others = [
        ("route", rule.route.as_ref().is_some_and(|route| !route.is_empty())),
        ("httpFault", rule.http_fault.is_some()),
        ("websocketUpgrade", rule.websocket_upgrade),
        ("rewrite", rule.rewrite.is_some()),
    ];
    match others.iter().find(|(_, there)| *there) {
        Some((field, _)) => Err(spec.field(field).refuse("cannot stand beside redirect")),
        None => Ok(()),
    }
}

/// Istio, `ValidateDestinationWeight` and `ValidateWeights`.
fn route(place: &Place<'_>, entries: &[DestinationWeight]) -> Result<(), Refusal> {
    for (index, entry) in entries.iter().enumerate() {
        let place = place.index(index);
        if let Some(destination) = &entry.destination {
            service(&place.field("destination"), destination)?;
        }
        labels(&place.field("labels"), &entry.labels)?;
        percentage(&place.field("weight"), entry.weight as f64)?;
    }
    let sum: i64 = entries.iter().map(|entry| entry.weight).sum();
    if sum == 100 || (entries.len() == 1 && sum == 0) {
        return Ok(());
    }
    Err(place.refuse(format!("the weights add up to {sum}, not to 100")))
}

fn percentage(place: &Place<'_>, value: f64) -> Result<(), Refusal> {
    Share::compile(place, value).map(|_| ())
}

/// Istio, `ValidateHTTPHeaderName`; a name that no request has would make a rule that never applies.
fn header_name(place: &Place<'_>, name: &str) -> Result<(), Refusal> {
    if name.chars().any(char::is_uppercase) {
        return Err(place.refuse(format!("`{name}` must be in lower case")));
    }
    if !is_token(name.strip_prefix(':').unwrap_or(name)) {
        return Err(place.refuse(format!("`{name}` is not the name of a header")));
    }
    Ok(())
}

fn appended(place: &Place<'_>, headers: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (name, value) in headers {
        let place = place.field(name);
        header_name(&place, name)?;
        if value.is_empty() {
            return Err(place.refuse("must not be empty"));
        }
        if is_authority(name) || name.starts_with(':') {
            return Err(place.refuse("cannot be appended: rewrite.authority sets the authority"));
        }
    }
    Ok(())
}

fn origins(place: &Place<'_>, written: &OriginPolicy) -> Result<(), Refusal> {
    if let Some(age) = &written.max_age {
        let place = place.field("maxAge");
        if duration::milliseconds(&place, age)?.subsec_nanos() > 0 {
            return Err(place.refuse(format!("{age} is not a number of whole seconds")));
        }
    }
    for (field, names) in [("allowHeaders", &written.allow_headers), ("exposeHeaders", &written.expose_headers)] {
        let place = place.field(field);
        for (index, name) in names.iter().enumerate() {
            header_name(&place.index(index), name)?;
        }
    }
    let place = place.field("allowMethods");
    for (index, method) in written.allow_methods.iter().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            return Err(place.index(index).refuse(format!("{method} is not one of {}", METHODS.join(", "))));
        }
    }
    Ok(())
}

/// Istio, `ValidateHTTPFault`.
fn fault(place: &Place<'_>, written: &HttpFault) -> Result<(), Refusal> {
    if let Some(delay) = &written.delay {
        let place = place.field("delay");
        percentage(&place.field("percent"), delay.percent)?;
        if delay.exponential_delay.is_some() {
            return Err(place.field("exponentialDelay").refuse("is not implemented, in Istio neither"));
        }
        time(&place, "fixedDelay", delay.fixed_delay.as_deref())?;
    }
    if let Some(abort) = &written.abort {
        let place = place.field("abort");
        percentage(&place.field("percent"), abort.percent)?;
        if abort.grpc_status.is_some() {
            return Err(place.field("grpcStatus").refuse("is not implemented, in Istio neither"));
        }
        // Envoy has no status below 200; 0 is as good as none.
        if let Some(status) = abort.http_status.filter(|status| *status != 0 && !(200..=600).contains(status)) {
            return Err(place.field("httpStatus").refuse(format!("{status} is not a status code from 200 to 600")));
        }
    }
    Ok(())
}

/// Istio, `ValidateDuration`, which takes a missing one for a mistake.
fn time(place: &Place<'_>, field: &str, text: Option<&str>) -> Result<(), Refusal> {
    let place = place.field(field);
    duration::milliseconds(&place, text.ok_or_else(|| place.refuse("must not be missing"))?)?;
    Ok(())
}

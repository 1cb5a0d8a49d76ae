//! The matches of a rule.

use super::names::{may_be_header_names, validate_dns_label, validate_gateway_names, validate_labels};
use crate::compile::route::{claim_in, is_claim};
use crate::names::port::port_number;
use crate::names::token::AUTHORITY;
use crate::refusal::{Place, Refusal};
use crate::written::{HttpMatch, HttpRoute, StringMatch};

/// The pseudo-headers that a match can name (Istio, `pseudoHeaders`).
const PSEUDO_HEADERS: [&str; 5] = [":method", ":scheme", AUTHORITY, ":path", ":status"];

/// Istio: `validateHTTPRouteMatchRequest`.
pub(super) fn validate_matches(place: &Place<'_>, matches: &[HttpMatch]) -> Result<(), Refusal> {
    for (index, written) in matches.iter().enumerate() {
        validate_match(&place.index(index), written)?;
    }
    Ok(())
}

fn validate_match(place: &Place<'_>, written: &HttpMatch) -> Result<(), Refusal> {
    for (field, headers) in [("headers", &written.headers), ("withoutHeaders", &written.without_headers)] {
        let place = place.field(field);
        for (name, text) in headers {
            validate_header_name_or_claim(&place.field(name), name)?;
            validate_string_match(&place.field(name), text)?;
        }
    }
    let parts = [("scheme", &written.scheme), ("method", &written.method), ("authority", &written.authority)];
    for (field, text) in parts {
        text.as_ref().map_or(Ok(()), |text| validate_string_match(&place.field(field), text))?;
    }
    for (name, text) in &written.query_params {
        validate_string_match(&place.field("queryParams").field(name), text)?;
    }
    if let Some(port) = written.port.filter(|port| *port != 0) {
        port_number(&place.field("port"), port)?;
    }
    validate_labels(&place.field("sourceLabels"), &written.source_labels)?;
    validate_gateway_names(&place.field("gateways"), &written.gateways)?;
    match written.source_namespace.as_deref() {
        None | Some("") => Ok(()),
        Some(namespace) => validate_dns_label(&place.field("sourceNamespace"), namespace),
    }
}

/// Istio: `validateStringMatch`: a prefix of nothing would match everything. Regular expressions are looked at where they
/// are compiled.
fn validate_string_match(place: &Place<'_>, written: &StringMatch) -> Result<(), Refusal> {
    match written.prefix.as_deref() {
        Some("") => Err(place.field("prefix").refuse("must not be empty")),
        _ => Ok(()),
    }
}

/// Istio: `ValidateHTTPHeaderNameOrJwtClaimRoute`. The names of claims are looked at where they are compiled.
fn validate_header_name_or_claim(place: &Place<'_>, name: &str) -> Result<(), Refusal> {
    if claim_in(name).is_some() || PSEUDO_HEADERS.contains(&name) || may_be_header_names(name) {
        Ok(())
    } else if name.starts_with(':') {
        Err(place.refuse(format!("{name} is not one of the pseudo-headers {}", PSEUDO_HEADERS.join(", "))))
    } else {
        Err(place.refuse(format!("`{name}` is not the name of a header")))
    }
}

/// Istio: `validateJWTClaimRoute` in `ValidateVirtualService`: only a gateway knows claims.
pub(super) fn refuse_claims(http: &Place<'_>, routes: &[HttpRoute]) -> Result<(), Refusal> {
    for (route, written) in routes.iter().enumerate() {
        for (index, written) in written.matches.iter().enumerate() {
            for (field, headers) in [("headers", &written.headers), ("withoutHeaders", &written.without_headers)] {
                if let Some(name) = headers.keys().find(|name| is_claim(name)) {
                    let route = http.index(route);
                    let matches = route.field("match");
                    let reason = "claims can be matched at gateways only: name those that the VirtualService is for";
                    return Err(matches.index(index).field(field).field(name).refuse(reason));
                }
            }
        }
    }
    Ok(())
}

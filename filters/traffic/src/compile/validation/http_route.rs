//! One entry of `http[]`.

use super::actions;
use super::http_match::validate_matches;
use super::names::validate_dns_label;
use crate::duration;
use crate::names::token::{is_authority, is_token};
use crate::refusal::{Place, Refusal};
use crate::written::{Destination, HeaderOperations, HeaderRules, HttpRoute, Rewrite};

/// Whose rule it is (Istio, `HTTPRouteType`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::compile) enum RouteKind {
    /// A VirtualService's that delegates nothing here.
    Independent,
    /// One that delegates.
    Root,
    /// That of a VirtualService without hosts, to which others delegate.
    Delegate,
}

impl RouteKind {
    /// Istio: `getHTTPRouteType`.
    pub(in crate::compile) fn of(route: &HttpRoute, without_hosts: bool) -> Self {
        match (without_hosts, &route.delegate) {
            (true, _) => Self::Delegate,
            (false, Some(_)) => Self::Root,
            (false, None) => Self::Independent,
        }
    }
}

/// Istio: `validateHTTPRoute`.
pub(in crate::compile) fn validate_http_route(
    place: &Place<'_>,
    route: &HttpRoute,
    kind: RouteKind,
) -> Result<(), Refusal> {
    refuse_conflicts(place, route, kind)?;
    validate_matches(&place.field("match"), &route.matches)?;
    validate_headers(&place.field("headers"), route.headers.as_deref())?;
    actions::validate_cors(&place.field("corsPolicy"), route.cors_policy.as_deref())?;
    actions::validate_fault(&place.field("fault"), route.fault.as_deref())?;
    if let Some(mirror) = &route.mirror {
        validate_destination(&place.field("mirror"), mirror)?;
    }
    for (index, mirror) in route.mirrors.iter().enumerate() {
        validate_destination(&place.field("mirrors").index(index).field("destination"), &mirror.destination)?;
    }
    actions::validate_redirect(&place.field("redirect"), route)?;
    if let Some(timeout) = &route.timeout {
        duration::milliseconds(&place.field("timeout"), timeout)?;
    }
    actions::validate_retries(&place.field("retries"), route.retries.as_deref())?;
    actions::validate_rewrite(&place.field("rewrite"), route.rewrite.as_deref())?;
    validate_authority_rewrite(place, route.rewrite.as_deref(), route.headers.as_deref())?;
    for (index, destination) in route.route.iter().enumerate() {
        let place = place.field("route");
        let place = place.index(index);
        validate_headers(&place.field("headers"), destination.headers.as_deref())?;
        validate_destination(&place.field("destination"), &destination.destination)?;
    }
    Ok(())
}

/// Istio: `validateHTTPRouteConflict`.
fn refuse_conflicts(place: &Place<'_>, route: &HttpRoute, kind: RouteKind) -> Result<(), Refusal> {
    let among = [
        ("directResponse", route.direct_response.is_some()),
        ("route", !route.route.is_empty()),
        ("fault", route.fault.is_some()),
        ("rewrite", route.rewrite.is_some()),
        ("redirect", route.redirect.is_some()),
    ];
    let refuse_with = |name: &'static str, fields: &[&str]| match among
        .iter()
        .find(|(field, there)| *there && fields.contains(field))
    {
        Some((field, _)) => Err(place.field(field).refuse(format!("cannot be combined with {name}"))),
        None => Ok(()),
    };
    if kind == RouteKind::Root {
        return refuse_with("delegate", &["redirect", "route"]);
    }
    if kind == RouteKind::Delegate && route.delegate.is_some() {
        return Err(place.field("delegate").refuse("a VirtualService without hosts, a delegate, cannot delegate"));
    }
    if route.redirect.is_some() {
        refuse_with("redirect", &["directResponse", "route", "fault", "rewrite"])?;
    } else if route.direct_response.is_some() {
        refuse_with("directResponse", &["route", "fault", "rewrite"])?;
    } else if route.route.is_empty() {
        return Err(place.refuse("must have route, redirect or directResponse"));
    }
    if route.mirror.is_some() && !route.mirrors.is_empty() {
        return Err(place.field("mirrors").refuse("cannot be combined with mirror"));
    }
    Ok(())
}

/// The names of headers that are changed. Their values are looked at where they are compiled.
fn validate_headers(place: &Place<'_>, headers: Option<&HeaderRules>) -> Result<(), Refusal> {
    let Some(headers) = headers else { return Ok(()) };
    if let Some(request) = &headers.request {
        validate_operations(&place.field("request"), request, true)?;
    }
    if let Some(response) = &headers.response {
        validate_operations(&place.field("response"), response, false)?;
    }
    Ok(())
}

/// Istio: `ValidateHTTPHeaderWithAuthorityOperationName` for what a request is given, `ValidateHTTPHeaderOperationName`
/// for the rest.
fn validate_operations(place: &Place<'_>, written: &HeaderOperations, of_request: bool) -> Result<(), Refusal> {
    for (field, values) in [("set", &written.set), ("add", &written.add)] {
        let place = place.field(field);
        for name in values.keys() {
            validate_operation_name(&place.field(name), name, of_request)?;
        }
    }
    for (index, name) in written.remove.iter().enumerate() {
        validate_operation_name(&place.field("remove").index(index), name, false)?;
    }
    Ok(())
}

/// A name that is no token is refused too: Istio takes it, and no header can have it.
fn validate_operation_name(place: &Place<'_>, name: &str, may_be_authority: bool) -> Result<(), Refusal> {
    match (is_authority(name), may_be_authority) {
        (true, true) => Ok(()),
        (true, false) => Err(place.refuse(format!("{name} can only be set or added, and in a request"))),
        (false, _) if name.starts_with(':') => {
            Err(place.refuse(format!("{name} is a pseudo-header: of those only :authority can be changed")))
        }
        (false, _) if is_token(name) => Ok(()),
        (false, _) => Err(place.refuse(format!("`{name}` is not the name of a header"))),
    }
}

/// Istio: `validateAuthorityRewrite`.
fn validate_authority_rewrite(
    place: &Place<'_>,
    rewrite: Option<&Rewrite>,
    headers: Option<&HeaderRules>,
) -> Result<(), Refusal> {
    let mut current = rewrite.and_then(|rewrite| rewrite.authority.as_deref()).unwrap_or_default();
    let Some(request) = headers.and_then(|headers| headers.request.as_ref()) else {
        return Ok(());
    };
    for (field, values) in [("set", &request.set), ("add", &request.add)] {
        for (name, value) in values.iter().filter(|(name, _)| is_authority(name)) {
            if !current.is_empty() {
                let place = place.field("headers");
                let place = place.field("request");
                let reason = format!("the authority is set twice, to {current} too");
                return Err(place.field(field).field(name).refuse(reason));
            }
            current = value;
        }
    }
    Ok(())
}

/// Istio: `validateDestination`, as far as it is not looked at where the cluster is named.
pub(super) fn validate_destination(place: &Place<'_>, written: &Destination) -> Result<(), Refusal> {
    match written.subset.as_deref() {
        None | Some("") => Ok(()),
        Some(subset) => validate_dns_label(&place.field("subset"), subset),
    }
}

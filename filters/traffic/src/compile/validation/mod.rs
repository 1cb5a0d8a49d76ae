//! What Istio's validation refuses (`pkg/config/validation` in Istio's source), so that what is taken here is taken there.
//!
//! Each function names the one of Istio's that it stands for. What cannot be compiled, such as a bad regular expression
//! or a percentage of 200, is refused where it is compiled. `docs/validation.md` lists all of Istio's functions, and the
//! test that holds each.

mod actions;
mod destination_rule;
mod gateway;
mod http_match;
mod http_route;
mod l4_route;
mod names;

pub(super) use destination_rule::validate_destination_rule;
pub(super) use gateway::validate_gateway;
pub(super) use http_route::{RouteKind, validate_http_route};
pub(super) use l4_route::mistake_in_host_of;

use crate::names::gateway::MESH;
use crate::names::host::overlap;
use crate::refusal::{Place, Refusal};
use crate::written::{Metadata, VirtualService};
use http_match::refuse_claims;
use names::{validate_export_to, validate_gateway_names};

/// Annotations that Istio keeps for itself, or has for an AuthorizationPolicy alone (Istio, `validateMetadata`).
const FORBIDDEN_ANNOTATIONS: [&str; 4] = [
    "istio.io/dry-run",
    "internal.istio.io/webhook-always-reject",
    "internal.istio.io/parents",
    "internal.istio.io/parent-namespace",
];

/// Istio: `validateMetadata`, which is asked about every kind.
pub(super) fn validate_metadata(place: &Place<'_>, metadata: &Metadata) -> Result<(), Refusal> {
    let annotations = place.field("annotations");
    match FORBIDDEN_ANNOTATIONS.iter().find(|name| metadata.annotations.contains_key(**name)) {
        Some(name) => Err(annotations.field(name).refuse("cannot be set here")),
        None => Ok(()),
    }
}

/// The annotation under which istiod has rules of its own making, of Ingress and HTTPRoute, matched otherwise.
const ROUTE_SEMANTICS: &str = "internal.istio.io/route-semantics";

/// Refuses rules whose prefixes end with a segment of the path (Istio, `UseIngressSemantics`, `UseGatewaySemantics`).
pub(super) fn refuse_route_semantics(place: &Place<'_>, metadata: &Metadata) -> Result<(), Refusal> {
    match metadata.annotations.get(ROUTE_SEMANTICS).and_then(|semantics| semantics.as_str()) {
        Some(semantics @ ("ingress" | "gateway")) => {
            let place = place.field("annotations");
            let reason = format!("{semantics} gives prefixes another meaning: it is for what istiod makes itself");
            Err(place.field(ROUTE_SEMANTICS).refuse(reason))
        }
        _ => Ok(()),
    }
}

/// Istio: `ValidateVirtualService`. The names of its hosts are looked at where they are compiled.
pub(super) fn validate_virtual_service(
    spec: &Place<'_>,
    written: &VirtualService,
    namespace: &str,
) -> Result<(), Refusal> {
    if written.hosts.is_empty() {
        let fields = [
            ("gateways", written.gateways.is_empty()),
            ("tls", written.tls.is_empty()),
            ("tcp", written.tcp.is_empty()),
        ];
        if let Some((field, _)) = fields.iter().find(|(_, empty)| !empty) {
            return Err(spec.field(field).refuse("must be empty in a VirtualService without hosts, a delegate"));
        }
    }
    validate_gateway_names(&spec.field("gateways"), &written.gateways)?;
    if !is_for_gateways(written) {
        refuse_claims(&spec.field("http"), &written.http)?;
    }
    refuse_overlapping_hosts(&spec.field("hosts"), &written.hosts)?;
    if written.http.is_empty() && written.tcp.is_empty() && written.tls.is_empty() {
        return Err(spec.refuse("must have http, tcp or tls"));
    }
    for (index, route) in written.http.iter().enumerate() {
        let kind = RouteKind::of(route, written.hosts.is_empty());
        validate_http_route(&spec.field("http").index(index), route, kind)?;
    }
    for (index, route) in written.tls.iter().enumerate() {
        l4_route::validate_tls_route(&spec.field("tls").index(index), route, written)?;
    }
    for (index, route) in written.tcp.iter().enumerate() {
        l4_route::validate_tcp_route(&spec.field("tcp").index(index), route)?;
    }
    validate_export_to(&spec.field("exportTo"), &written.export_to, namespace)
}

/// Whether the VirtualService is for gateways alone (Istio, `isGateway`).
fn is_for_gateways(written: &VirtualService) -> bool {
    !written.gateways.is_empty() && !written.gateways.iter().any(|gateway| gateway == MESH)
}

/// Istio: `host.Name.Matches`, which `ValidateVirtualService` asks of every two hosts: neither may cover the other.
fn refuse_overlapping_hosts(place: &Place<'_>, hosts: &[String]) -> Result<(), Refusal> {
    for (index, host) in hosts.iter().enumerate() {
        if let Some(other) = hosts.iter().take(index).find(|other| overlap(other, host)) {
            let place = place.index(index);
            return Err(place.refuse(if other == host {
                format!("{host} is defined twice")
            } else {
                format!("{host} overlaps {other}: a VirtualService has each host once")
            }));
        }
    }
    Ok(())
}

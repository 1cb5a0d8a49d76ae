//! Routes for TLS and TCP, which are read to be refused where Istio refuses them, and left to Istio else.

use super::http_route::validate_destination;
use super::is_for_gateways;
use super::names::{validate_gateway_names, validate_labels};
use crate::compile::route::weight;
use crate::names::host::{LONGEST, covers, mistake_in, mistake_in_virtual_host};
use crate::names::port::port_number;
use crate::refusal::{Place, Refusal};
use crate::written::{ConnectionMatch, ConnectionRoute, VirtualService};
use std::net::IpAddr;

/// What an SNI host begins with that istiod made for AUTO_PASSTHROUGH: `outbound_.80_._.reviews.default.svc.cluster.local`.
const GENERATED_SNI: &str = "outbound_";

/// Istio: `validateTLSRoute`.
pub(super) fn validate_tls_route(
    place: &Place<'_>,
    route: &ConnectionRoute,
    written: &VirtualService,
) -> Result<(), Refusal> {
    if route.matches.is_empty() {
        return Err(place.field("match").refuse("must not be empty"));
    }
    for (index, one) in route.matches.iter().enumerate() {
        let place = place.field("match");
        let place = place.index(index);
        let hosts = place.field("sniHosts");
        if one.sni_hosts.is_empty() {
            return Err(hosts.refuse("must not be empty"));
        }
        for (index, host) in one.sni_hosts.iter().enumerate() {
            validate_sni_host(&hosts.index(index), host, written)?;
        }
        validate_l4_match(&place, one)?;
    }
    validate_route_destinations(place, route)
}

/// Istio: `validateSniHost`.
fn validate_sni_host(place: &Place<'_>, host: &str, written: &VirtualService) -> Result<(), Refusal> {
    let is_generated = is_for_gateways(written) && is_generated_sni(host);
    if let Some(mistake) = mistake_in_virtual_host(host).filter(|_| !is_generated) {
        return Err(place.refuse(mistake));
    }
    if host.parse::<IpAddr>().is_ok() || written.hosts.iter().any(|of| covers(of, host)) {
        return Ok(());
    }
    Err(place.refuse(format!("{host} is none of the VirtualService's hosts")))
}

/// Why `host` cannot be one of the VirtualService's hosts, if it cannot (Istio, `ValidateVirtualService`): beside TLS rules at
/// gateways, it may be a name that istiod has made.
pub(crate) fn mistake_in_host_of(written: &VirtualService, host: &str) -> Option<String> {
    let has_sni_hosts = written.tls.iter().flat_map(|route| &route.matches).any(|one| !one.sni_hosts.is_empty());
    let may_be_generated = has_sni_hosts && is_for_gateways(written);
    mistake_in_virtual_host(host).filter(|_| !(may_be_generated && is_generated_sni(host)))
}

/// Istio: `ValidateWildcardDomainForVirtualServiceBoundToGateway`.
fn is_generated_sni(host: &str) -> bool {
    let mut parts = host.split('_');
    let begins = host.starts_with(GENERATED_SNI) && host.len() <= LONGEST;
    let (port, name) = (parts.nth(1).unwrap_or_default(), parts.nth(1).unwrap_or_default());
    begins && port.bytes().any(|byte| byte.is_ascii_digit()) && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Istio: `validateTCPRoute`.
pub(super) fn validate_tcp_route(place: &Place<'_>, route: &ConnectionRoute) -> Result<(), Refusal> {
    for (index, one) in route.matches.iter().enumerate() {
        validate_l4_match(&place.field("match").index(index), one)?;
    }
    validate_route_destinations(place, route)
}

/// Istio: `validateTLSMatch` and `validateTCPMatch`, as far as they ask the same.
fn validate_l4_match(place: &Place<'_>, written: &ConnectionMatch) -> Result<(), Refusal> {
    for (index, subnet) in written.destination_subnets.iter().enumerate() {
        validate_subnet(&place.field("destinationSubnets").index(index), subnet)?;
    }
    if let Some(port) = written.port.filter(|port| *port != 0) {
        port_number(&place.field("port"), port)?;
    }
    validate_labels(&place.field("sourceLabels"), &written.source_labels)?;
    validate_gateway_names(&place.field("gateways"), &written.gateways)
}

/// Istio: `ValidateIPSubnet`.
fn validate_subnet(place: &Place<'_>, subnet: &str) -> Result<(), Refusal> {
    let (address, length) = match subnet.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (subnet, None),
    };
    let is_subnet = match (address.parse::<IpAddr>(), length) {
        (Err(_), _) => false,
        (Ok(_), None) => true,
        (Ok(address), Some(length)) => {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let is_plain = length == "0" || (!length.starts_with(['0', '+']));
            is_plain && length.parse::<u8>().is_ok_and(|length| length <= most)
        }
    };
    if is_subnet { Ok(()) } else { Err(place.refuse(format!("{subnet} is neither an address nor a range of them"))) }
}

/// Istio: `validateRouteDestinations`.
fn validate_route_destinations(place: &Place<'_>, route: &ConnectionRoute) -> Result<(), Refusal> {
    let place = place.field("route");
    if route.route.is_empty() {
        return Err(place.refuse("must not be empty"));
    }
    let mut sum = 0;
    for (index, written) in route.route.iter().enumerate() {
        let place = place.index(index);
        let destination = place.field("destination");
        if let Some(mistake) = mistake_in(&written.destination.host) {
            return Err(destination.field("host").refuse(mistake));
        }
        if written.destination.host == "*" {
            return Err(destination.field("host").refuse("* is not a host"));
        }
        validate_destination(&destination, &written.destination)?;
        if let Some(port) = written.destination.port {
            let place = destination.field("port");
            port_number(&place.field("number"), port.number.unwrap_or_default())?;
        }
        sum += u64::from(weight(&place.field("weight"), written.weight.unwrap_or_default())?);
    }
    if route.route.len() > 1 && sum == 0 {
        return Err(place.refuse("the weights of all destinations are 0"));
    }
    Ok(())
}

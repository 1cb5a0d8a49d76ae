//! The authorities that rules give requests. Envoy looks for the route again once a filter has rewritten a request, by its new
//! authority.

use crate::manifests::World;
use serin_traffic::names::host::host_of;
use serin_traffic::written::{HeaderRules, HttpRoute};
use std::collections::BTreeSet;

/// The hosts of the authorities that rules of `world` give requests; those that are hosts of rules themselves are left out, for
/// whether they are let in is the Gateway's to say.
pub(crate) fn hosts(world: &World) -> BTreeSet<String> {
    let specs = || world.virtual_services_for_http().map(|(_, spec)| spec);
    let own: BTreeSet<String> = specs().flat_map(|spec| &spec.hosts).map(|host| host.to_ascii_lowercase()).collect();
    let written = specs().flat_map(|spec| spec.http.iter().flat_map(authorities));
    // A wildcard would be one for Envoy, and what has an operator in it is known only with the request.
    let hosts = written.map(|authority| host_of(authority.as_bytes()).into_owned());
    let hosts = hosts.filter(|host| !host.is_empty() && !host.contains(['*', '%']));
    hosts.filter(|host| !own.contains(host)).collect()
}

fn authorities(rule: &HttpRoute) -> impl Iterator<Item = &String> {
    let rewritten = rule.rewrite.iter().filter_map(|rewrite| rewrite.authority.as_ref());
    let headers = rule.headers.as_deref().into_iter().chain(rule.route.iter().filter_map(|to| to.headers.as_deref()));
    rewritten.chain(headers.flat_map(set))
}

fn set(headers: &HeaderRules) -> impl Iterator<Item = &String> {
    let is_authority = |name: &str| name == ":authority" || name.eq_ignore_ascii_case("host");
    let operations = headers.request.iter().flat_map(|request| request.set.iter().chain(&request.add));
    operations.filter(move |(name, _)| is_authority(name)).map(|(_, value)| value)
}

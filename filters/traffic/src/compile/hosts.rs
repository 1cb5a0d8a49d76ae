//! Whose rules the requests for a host meet.
//!
//! In the mesh a host has one VirtualService. At a gateway the rules of all its VirtualServices are asked, as far as the
//! Gateway serves their hosts. Those that a proxy sees because they name its namespace come before the others, and of
//! alike ones the oldest comes first (Istio, `pilot/pkg/networking/core/httproute.go` and `gateway.go`).

use super::Surroundings;
use super::known::Known;
use super::validation::mistake_in_host_of;
use crate::age::Age;
use crate::index::Index;
use crate::names::gateway::MESH;
use crate::names::host::{HostTable, aliases, domain, full_names, intersection};
use crate::order::gather;
use crate::policy::{Applied, HostRules, Rule, VirtualService};
use crate::refusal::{Place, Refusal, Warning};
use crate::sorted::Sorted;
use crate::visibility::Visibility;
use crate::written::{self, Gateway, Server};
use std::sync::Arc;

/// A VirtualService that requests can meet, or what stands for the RouteRules of a service.
pub(super) struct Bound<'a> {
    /// Its place among the policy's.
    pub(super) virtual_service: usize,
    pub(super) rank: Rank<'a>,
    pub(super) namespace: &'a str,
    /// Where its hosts are written.
    pub(super) place: String,
    pub(super) hosts: Vec<Host>,
    /// Its matches in their order, and whether each holds always.
    pub(super) entries: Vec<(Applied, bool)>,
}

/// Which of several comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank<'a> {
    VirtualService(Visibility, Age<'a>),
    /// Behind the VirtualServices: a host that has both is theirs.
    RouteRules,
}

/// A host of a VirtualService.
pub(super) struct Host {
    pub(super) full: String,
    /// Where it is written.
    pub(super) places: Vec<String>,
}

/// The full names of a VirtualService's hosts; Istio: `ValidateVirtualService`.
pub(super) fn hosts_of(
    spec: &Place<'_>,
    written: &written::VirtualService,
    namespace: &str,
    world: &Surroundings,
) -> Result<Vec<Host>, Refusal> {
    let place = spec.field("hosts");
    let for_mesh = written.gateways.is_empty() || written.gateways.iter().any(|gateway| gateway == MESH);
    let mut hosts: Vec<Host> = Vec::with_capacity(written.hosts.len());
    for (index, host) in written.hosts.iter().enumerate() {
        let place = place.index(index);
        if let Some(mistake) = mistake_in_host_of(written, host) {
            return Err(place.refuse(mistake));
        }
        if host == "*" && for_mesh {
            return Err(place.refuse("* is for gateways only, not for the mesh"));
        }
        // A short and a full name of one service are one host.
        for full in full_names(host, namespace, &world.cluster_domain) {
            if hosts.iter().all(|known| known.full != full) {
                hosts.push(Host { full, places: vec![place.to_string()] });
            }
        }
    }
    Ok(hosts)
}

/// What requests meet, host by host.
pub(super) fn table(
    bound: &[Bound<'_>],
    world: &Surroundings,
    known: &Known<'_>,
    virtual_services: &[VirtualService],
    warnings: &mut Vec<Warning>,
) -> HostTable<HostOrder> {
    match (world.gateway.names(), known.gateway) {
        (None, _) => in_mesh(bound, world, known, virtual_services, warnings),
        (Some((namespace, _)), Some(gateway)) => at_servers(bound, gateway, namespace, world.port, warnings),
        (Some(_), None) => at_any_server(bound),
    }
}

fn in_mesh(
    bound: &[Bound<'_>],
    world: &Surroundings,
    known: &Known<'_>,
    virtual_services: &[VirtualService],
    warnings: &mut Vec<Warning>,
) -> HostTable<HostOrder> {
    let aliases = |full: &str| aliases(full, world.own_namespace(), &world.cluster_domain);
    let mut table = HostTable::<HostOrder>::default();
    for bound in bound {
        for host in &bound.hosts {
            for name in aliases(&host.full) {
                let Some(order) = table.entry(&name, || HostOrder::of(bound)) else {
                    continue;
                };
                if order.first() != bound.virtual_service && name == domain(&host.full) {
                    let owner = virtual_services.get(order.first()).map_or("", |owner| owner.name.as_str());
                    let reason = match bound.rank {
                        Rank::VirtualService(..) => {
                            format!("{owner} has {name} already: in the mesh the oldest VirtualService of a host wins")
                        }
                        Rank::RouteRules => format!("{name} is {owner}'s already: a VirtualService of a host wins"),
                    };
                    warnings.extend(host.places.iter().map(|place| Warning::new(place.as_str(), reason.as_str())));
                }
            }
        }
    }
    // A wildcard that covers a Service covers all its names.
    for service in known.services() {
        if let Some(order) = table.covering(&domain(service)).cloned() {
            for name in aliases(service) {
                table.entry(&name, || order.clone());
            }
        }
    }
    table
}

/// At a gateway of which the servers are not known: each has all hosts.
fn at_any_server(bound: &[Bound<'_>]) -> HostTable<HostOrder> {
    let mut table = HostTable::default();
    for bound in bound {
        for host in &bound.hosts {
            add(&mut table, &domain(&host.full), bound);
        }
    }
    table
}

/// At the servers of a Gateway in `namespace`: those of the listener's port, if it has that port.
fn at_servers(
    bound: &[Bound<'_>],
    gateway: &Gateway,
    namespace: &str,
    port: Option<u16>,
    warnings: &mut Vec<Warning>,
) -> HostTable<HostOrder> {
    let all: Vec<&Server> = gateway.servers.iter().filter(|server| server.is_http()).collect();
    let of_port: Vec<&Server> =
        all.iter().copied().filter(|server| Some(server.port.number) == port.map(u32::from)).collect();
    let served = |server: &'_ Server, bound: &Bound<'_>| -> Vec<String> {
        let hosts: Vec<&str> = bound.hosts.iter().map(|host| host.full.as_str()).collect();
        let common = intersection(&server.hosts_for(bound.namespace, namespace), &hosts);
        common.into_iter().map(domain).collect()
    };
    let mut table = HostTable::default();
    for server in if of_port.is_empty() { &all } else { &of_port } {
        for bound in bound {
            for host in served(server, bound) {
                add(&mut table, &host, bound);
            }
        }
    }
    for bound in bound {
        if all.iter().all(|server| served(server, bound).is_empty()) {
            warnings.push(Warning::new(bound.place.as_str(), "none of them is a host that the Gateway serves"));
        }
    }
    table
}

fn add(table: &mut HostTable<HostOrder>, host: &str, bound: &Bound<'_>) {
    if let Some(order) = table.entry(host, || HostOrder::of(bound)) {
        order.extend(bound);
    }
}

/// The VirtualServices of one host in their order, by their places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostOrder(Vec<usize>);

impl HostOrder {
    fn of(bound: &Bound<'_>) -> Self {
        Self(vec![bound.virtual_service])
    }

    /// The first VirtualService of the host.
    fn first(&self) -> usize {
        self.0.first().copied().unwrap_or_default()
    }

    /// Adds a VirtualService, once.
    fn extend(&mut self, bound: &Bound<'_>) {
        if !self.0.contains(&bound.virtual_service) {
            self.0.push(bound.virtual_service);
        }
    }
}

/// What requests meet by the VirtualServices of their host. Hosts with the same ones share it: a service has five names in the
/// mesh.
pub(super) struct RulesOfHosts<'a> {
    virtual_services: &'a [VirtualService],
    /// The matches of each VirtualService, by its place.
    entries: Sorted<usize, &'a [(Applied, bool)]>,
    known: Sorted<HostOrder, Arc<HostRules>>,
}

impl<'a> RulesOfHosts<'a> {
    pub(super) fn of(virtual_services: &'a [VirtualService], bound: &'a [Bound<'_>]) -> Self {
        let entries = bound.iter().map(|bound| (bound.virtual_service, bound.entries.as_slice()));
        Self { virtual_services, entries: gather(entries), known: Sorted::default() }
    }

    pub(super) fn get(&mut self, order: HostOrder) -> Arc<HostRules> {
        if let Some(known) = self.known.get(&order) {
            return Arc::clone(known);
        }
        let rules = Arc::new(self.compile(&order));
        self.known.insert(order, Arc::clone(&rules));
        rules
    }

    /// Matches that hold always come last, also behind those of later VirtualServices (Istio, `SortVHostRoutes`).
    #[inline(never)]
    fn compile(&self, order: &HostOrder) -> HostRules {
        let mut entries = Vec::new();
        for last in [false, true] {
            for matches in order.0.iter().filter_map(|place| self.entries.get(place)) {
                entries.extend(matches.iter().filter(|(_, always)| *always == last).map(|(applied, _)| *applied));
            }
        }
        entries.shrink_to_fit();
        let conditions = |applied: &Applied| {
            let rules = self.virtual_services.get(applied.rule.virtual_service).map(VirtualService::rules);
            rules.and_then(|rules: &[Rule]| rules.get(applied.rule.rule)?.matches.get(applied.by))
        };
        let index = Index::of(entries.iter().filter_map(conditions));
        HostRules { virtual_service: order.first(), entries, index }
    }
}

//! By which way requests come in, as it is asked for or as the manifests suggest it.

use crate::manifests::{CLUSTER_DOMAIN, Mistake, PortProtocol, Traffic, World};
use serin_traffic::names::gateway::{self, MESH};
use serin_traffic::names::host::{covers, domain, full_name, full_names, host_of, intersection};
use serin_traffic::visibility::seen_from;
use serin_traffic::written::{Gateway, Server, Spec};

/// By which way requests come in: through which proxy, for which host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    /// `mesh`, or the Gateway's `namespace/name`.
    pub(crate) gateway: String,
    /// The host, with a port if one was said or a Service has it.
    pub(crate) authority: String,
    /// The listener's port.
    pub(crate) port: u16,
}

/// The port of hosts about which nothing is known.
const PORT: u16 = 80;

/// The way that `host` and `gateway` say; where they say nothing, that of the first rules which a proxy has.
/// Callers through the mesh are in `own_namespace`.
pub(crate) fn way_in(
    world: &World,
    host: Option<&str>,
    gateway: Option<&str>,
    own_namespace: &str,
) -> Result<Way, Mistake> {
    let named = gateway.map(|gateway| gateway::full_name(gateway, &world.namespace));
    let asked = host.map(|host| asked_domain(host, own_namespace));
    let ruled = ruled(world);
    let offers = offers(&ruled, world, own_namespace);
    let is_through = |offer: &&Offer<'_>| named.as_ref().is_none_or(|gateway| offer.gateway == *gateway);
    let has_host = |offer: &&Offer<'_>| {
        asked.as_ref().is_some_and(|asked| offer.domains().iter().any(|domain| covers(domain, asked)))
    };
    let through = || offers.iter().filter(is_through);
    let Some(offer) = through().find(has_host).or_else(|| through().next()) else {
        let reason = match gateway {
            Some(gateway) if !offers.is_empty() => {
                let mut known: Vec<&str> = offers.iter().map(|offer| offer.gateway.as_str()).collect();
                known.sort_unstable();
                known.dedup();
                format!("no VirtualService is for the gateway {gateway}; --gateway may be {}", known.join(", "))
            }
            _ if !ruled.is_empty() => {
                "no proxy has rules of these: see their exportTo, and the hosts of the Gateways".to_owned()
            }
            _ => "the manifests have neither a VirtualService with rules for HTTP nor a RouteRule: add the file that has the rules"
                .to_owned(),
        };
        return Err(Mistake::everywhere(reason));
    };
    let gateway = offer.gateway.clone();
    let host = match host {
        Some(host) => host.to_owned(),
        None => {
            let plain = offer.plain_host().ok_or_else(|| {
                let reason = format!(
                    "spec.hosts: {} stands for many hosts; say with --host for which one requests ask",
                    offer.hosts.join(", ")
                );
                offer.traffic.origin.mistake(reason)
            })?;
            // Short names are good within the namespace and the mesh only.
            let near = gateway == MESH && offer.traffic.namespace == own_namespace && !plain.contains(':');
            if near { plain.to_owned() } else { domain(&full_name(plain, &offer.traffic.namespace, CLUSTER_DOMAIN)) }
        }
    };
    let (authority, port) = match port_of(&host) {
        Some(port) => (host, port),
        None => match port_in(world, &gateway, &asked_domain(&host, own_namespace)) {
            Some(port) if gateway == MESH => (format!("{host}:{port}"), port),
            port => (host, port.unwrap_or(PORT)),
        },
    };
    Ok(Way { gateway, authority, port })
}

/// A manifest with rules: for which hosts, as they are written, and through which gateways, in full.
pub(super) struct Ruled<'w> {
    pub(super) traffic: &'w Traffic,
    pub(super) hosts: Vec<String>,
    pub(super) gateways: Vec<String>,
}

/// The VirtualServices for HTTP and RouteRules. A VirtualService without hosts is there for others to delegate to it.
pub(super) fn ruled(world: &World) -> Vec<Ruled<'_>> {
    let virtual_services =
        world.virtual_services_for_http().filter(|(_, spec)| !spec.hosts.is_empty()).map(|(traffic, spec)| {
            let gateways = gateway::full_names(&spec.gateways, &traffic.namespace);
            Ruled { traffic, hosts: spec.hosts.clone(), gateways }
        });
    let route_rules = world.route_rules().filter_map(|(traffic, rule)| {
        let host = rule.host(&traffic.namespace, CLUSTER_DOMAIN)?;
        let short = rule
            .destination
            .as_ref()
            .map(|service| &service.name)
            .filter(|name| full_name(name, &traffic.namespace, CLUSTER_DOMAIN) == host);
        Some(Ruled { traffic, hosts: vec![short.cloned().unwrap_or(host)], gateways: vec![MESH.to_owned()] })
    });
    virtual_services.chain(route_rules).collect()
}

/// Rules at a proxy that sees them, with the hosts that requests can ask for there.
struct Offer<'w> {
    gateway: String,
    traffic: &'w Traffic,
    hosts: Vec<String>,
}

impl Offer<'_> {
    fn domains(&self) -> Vec<String> {
        let full = self.hosts.iter().flat_map(|host| full_names(host, &self.traffic.namespace, CLUSTER_DOMAIN));
        full.map(|name| domain(&name)).collect()
    }

    /// The first host that is one name.
    fn plain_host(&self) -> Option<&str> {
        self.hosts.iter().map(String::as_str).find(|host| !host.contains('*'))
    }
}

/// The rules at each of their proxies, in the order of the manifests; the mesh comes before other gateways.
fn offers<'w>(ruled: &[Ruled<'w>], world: &'w World, own_namespace: &str) -> Vec<Offer<'w>> {
    let mut offers = Vec::new();
    for Ruled { traffic, hosts, gateways } in ruled {
        let traffic = *traffic;
        let mut gateways = gateways.clone();
        gateways.sort_by_key(|gateway| gateway != MESH);
        for gateway in gateways {
            let known = world.gateways.iter().find(|known| known.full_name() == gateway);
            let viewer = known.map_or(own_namespace, |gateway| gateway.namespace.as_str());
            let export_to: &[String] = match &traffic.manifest.spec {
                Spec::VirtualService(spec) => &spec.export_to,
                _ => &[],
            };
            if seen_from(&traffic.namespace, export_to, viewer).is_none() {
                continue;
            }
            let served = |host: &&String| match written_gateway(world, &gateway) {
                Some((of, written)) => serves(written, of, traffic, host),
                None => true,
            };
            let hosts: Vec<String> = hosts.iter().filter(served).cloned().collect();
            if !hosts.is_empty() {
                offers.push(Offer { gateway, traffic, hosts });
            }
        }
    }
    offers
}

/// The Gateway of that full name, as it is written, and its namespace.
fn written_gateway<'w>(world: &'w World, gateway: &str) -> Option<(&'w str, &'w Gateway)> {
    world.traffic.iter().find_map(|traffic| match &traffic.manifest.spec {
        Spec::Gateway(written) if gateway == format!("{}/{}", traffic.namespace, traffic.manifest.metadata.name) => {
            Some((traffic.namespace.as_str(), written))
        }
        _ => None,
    })
}

/// Whether some server of a Gateway in the namespace `of` lets the VirtualService have requests for `host`.
fn serves(gateway: &Gateway, of: &str, traffic: &Traffic, host: &str) -> bool {
    let full = full_names(host, &traffic.namespace, CLUSTER_DOMAIN);
    let full: Vec<&str> = full.iter().map(String::as_str).collect();
    let mut servers = gateway.servers.iter().filter(|server| server.is_http());
    servers.any(|server| !intersection(&server.hosts_for(&traffic.namespace, of), &full).is_empty())
}

/// The host that a client in `own_namespace` asks for, in full.
fn asked_domain(authority: &str, own_namespace: &str) -> String {
    let host = host_of(authority.as_bytes());
    // An IPv6 address stands in brackets.
    if host.starts_with('[') { host.into_owned() } else { domain(&full_name(&host, own_namespace, CLUSTER_DOMAIN)) }
}

/// The port at the end of an authority.
fn port_of(authority: &str) -> Option<u16> {
    let (_, port) = authority.rsplit_once(':')?;
    port.parse().ok()
}

/// The port at which that host is to be found.
fn port_in(world: &World, gateway: &str, host: &str) -> Option<u16> {
    if let Some((_, gateway)) = written_gateway(world, gateway) {
        let has_host = |server: &&Server| {
            let names = server.hosts.iter().map(|host| host.split_once('/').map_or(host.as_str(), |(_, name)| name));
            names.into_iter().any(|name| covers(&domain(name), host))
        };
        let http = || gateway.servers.iter().filter(|server| server.is_http());
        let server = http().find(has_host).or_else(|| http().next())?;
        return u16::try_from(server.port.number).ok();
    }
    let service = world.services.iter().find(|service| service.full_name() == host)?;
    let mut ports = service.ports.iter().filter(|port| port.protocol != PortProtocol::Other);
    ports.next().map(|port| port.number)
}

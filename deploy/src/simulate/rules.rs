//! The rules of a set of manifests, as the filters of one proxy have them.

use super::key::KeyPlace;
use super::request::Asked;
use crate::manifests::{CLUSTER_DOMAIN, Mistake, PortProtocol, Traffic, World};
use crate::render::envoy::Options;
use crate::render::{Endpoints, Listen, ListenerName, MESH, PluginConfiguration};
use serin_traffic::host_name::{full_name, host_of};
use serin_traffic::written::{self, CanaryRoute, Configuration, Source, Spec, SplitMode};
use serin_traffic::{Outcome, Policy, Rule};
use std::collections::BTreeSet;

/// The rules of `world`, compiled.
#[derive(Debug)]
pub(crate) struct Rules<'w> {
    world: &'w World,
    pub(crate) policy: Policy,
    pub(crate) warnings: Vec<Mistake>,
}

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

/// In which way a rule splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Only,
    Random,
    Exact,
    Sticky,
}

impl Mode {
    pub(super) fn of(rule: &Rule) -> Self {
        if rule.destinations().len() < 2 {
            return Self::Only;
        }
        match rule.split_mode() {
            SplitMode::Random => Self::Random,
            SplitMode::Exact => Self::Exact,
            SplitMode::Sticky => Self::Sticky,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Only => "only",
            Self::Random => "random",
            Self::Exact => "exact",
            Self::Sticky => "sticky",
        }
    }
}

/// The way that `host` and `gateway` say; where they say nothing, that of the first VirtualService.
pub(crate) fn way_in(
    world: &World,
    host: Option<&str>,
    gateway: Option<&str>,
    own_namespace: &str,
) -> Result<Way, Mistake> {
    let asked = host.map(|host| full_name(&host_of(host.as_bytes()), own_namespace, CLUSTER_DOMAIN));
    let full = |ruled: &Ruled<'_>, host: &str| full_name(host, &ruled.traffic.namespace, CLUSTER_DOMAIN);
    let ruled = ruled(world);
    let is_through = |ruled: &&Ruled<'_>| gateway.is_none_or(|gateway| ruled.gateways.iter().any(|own| own == gateway));
    let has_host = |ruled: &&Ruled<'_>| {
        asked.as_ref().is_some_and(|asked| ruled.hosts.iter().any(|host| full(ruled, host) == *asked))
    };
    let first = ruled.iter().filter(is_through).find(has_host).or_else(|| ruled.iter().find(is_through));
    let Some(first) = first else {
        let reason = match gateway {
            Some(gateway) if !ruled.is_empty() => {
                let known: BTreeSet<&str> = ruled.iter().flat_map(|ruled| &ruled.gateways).map(String::as_str).collect();
                let known = known.into_iter().collect::<Vec<_>>().join(", ");
                format!("no VirtualService is for the gateway {gateway}; --gateway may be {known}")
            }
            _ => "the manifests have neither a VirtualService with hosts nor a RouteRule: add the file that has the rules"
                .to_owned(),
        };
        return Err(Mistake::everywhere(reason));
    };
    let Ruled { traffic, hosts, gateways } = first;
    let in_mesh = gateways.iter().any(|gateway| gateway == MESH);
    let gateway = match gateway {
        Some(gateway) => gateway.to_owned(),
        None if in_mesh => MESH.to_owned(),
        None => gateways.first().cloned().unwrap_or_else(|| MESH.to_owned()),
    };
    let host = match host {
        Some(host) => host.to_owned(),
        None => {
            let plain = hosts.iter().find(|host| !host.contains('*')).ok_or_else(|| {
                let reason = format!(
                    "spec.hosts: {} stands for many hosts; say with --host for which one requests ask",
                    hosts.join(", ")
                );
                traffic.origin.mistake(reason)
            })?;
            // Short names are good within the namespace and the mesh only.
            let near = gateway == MESH && traffic.namespace == own_namespace;
            if near { plain.clone() } else { full(first, plain) }
        }
    };
    let full = full_name(&host_of(host.as_bytes()), own_namespace, CLUSTER_DOMAIN);
    let (authority, port) = match port_of(&host) {
        Some(port) => (host, port),
        None => match port_in(world, &gateway, &full) {
            Some(port) if gateway == MESH => (format!("{host}:{port}"), port),
            port => (host, port.unwrap_or(PORT)),
        },
    };
    Ok(Way { gateway, authority, port })
}

/// The port at the end of an authority.
fn port_of(authority: &str) -> Option<u16> {
    let (_, port) = authority.rsplit_once(':')?;
    port.parse().ok()
}

/// The port at which that host is to be found.
fn port_in(world: &World, gateway: &str, host: &str) -> Option<u16> {
    if let Some(gateway) = world.gateways.iter().find(|known| known.full_name() == gateway) {
        return gateway.servers.first().map(|server| server.port);
    }
    let service = world.services.iter().find(|service| service.full_name() == host)?;
    let mut ports = service.ports.iter().filter(|port| port.protocol != PortProtocol::Other);
    ports.next().map(|port| port.number)
}

/// The gateways that a VirtualService is for, in full.
fn gateways_of(traffic: &Traffic, spec: &written::VirtualService) -> Vec<String> {
    let full = |name: &String| match name.split_once('/') {
        _ if name == MESH => name.clone(),
        Some((".", gateway)) => format!("{}/{gateway}", traffic.namespace),
        Some(_) => name.clone(),
        None => format!("{}/{name}", traffic.namespace),
    };
    if spec.gateways.is_empty() { vec![MESH.to_owned()] } else { spec.gateways.iter().map(full).collect() }
}

/// A manifest with rules: for which hosts, as they are written, and through which gateways, in full.
struct Ruled<'w> {
    traffic: &'w Traffic,
    hosts: Vec<String>,
    gateways: Vec<String>,
}

/// The VirtualServices and RouteRules. A VirtualService without hosts is there for others to delegate to it.
fn ruled(world: &World) -> Vec<Ruled<'_>> {
    let virtual_services =
        world.virtual_services().filter(|(_, spec)| !spec.hosts.is_empty()).map(|(traffic, spec)| {
            let gateways = gateways_of(traffic, spec);
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

impl<'w> Rules<'w> {
    /// Compiles what the filters of the proxy on that way would be given.
    pub(crate) fn compile(world: &'w World, way: &Way, source: Source) -> Result<Self, Mistake> {
        let listener = ListenerName { gateway: way.gateway.clone(), port: way.port };
        let options = Options {
            filters: Vec::new(),
            source,
            endpoints: Endpoints::Names,
            listen: Listen::AnyPort,
            gateway: None,
            access_log: None,
        };
        let plugin = PluginConfiguration::of(world, &listener, &options)?;
        let compiled = Configuration::from_value(plugin.document)
            .and_then(|configuration| Policy::compile(&configuration, &Source::default()))
            .map_err(|refusal| Mistake::everywhere(refusal.to_string()))?;
        Ok(Self { world, policy: compiled.policy, warnings: plugin.warnings })
    }

    /// Refuses a host that no rules are for.
    pub(crate) fn refuse_stranger(&self, way: &Way, asked: &Asked) -> Result<(), Mistake> {
        if self.policy.route(&asked.by(None, None)) != Outcome::NoHost {
            return Ok(());
        }
        let ruled = ruled(self.world);
        let through = ruled.iter().filter(|ruled| ruled.gateways.contains(&way.gateway));
        let hosts: Vec<&str> = through.flat_map(|ruled| &ruled.hosts).map(String::as_str).collect();
        let known = if hosts.is_empty() { "none".to_owned() } else { hosts.join(", ") };
        let files: Vec<&str> = ruled.iter().map(|ruled| ruled.traffic.origin.file.as_str()).collect();
        let files = if files.is_empty() { String::new() } else { format!("{}: ", files.join(", ")) };
        let Way { gateway, authority, .. } = way;
        Err(Mistake::everywhere(format!(
            "{files}no VirtualService for {gateway} has the host {authority} (--host); for {gateway} there are: {known}"
        )))
    }

    /// The first place of a key that the policy names of the rule that the request meets, else of any rule of its host,
    /// in which keys can be generated.
    pub(crate) fn first_key(&self, asked: &Asked) -> Option<KeyPlace> {
        let request = asked.by(None, None);
        let outcome = self.policy.route(&request);
        let virtual_service = match outcome {
            Outcome::NoHost => return None,
            Outcome::NoRule(place) => self.policy.virtual_services().get(place)?,
            Outcome::Rule(applied) => self.policy.virtual_service(applied.rule)?,
        };
        let met = match outcome {
            Outcome::Rule(applied) => self.policy.rule(applied.rule),
            _ => None,
        };
        let entry = met.and_then(|rule| self.entry(&virtual_service.name, &rule.name));
        let all = self.entries(&virtual_service.name);
        let written = entry.into_iter().chain(all).flat_map(|entry| {
            let split = entry.split.iter().flat_map(|split| &split.key);
            let samples = entry.when.iter().flatten().filter_map(|when| when.percentage.as_ref());
            split.chain(samples.flat_map(|sample| &sample.key))
        });
        written.into_iter().find_map(KeyPlace::of)
    }

    /// What the CanaryPolicy says of a rule.
    fn entry(&self, virtual_service: &str, rule: &str) -> Option<&CanaryRoute> {
        let entries = self.entries(virtual_service);
        let named = |name: Option<&str>| entries.iter().copied().find(|entry| entry.route.as_deref() == name);
        named(Some(rule)).or_else(|| named(None))
    }

    /// What the CanaryPolicy of a VirtualService, `namespace/name`, says.
    fn entries(&self, virtual_service: &str) -> Vec<&CanaryRoute> {
        let policies = self.world.traffic.iter().filter_map(|traffic| match &traffic.manifest.spec {
            Spec::CanaryPolicy(spec) => {
                let about = format!("{}/{}", traffic.namespace, spec.virtual_service);
                (about == virtual_service).then_some(&spec.routes)
            }
            _ => None,
        });
        policies.flatten().collect()
    }
}

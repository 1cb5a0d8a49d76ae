//! The rules of a set of manifests, as the filters of one proxy have them.

use super::key::KeyPlace;
use super::request::Asked;
use super::way::{Way, ruled};
use crate::manifests::{CLUSTER_DOMAIN, Mistake, World};
use crate::render::{ListenerName, PluginConfiguration};
use serin_traffic::names::gateway::MESH;
use serin_traffic::names::host::{domain, full_name};
use serin_traffic::written::{CanaryRoute, Source, Spec, SplitMode};
use serin_traffic::{Outcome, Policy, Rule};

/// The rules of `world`, compiled.
#[derive(Debug)]
pub(crate) struct Rules<'w> {
    world: &'w World,
    pub(crate) policy: Policy,
    pub(crate) warnings: Vec<Mistake>,
}

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

impl<'w> Rules<'w> {
    /// Compiles what the filters of the proxy on that way would be given.
    pub(crate) fn compile(world: &'w World, way: &Way, source: Source) -> Result<Self, Mistake> {
        let listener = ListenerName { gateway: way.gateway.clone(), port: way.port };
        let plugin = PluginConfiguration::of(world, &listener, &source)?;
        Ok(Self { world, policy: plugin.policy, warnings: plugin.warnings })
    }

    /// What is wrong with the manifests, whoever has their rules, if anything is.
    pub(crate) fn mistake(world: &'w World, source: Source) -> Option<Mistake> {
        let in_mesh = Way { gateway: MESH.to_owned(), authority: String::new(), port: 80 };
        Self::compile(world, &in_mesh, source).err()
    }

    /// Refuses a host that no rules are for.
    pub(crate) fn refuse_stranger(&self, way: &Way, asked: &Asked) -> Result<(), Mistake> {
        if self.policy.route(&asked.by(None, None)) != Outcome::NoHost {
            return Ok(());
        }
        let is_served = |full: &str| {
            let one_of_them = domain(full).replacen('*', "any", 1);
            let asked = Asked { authority: one_of_them, ..asked.clone() };
            self.policy.route(&asked.by(None, None)) != Outcome::NoHost
        };
        let ruled = ruled(self.world);
        let through = ruled.iter().filter(|ruled| ruled.gateways.contains(&way.gateway));
        let hosts: Vec<&str> = through
            .flat_map(|ruled| ruled.hosts.iter().map(move |host| (ruled, host.as_str())))
            .filter(|(ruled, host)| is_served(&full_name(host, &ruled.traffic.namespace, CLUSTER_DOMAIN)))
            .map(|(_, host)| host)
            .collect();
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

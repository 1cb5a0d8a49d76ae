//! From what was written to what requests ask.
//!
//! What is long is kept apart (`inline(never)`), here and wherever else a module's largest functions would become one:
//! Envoy's engine optimizes each function as a whole, several at a time, and keeps the memory that the largest take.

mod assembly;
mod canary;
mod delegate;
mod gateway;
mod headers;
mod hosts;
mod known;
mod route;
mod route_rule;
mod rule_list;
mod validation;

use crate::age;
use crate::handoff::are_plain;
use crate::matching::Conditions;
use crate::names::cluster::{ClusterTemplate, ISTIO_TEMPLATE};
use crate::names::host::{CLUSTER_DOMAIN, mistake_in};
use crate::policy::Policy;
use crate::refusal::{Place, Refusal, Warning};
use crate::shadow::give_slots;
use crate::written::{Configuration, Manifest, Output, RegexEncoding, Source, Spec};
use assembly::Assembly;
use canary::Canaries;
use delegate::Delegates;
use gateway::Gateway;
use known::Known;
use serde_json::Value;
use std::collections::BTreeSet;

/// A policy, and what is suspect about it.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What requests ask.
    pub policy: Policy,
    /// What is legal and yet suspect.
    pub warnings: Vec<Warning>,
}

/// The namespace of manifests that name none, where the configuration says nothing.
const DEFAULT_NAMESPACE: &str = "default";

impl Policy {
    /// Compiles `configuration` for the proxy of the workload `node`, which stands in where it names no `source`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with path and reason for what is wrong, for what Istio's own validation rejects, and for what Serin
    /// does not implement.
    pub fn compile(configuration: &Configuration, node: &Source) -> Result<Compiled, Refusal> {
        Self::from_configuration(configuration.clone(), node)
    }

    /// As [`Policy::compile`], of a configuration that nobody else needs: it is let go piece by piece as it is read, which
    /// with thousands of rules is most of the memory that compiling takes.
    ///
    /// # Errors
    ///
    /// As [`Policy::compile`].
    pub fn from_configuration(mut configuration: Configuration, node: &Source) -> Result<Compiled, Refusal> {
        let resources = std::mem::take(&mut configuration.resources);
        let world = Surroundings::of(&configuration, node)?;
        let manifests = world.read(resources)?;
        let mut known = Known::of(&manifests, &world);
        let delegates = Delegates { manifests: &manifests, world: &world };
        let mut assembly = Assembly::default();
        assembly.warnings.extend(unread(&manifests));
        let ruled_services = route_rule::services(&manifests, &world, &mut known, &mut assembly.warnings)?;
        let canaries = Canaries::of(&manifests, &world, &mut assembly.warnings)?;
        assembly.warnings.extend(ages(&manifests));
        for (index, manifest) in manifests.iter().enumerate() {
            let resources = Place::root("resources");
            let resource = resources.index(index);
            if matches!(manifest.spec, Spec::VirtualService(_) | Spec::DestinationRule(_) | Spec::Gateway(_)) {
                validation::validate_metadata(&resource.field("metadata"), &manifest.metadata)?;
            }
            let spec = resource.field("spec");
            match &manifest.spec {
                Spec::VirtualService(written) => {
                    validation::refuse_route_semantics(&resource.field("metadata"), &manifest.metadata)?;
                    assembly.add(&spec, manifest, written, &known, &delegates, &canaries)?;
                }
                Spec::DestinationRule(written) => {
                    let namespace = world.namespace_of(manifest);
                    validation::validate_destination_rule(&spec, written, namespace, &mut assembly.warnings)?;
                }
                Spec::Gateway(written) => {
                    let name = &manifest.metadata.name;
                    validation::validate_gateway(&resource, name, written, &mut assembly.warnings)?;
                }
                Spec::Service(_)
                | Spec::ServiceEntry(_)
                | Spec::CanaryPolicy(_)
                | Spec::RouteRule(_)
                | Spec::Foreign(_) => {}
            }
        }
        // Behind the VirtualServices: a host that has both is theirs.
        for service in ruled_services {
            assembly.add_ruled_service(service, &known, &world)?;
        }
        let hosts = assembly.hosts(&world, &known);
        let others = &mut assembly.others;
        let rules = assembly.virtual_services.iter_mut().flat_map(|virtual_service| &mut virtual_service.rules);
        let slots = give_slots(rules.chain(others));
        Ok(Compiled {
            policy: Policy {
                slots,
                digest: configuration.digest,
                digest_text: configuration.digest.to_string(),
                hosts,
                has_plain_names: are_plain(&assembly.virtual_services),
                virtual_services: assembly.virtual_services,
                repeated_headers: configuration.repeated_headers,
                unmatched: configuration.unmatched,
                port: configuration.port,
                first: configuration.first == Some(true),
                tells_subset: configuration.outputs.contains(&Output::Subset),
            },
            warnings: assembly.warnings,
        })
    }
}

/// What every manifest is read in the light of.
struct Surroundings {
    gateway: Gateway,
    source: Source,
    port: Option<u16>,
    namespace: String,
    cluster_domain: String,
    template: ClusterTemplate,
    regex_encoding: RegexEncoding,
}

impl Surroundings {
    fn of(configuration: &Configuration, node: &Source) -> Result<Self, Refusal> {
        if configuration.port == Some(0) {
            return Err(Refusal::new("port", "0 is not a port"));
        }
        let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        for (field, value) in
            [("namespace", &configuration.namespace), ("clusterDomain", &configuration.cluster_domain)]
        {
            if let Some(mistake) = value.as_deref().and_then(mistake_in) {
                return Err(Refusal::new(field, mistake));
            }
        }
        Ok(Self {
            gateway: Gateway::parse(configuration.gateway.as_deref())?,
            source: configuration.source.clone().unwrap_or_else(|| node.clone()),
            port: configuration.port,
            namespace: or(&configuration.namespace, DEFAULT_NAMESPACE),
            cluster_domain: or(&configuration.cluster_domain, CLUSTER_DOMAIN),
            template: ClusterTemplate::parse(configuration.cluster.as_deref().unwrap_or(ISTIO_TEMPLATE))?,
            regex_encoding: configuration.regex_encoding,
        })
    }

    /// Reads the manifests; two of one kind, namespace and name are refused.
    #[inline(never)]
    fn read(&self, resources: Vec<Value>) -> Result<Vec<Manifest>, Refusal> {
        let mut names = BTreeSet::new();
        let mut manifests = Vec::with_capacity(resources.len());
        for (index, value) in resources.into_iter().enumerate() {
            let path = format!("resources[{index}]");
            let manifest = Manifest::read(&path, value)?;
            if let Some(kind) = manifest.kind().filter(|_| !manifest.metadata.is_generated()) {
                let name = (kind, self.namespace_of(&manifest).to_owned(), manifest.metadata.name.clone());
                if !names.insert(name.clone()) {
                    let (kind, namespace, name) = name;
                    return Err(Refusal::new(path, format!("{kind} {namespace}/{name} is defined twice")));
                }
            }
            manifests.push(manifest);
        }
        Ok(manifests)
    }

    fn namespace_of<'a>(&'a self, manifest: &'a Manifest) -> &'a str {
        manifest.metadata.namespace.as_deref().unwrap_or(&self.namespace)
    }

    /// The namespace of this proxy, which says what it sees, and in which short names of services are good.
    fn own_namespace(&self) -> &str {
        let of_gateway = || self.gateway.names().map(|(namespace, _)| namespace);
        self.source.namespace.as_deref().or_else(of_gateway).unwrap_or(&self.namespace)
    }
}

/// What there is to say about manifests of which nothing is read.
fn unread(manifests: &[Manifest]) -> impl Iterator<Item = Warning> + '_ {
    manifests.iter().enumerate().filter_map(|(index, manifest)| match &manifest.spec {
        Spec::Foreign(foreign) => Some(Warning::new(format!("resources[{index}]"), format!("{foreign} is not read"))),
        _ => None,
    })
}

/// What there is to say about the times of creation, which decide what comes first.
fn ages(manifests: &[Manifest]) -> impl Iterator<Item = Warning> + '_ {
    manifests.iter().enumerate().filter_map(|(index, manifest)| {
        let mistake = age::mistake_in(&manifest.metadata)?;
        let resources = Place::root("resources");
        let resource = resources.index(index);
        let metadata = resource.field("metadata");
        Some(metadata.field("creationTimestamp").warn(format!("{mistake}; the manifest counts as new")))
    })
}

/// Conditions that hold always: those of a rule without `match`.
fn no_conditions() -> Vec<Conditions> {
    vec![Conditions::default()]
}

//! From what was written to what requests ask.

mod canary;
mod delegate;
mod gateway;
mod headers;
mod known;
mod route;
mod route_rule;
mod validation;

pub(crate) use route::{percent, percent_at, port_number};

use crate::cluster_name::{ClusterTemplate, ISTIO_TEMPLATE};
use crate::host_name::{HostTable, aliases, full_name, mistake_in};
use crate::index::Index;
use crate::matching::Conditions;
use crate::policy::{Applied, HostRules, Policy, Rule, RuleId, VirtualService};
use crate::refusal::{Place, Refusal, Warning};
use crate::shadow::give_slots;
use crate::written::{self, Configuration, Manifest, RegexEncoding, Source, Spec};
use canary::Canaries;
use delegate::Delegates;
use gateway::Gateway;
use known::Known;
use route::RouteCompiler;
use route_rule::RuledService;
use std::collections::BTreeSet;
use validation::RouteKind;

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

/// The domain of short host names, where the configuration says nothing.
const DEFAULT_CLUSTER_DOMAIN: &str = "cluster.local";

impl Policy {
    /// Compiles `configuration` for the proxy of the workload `node`, which stands in where it names no `source`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] with path and reason for what is wrong, for what Istio's own validation rejects, and for what Serin
    /// does not implement.
    pub fn compile(configuration: &Configuration, node: &Source) -> Result<Compiled, Refusal> {
        let world = Surroundings::of(configuration, node)?;
        let manifests = world.read(configuration)?;
        let mut known = Known::of(&manifests, &world);
        let delegates = Delegates { manifests: &manifests, world: &world };
        let mut assembly = Assembly::default();
        assembly.warnings.extend(unread(&manifests));
        let ruled_services = route_rule::services(&manifests, &world, &mut known, &mut assembly.warnings)?;
        let canaries = Canaries::of(&manifests, &world, &mut assembly.warnings)?;
        for (index, manifest) in manifests.iter().enumerate() {
            let resources = Place::root("resources");
            let resource = resources.index(index);
            if matches!(manifest.spec, Spec::VirtualService(_) | Spec::DestinationRule(_)) {
                validation::validate_metadata(&resource.field("metadata"), &manifest.metadata)?;
            }
            if let Spec::VirtualService(written) = &manifest.spec {
                assembly.add(&resource.field("spec"), manifest, written, &known, &delegates, &canaries)?;
            }
        }
        // Behind the VirtualServices: a host that has both is theirs.
        for service in ruled_services {
            assembly.add_ruled_service(service, &known, &world)?;
        }
        let others = &mut assembly.others;
        let rules = assembly.virtual_services.iter_mut().flat_map(|virtual_service| &mut virtual_service.rules);
        let slots = give_slots(rules.chain(others));
        Ok(Compiled {
            policy: Policy {
                slots,
                digest: configuration.digest,
                digest_text: configuration.digest.to_string(),
                hosts: assembly.hosts.map(|order| order.finish(&assembly.virtual_services)),
                virtual_services: assembly.virtual_services,
                repeated_headers: configuration.repeated_headers,
                unmatched: configuration.unmatched,
                port: configuration.port,
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
            cluster_domain: or(&configuration.cluster_domain, DEFAULT_CLUSTER_DOMAIN),
            template: ClusterTemplate::parse(configuration.cluster.as_deref().unwrap_or(ISTIO_TEMPLATE))?,
            regex_encoding: configuration.regex_encoding,
        })
    }

    /// Reads the manifests; two of one kind, namespace and name are refused.
    fn read(&self, configuration: &Configuration) -> Result<Vec<Manifest>, Refusal> {
        let mut names = BTreeSet::new();
        let mut manifests = Vec::with_capacity(configuration.resources.len());
        for (index, value) in configuration.resources.iter().enumerate() {
            let path = format!("resources[{index}]");
            let manifest = Manifest::read(&path, value.clone())?;
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

    /// The namespace that short names of services are good in: that of who calls.
    fn own_namespace(&self) -> &str {
        self.source.namespace.as_deref().unwrap_or(&self.namespace)
    }
}

/// What there is to say about manifests of which nothing is read.
fn unread(manifests: &[Manifest]) -> impl Iterator<Item = Warning> + '_ {
    manifests.iter().enumerate().filter_map(|(index, manifest)| match &manifest.spec {
        Spec::Foreign(foreign) => Some(Warning::new(format!("resources[{index}]"), format!("{foreign} is not read"))),
        _ => None,
    })
}

/// The policy while it grows.
#[derive(Default)]
struct Assembly {
    virtual_services: Vec<VirtualService>,
    hosts: HostTable<HostOrder>,
    warnings: Vec<Warning>,
    /// The rules that this proxy does not meet; whoever renders its routes need not know.
    others: Vec<Rule>,
}

impl Assembly {
    fn add<'a>(
        &mut self,
        spec: &Place<'_>,
        manifest: &'a Manifest,
        written: &'a written::VirtualService,
        known: &Known,
        delegates: &Delegates<'a>,
        canaries: &Canaries<'_>,
    ) -> Result<(), Refusal> {
        let world = delegates.world;
        let namespace = world.namespace_of(manifest);
        validation::validate_virtual_service(spec, written, namespace)?;
        check_rules_of_others(&spec.field("http"), written, namespace, world, known)?;
        if written.hosts.is_empty() {
            if !delegates.expect(manifest) {
                self.warnings.push(spec.field("hosts").warn("is empty, and no rule here delegates to its rules"));
            }
            return Ok(());
        }
        let hosts = hosts_of(spec, written, namespace, world)?;
        for (field, routes) in [("tcp", &written.tcp), ("tls", &written.tls)] {
            if !routes.is_empty() {
                self.warnings.push(spec.field(field).warn("is left to Istio: Serin's filters see HTTP only"));
            }
        }
        if written.http.is_empty() {
            return Ok(());
        }
        let at_gateway = world.gateway.is_among(&spec.field("gateways"), &written.gateways, namespace)?;

        let place = self.virtual_services.len();
        let written_rules = delegates.rules_of(&spec.field("http"), written, namespace, &mut self.warnings);
        let canaries = canaries.about(namespace, &manifest.metadata.name);
        let mut list = RuleList::of(place);
        for (index, written) in written_rules.iter().enumerate() {
            let rule_place = Place::root(&written.place);
            let mut compiler =
                RouteCompiler { namespace: written.namespace, world, known, warnings: &mut self.warnings };
            let name = written.route.name.clone().unwrap_or_else(|| format!("http[{index}]"));
            let canary = canaries.and_then(|canaries| canaries.entry(&name));
            let keep_all = canary.is_some_and(|canary| canary.keeps_all());
            let mut rule = compiler.compile(&rule_place, name, &written.route, keep_all)?;
            if let Some(canary) = canary {
                canary.give(&mut rule, &mut self.warnings)?;
            }
            self.warnings.extend(list.push(rule, format!("http[{index}]"), &written.place));
        }
        let RuleList { rules, entries, .. } = list;
        if let Some(canaries) = canaries {
            canaries.refuse_strangers(&rules)?;
        }
        // Istio gives a proxy no route at all for a VirtualService of which it can meet no match.
        if !at_gateway || entries.is_empty() {
            self.others.extend(rules);
            return Ok(());
        }

        for (index, full) in hosts.iter().enumerate() {
            if let Some(first) = self.claim(full, place, &entries, world) {
                let reason = format!("{full} is {first}'s already: in a mesh the first VirtualService of a host wins");
                self.warnings.push(spec.field("hosts").index(index).warn(reason));
            }
        }
        self.virtual_services.push(VirtualService {
            name: format!("{namespace}/{}", manifest.metadata.name),
            rules,
            reveal: canaries.is_some_and(|canaries| canaries.reveal()),
        });
        Ok(())
    }

    /// Adds the rules that RouteRules have for one service: they are for the mesh, as all of Istio was then.
    fn add_ruled_service(
        &mut self,
        service: RuledService<'_>,
        known: &Known,
        world: &Surroundings,
    ) -> Result<(), Refusal> {
        let place = self.virtual_services.len();
        let RuleList { rules, entries, .. } = service.compile(place, known, world, &mut self.warnings)?;
        if !world.gateway.is_mesh() {
            self.others.extend(rules);
            return Ok(());
        }
        if let Some(first) = self.claim(&service.host, place, &entries, world) {
            let reason = format!("{} is {first}'s already: a VirtualService of a host wins", service.host);
            self.warnings.extend(service.rules.iter().map(|rule| Warning::new(rule.path("destination"), &reason)));
        }
        self.virtual_services.push(VirtualService { name: service.host, rules, reveal: false });
        Ok(())
    }

    /// Gives the host `full` the entries of the VirtualService `place`. In a mesh a host is that of the first one that has it:
    /// the name of that one is returned to any other.
    fn claim(&mut self, full: &str, place: usize, entries: &[(Applied, bool)], world: &Surroundings) -> Option<String> {
        let names = if world.gateway.is_mesh() {
            aliases(full, world.own_namespace(), &world.cluster_domain)
        } else {
            vec![full.to_owned()]
        };
        let mut first = None;
        for name in names {
            let order = self.hosts.entry(&name, || HostOrder { virtual_service: place, ..HostOrder::default() });
            if world.gateway.is_mesh() && order.virtual_service != place {
                if name == full {
                    first = self.virtual_services.get(order.virtual_service).map(|first| first.name.clone());
                }
            } else {
                order.extend(entries);
            }
        }
        first
    }
}

/// The rules of a VirtualService, and in which order their matches are asked.
struct RuleList {
    virtual_service: usize,
    rules: Vec<Rule>,
    /// The matches that requests may meet, and whether they hold always.
    entries: Vec<(Applied, bool)>,
    /// What people know the first rule by that applies to every request.
    applies_always: Option<String>,
}

impl RuleList {
    fn of(virtual_service: usize) -> Self {
        Self { virtual_service, rules: Vec::new(), entries: Vec::new(), applies_always: None }
    }

    /// Adds a rule that people know by `known_as` and that stands at `path`; one that can never apply is warned of.
    fn push(&mut self, rule: Rule, known_as: String, path: &str) -> Option<Warning> {
        let before = self.applies_always.clone();
        for (by, condition) in rule.matches.iter().enumerate() {
            if self.applies_always.is_none() {
                let id = RuleId { virtual_service: self.virtual_service, rule: self.rules.len() };
                let always = condition.hold_always();
                self.entries.push((Applied { rule: id, by }, always));
                self.applies_always = always.then(|| known_as.clone());
            }
        }
        self.rules.push(rule);
        before.map(|before| Warning::new(path, format!("can never apply: {before} applies to every request")))
    }
}

/// Compiles the rules that are never used as they stand, those that delegate and those of a delegate, to see that it can
/// be done: a mistake in them is one whether they are merged with others here or not.
fn check_rules_of_others(
    http: &Place<'_>,
    written: &written::VirtualService,
    namespace: &str,
    world: &Surroundings,
    known: &Known,
) -> Result<(), Refusal> {
    for (index, route) in written.http.iter().enumerate() {
        if RouteKind::of(route, written.hosts.is_empty()) != RouteKind::Independent {
            let mut compiler = RouteCompiler { namespace, world, known, warnings: &mut Vec::new() };
            compiler.compile(&http.index(index), String::new(), route, false)?;
        }
    }
    Ok(())
}

/// The full names of a VirtualService's hosts; Istio: `ValidateVirtualService`.
fn hosts_of(
    spec: &Place<'_>,
    written: &written::VirtualService,
    namespace: &str,
    world: &Surroundings,
) -> Result<Vec<String>, Refusal> {
    let hosts = spec.field("hosts");
    let for_mesh = written.gateways.is_empty() || written.gateways.iter().any(|gateway| gateway == gateway::MESH);
    let mut full_names = Vec::with_capacity(written.hosts.len());
    for (index, host) in written.hosts.iter().enumerate() {
        let place = hosts.index(index);
        if let Some(mistake) = mistake_in(host) {
            return Err(place.refuse(mistake));
        }
        if host == "*" && for_mesh {
            return Err(place.refuse("* is for gateways only, not for the mesh"));
        }
        let full = full_name(host.strip_suffix('.').unwrap_or(host), namespace, &world.cluster_domain);
        if full_names.contains(&full) {
            return Err(place.refuse(format!("{host} is there twice")));
        }
        full_names.push(full);
    }
    Ok(full_names)
}

/// The entries of one host in the order in which they are asked.
#[derive(Default)]
struct HostOrder {
    virtual_service: usize,
    selective: Vec<Applied>,
    /// Matches that hold always come last, also behind those of later VirtualServices (Istio, `SortVHostRoutes`).
    always: Vec<Applied>,
}

impl HostOrder {
    fn extend(&mut self, entries: &[(Applied, bool)]) {
        for (entry, always) in entries {
            if *always { self.always.push(*entry) } else { self.selective.push(*entry) }
        }
    }

    fn finish(self, virtual_services: &[VirtualService]) -> HostRules {
        let entries: Vec<Applied> = self.selective.into_iter().chain(self.always).collect();
        let conditions = |applied: &Applied| {
            let rules = virtual_services.get(applied.rule.virtual_service).map(VirtualService::rules);
            rules.and_then(|rules: &[Rule]| rules.get(applied.rule.rule)?.matches.get(applied.by))
        };
        let index = Index::of(entries.iter().filter_map(conditions));
        HostRules { virtual_service: self.virtual_service, entries, index }
    }
}

/// Conditions that hold always: those of a rule without `match`.
fn no_conditions() -> Vec<Conditions> {
    vec![Conditions::default()]
}

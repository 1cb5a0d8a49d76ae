//! The VirtualServices, one after the other: what each says, and for which hosts of this proxy.

use super::Surroundings;
use super::canary::Canaries;
use super::delegate::Delegates;
use super::hosts::{Bound, Host, Rank, RulesOfHosts, hosts_of, table};
use super::known::Known;
use super::route::RouteCompiler;
use super::route_rule::RuledService;
use super::rule_list::RuleList;
use super::validation::{self, RouteKind};
use crate::age::Age;
use crate::names::host::HostTable;
use crate::order::sort_by;
use crate::policy::{HostRules, Rule, VirtualService};
use crate::refusal::{Place, Refusal, Warning};
use crate::visibility::seen_from;
use crate::written::{self, Manifest};
use std::sync::Arc;

/// The policy while it grows.
#[derive(Default)]
pub(super) struct Assembly<'a> {
    pub(super) virtual_services: Vec<VirtualService>,
    /// Those that requests can meet.
    bound: Vec<Bound<'a>>,
    pub(super) warnings: Vec<Warning>,
    /// The rules that do not apply to this proxy. They count when slots are given, so that a renderer need not know which apply.
    pub(super) others: Vec<Rule>,
}

impl<'a> Assembly<'a> {
    /// Adds the VirtualService `written`, whose spec is at `spec`.
    #[inline(never)]
    pub(super) fn add(
        &mut self,
        spec: &Place<'_>,
        manifest: &'a Manifest,
        written: &'a written::VirtualService,
        known: &Known<'_>,
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
        let visibility = seen_from(namespace, &written.export_to, world.own_namespace()).filter(|_| at_gateway);

        let place = self.virtual_services.len();
        let written_rules = delegates.rules_of(&spec.field("http"), written, namespace, &mut self.warnings);
        let canaries = canaries.about(namespace, &manifest.metadata.name);
        let mut list = RuleList::of(place);
        let are_own = visibility.is_some();
        for (index, written) in written_rules.iter().enumerate() {
            let rule_place = Place::root(&written.place);
            let mut compiler =
                RouteCompiler { namespace: written.namespace, world, known, are_own, warnings: &mut self.warnings };
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
        let Some(visibility) = visibility else {
            self.others.extend(rules);
            return Ok(());
        };
        // Istio gives a proxy no route at all for a VirtualService of which it can meet no match.
        if entries.is_empty() {
            self.others.extend(rules);
            return Ok(());
        }
        self.bound.push(Bound {
            virtual_service: place,
            rank: Rank::VirtualService(visibility, Age::of(&manifest.metadata, namespace)),
            namespace,
            place: spec.field("hosts").to_string(),
            hosts,
            entries,
        });
        self.virtual_services.push(VirtualService {
            name: format!("{namespace}/{}", manifest.metadata.name),
            rules,
            reveal: canaries.is_some_and(|canaries| canaries.reveal()),
        });
        Ok(())
    }

    /// Adds the rules that RouteRules have for one service: they are for the mesh, as all of Istio was then.
    #[inline(never)]
    pub(super) fn add_ruled_service(
        &mut self,
        service: RuledService<'a>,
        known: &Known<'_>,
        world: &'a Surroundings,
    ) -> Result<(), Refusal> {
        let place = self.virtual_services.len();
        let RuleList { rules, entries, .. } = service.compile(place, known, world, &mut self.warnings)?;
        if !world.gateway.is_mesh() {
            self.others.extend(rules);
            return Ok(());
        }
        let places = service.rules.iter().map(|rule| rule.path("destination")).collect();
        self.bound.push(Bound {
            virtual_service: place,
            rank: Rank::RouteRules,
            namespace: &world.namespace,
            place: service.host.clone(),
            hosts: vec![Host { full: service.host.clone(), places }],
            entries,
        });
        self.virtual_services.push(VirtualService { name: service.host, rules, reveal: false });
        Ok(())
    }

    /// What requests meet, host by host.
    #[inline(never)]
    pub(super) fn hosts(&mut self, world: &Surroundings, known: &Known<'_>) -> HostTable<Arc<HostRules>> {
        sort_by(&mut self.bound, |one, other| one.rank.cmp(&other.rank));
        let table = table(&self.bound, world, known, &self.virtual_services, &mut self.warnings);
        let mut rules = RulesOfHosts::of(&self.virtual_services, &self.bound);
        table.map(|order| rules.get(order))
    }
}

/// Compiles the rules that are never used as they stand, those that delegate and those of a delegate, to see that it can
/// be done: a mistake in them is one whether they are merged with others here or not.
fn check_rules_of_others(
    http: &Place<'_>,
    written: &written::VirtualService,
    namespace: &str,
    world: &Surroundings,
    known: &Known<'_>,
) -> Result<(), Refusal> {
    for (index, route) in written.http.iter().enumerate() {
        if RouteKind::of(route, written.hosts.is_empty()) != RouteKind::Independent {
            let mut compiler = RouteCompiler { namespace, world, known, are_own: false, warnings: &mut Vec::new() };
            compiler.compile(&http.index(index), String::new(), route, false)?;
        }
    }
    Ok(())
}

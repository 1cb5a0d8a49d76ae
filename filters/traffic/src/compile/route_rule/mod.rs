//! RouteRules: Istio's routing rules before there were VirtualServices, lowered into rules of a VirtualService, so that what a
//! rule means is known in one place.
//!
//! Sources are those of Istio 0.6, the last release with RouteRule alone: `pilot/pkg/model/validation.go`
//! (`ValidateRouteRule`), `pilot/pkg/model/config.go` (`SortRouteRules`, `MatchSource`), and `header.go`, `route.go`,
//! `fault.go` and `config.go` of `pilot/pkg/proxy/envoy/v1`.

mod caller;
mod lower;
mod path;
mod refuse;

use super::Surroundings;
use super::known::Known;
use super::route::RouteCompiler;
use super::rule_list::RuleList;
use crate::order::sort_by;
use crate::refusal::{Place, Refusal, Warning};
use crate::sorted::Sorted;
use crate::written::{Destination, HttpRoute, Manifest, RouteDestination, Spec};

/// What Istio calls the route of requests that no rule applies to (`buildDefaultRoute`).
const DEFAULT_ROUTE: &str = "default-route";

/// A service that RouteRules are about.
pub(super) struct RuledService<'a> {
    /// Its full name.
    pub(super) host: String,
    /// Its rules, in the order in which they are asked.
    pub(super) rules: Vec<LoweredRule<'a>>,
}

/// A RouteRule as the rule of a VirtualService that it stands for.
pub(super) struct LoweredRule<'a> {
    namespace: &'a str,
    name: &'a str,
    /// `resources[n].spec`.
    spec: String,
    precedence: i32,
    route: HttpRoute,
    /// Whether it is for what this proxy's workload sends.
    for_this_caller: bool,
}

/// The services that the RouteRules among `manifests` are about, by name. The labels that the rules name become subsets.
#[inline(never)]
pub(super) fn services<'a>(
    manifests: &'a [Manifest],
    world: &'a Surroundings,
    known: &mut Known<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<RuledService<'a>>, Refusal> {
    let mut services: Sorted<String, Vec<LoweredRule<'a>>> = Sorted::default();
    for (resource, manifest) in manifests.iter().enumerate() {
        let Spec::RouteRule(written) = &manifest.spec else {
            continue;
        };
        let spec = format!("resources[{resource}].spec");
        let place = Place::root(&spec);
        refuse::invalid(&place, written)?;
        let namespace = world.namespace_of(manifest);
        let Some(host) = written.host(namespace, &world.cluster_domain) else {
            let (field, reason) = if written.is_for_connections() {
                ("match.tcp", "is about TCP, and nothing is about requests: the rule is left out")
            } else {
                ("destination.service", "is not one service: the rule is left out")
            };
            warnings.push(Warning::new(format!("{spec}.{field}"), reason));
            continue;
        };
        let route = lower::Lowering { place: &place, host: &host, namespace, world, known, warnings }.rule(written);
        let source = written.condition.as_ref().and_then(|condition| condition.source.as_ref());
        let for_this_caller = source.is_none_or(|source| caller::is(&place, source, namespace, world, known, warnings));
        let name = &manifest.metadata.name;
        let precedence = written.precedence;
        let rule = LoweredRule { namespace, name, spec, precedence, route, for_this_caller };
        if let Some(rules) = services.get_or_insert_with(host, Vec::new) {
            rules.push(rule);
        }
    }
    Ok(services.into_iter().map(|(host, rules)| RuledService::of(host, rules)).collect())
}

impl<'a> RuledService<'a> {
    fn of(host: String, mut rules: Vec<LoweredRule<'a>>) -> Self {
        // Istio: by precedence, the highest first, then by key, which is kind, namespace and name.
        sort_by(&mut rules, |one, other| {
            other.precedence.cmp(&one.precedence).then_with(|| one.full_name().cmp(&other.full_name()))
        });
        Self { host, rules }
    }

    /// Compiles the rules as those of the VirtualService `place`. What no rule applies to goes to the service itself.
    pub(super) fn compile(
        &self,
        place: usize,
        known: &Known<'_>,
        world: &Surroundings,
        warnings: &mut Vec<Warning>,
    ) -> Result<RuleList, Refusal> {
        let mut list = RuleList::of(place);
        for lowered in &self.rules {
            let namesakes = self.rules.iter().filter(|other| other.name == lowered.name).count();
            let name = if namesakes > 1 { lowered.full_name() } else { lowered.name.to_owned() };
            let mut told = Vec::new();
            let mut compiler =
                RouteCompiler { namespace: lowered.namespace, world, known, are_own: true, warnings: &mut told };
            let compiled = compiler.compile(&Place::root(&lowered.spec), name, &lowered.route, false);
            let mut rule = compiled
                .map_err(|refusal| Refusal::new(path::as_written(refusal.path(), &lowered.spec), refusal.reason()))?;
            let as_written =
                |warning: Warning| Warning::new(path::as_written(warning.path(), &lowered.spec), warning.reason());
            warnings.extend(told.into_iter().map(as_written));
            if !lowered.for_this_caller {
                rule.matches.clear();
            }
            let never = list.push(rule, format!("RouteRule {}", lowered.full_name()), &lowered.spec);
            warnings.extend(never.filter(|_| lowered.for_this_caller));
        }
        if list.applies_always.is_none() {
            let destination = Destination { host: self.host.clone(), subset: None, port: None };
            let route = vec![RouteDestination { destination, weight: None, headers: None }];
            let route = HttpRoute { route, ..HttpRoute::default() };
            let mut compiler = RouteCompiler { namespace: &world.namespace, world, known, are_own: true, warnings };
            let rule = compiler.compile(&Place::root(&self.host), DEFAULT_ROUTE.to_owned(), &route, false)?;
            list.push(rule, DEFAULT_ROUTE.to_owned(), &self.host);
        }
        Ok(list)
    }
}

impl LoweredRule<'_> {
    fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Where `field` of the spec stands.
    pub(super) fn path(&self, field: &str) -> String {
        format!("{}.{field}", self.spec)
    }
}

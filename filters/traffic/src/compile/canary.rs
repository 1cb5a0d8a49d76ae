//! CanaryPolicies: which of them is about which rule, and what it makes of the rule.

use super::Surroundings;
use crate::canary::{ByKey, Canary, Split};
use crate::guard::{Failover, Guard};
use crate::key::KeyChain;
use crate::matching::When;
use crate::policy::Rule;
use crate::refusal::{Place, Refusal, Warning};
use crate::shadow::Shadow;
use crate::sorted::Sorted;
use crate::split::{History, Ramp, Sticky, Weights};
use crate::written::{self, CanaryRoute, Manifest, RegexEncoding, Spec, SplitMode};
use std::sync::Arc;

/// The CanaryPolicies, by namespace and name of the VirtualService that each is about.
pub(super) struct Canaries<'a>(Sorted<(String, String), CanariesOf<'a>>);

/// The CanaryPolicy of one VirtualService.
pub(super) struct CanariesOf<'a> {
    /// Where it stands among the resources.
    resource: usize,
    namespace: &'a str,
    encoding: RegexEncoding,
    written: &'a written::CanaryPolicy,
}

/// What a CanaryPolicy says of one rule.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    policy: &'a CanariesOf<'a>,
    index: usize,
    written: &'a CanaryRoute,
}

impl<'a> Canaries<'a> {
    /// Finds the policies among `manifests`; two for one VirtualService are refused.
    #[inline(never)]
    pub(super) fn of(
        manifests: &'a [Manifest],
        world: &'a Surroundings,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Refusal> {
        let mut policies: Sorted<(String, String), CanariesOf<'_>> = Sorted::default();
        for (resource, manifest) in manifests.iter().enumerate() {
            let Spec::CanaryPolicy(written) = &manifest.spec else {
                continue;
            };
            let resources = Place::root("resources");
            let place = resources.index(resource);
            let spec = place.field("spec");
            let place = spec.field("virtualService");
            let (namespace, name) = (world.namespace_of(manifest), written.virtual_service.as_str());
            if name.is_empty() {
                return Err(place.refuse("must not be empty"));
            }
            let hosts = manifests.iter().find_map(|other| match &other.spec {
                Spec::VirtualService(spec) if world.namespace_of(other) == namespace && other.metadata.name == name => {
                    Some(&spec.hosts)
                }
                _ => None,
            });
            match hosts {
                None => warnings.push(place.warn(format!("there is no VirtualService {namespace}/{name} here"))),
                Some(hosts) if hosts.is_empty() => {
                    let reason = "has no hosts: attach the policy to the VirtualService that delegates to it";
                    warnings.push(place.warn(format!("{namespace}/{name} {reason}")));
                }
                Some(_) => {}
            }
            let about = (namespace.to_owned(), name.to_owned());
            if let Some(first) = policies.get(&about) {
                let first = first.resource;
                return Err(place.refuse(format!("{namespace}/{name} has a CanaryPolicy already: resources[{first}]")));
            }
            let policy = CanariesOf { resource, namespace, encoding: world.regex_encoding, written };
            policy.refuse_doubles()?;
            policies.insert(about, policy);
        }
        Ok(Self(policies))
    }

    /// The policy about that VirtualService, if there is one.
    pub(super) fn about(&self, namespace: &str, name: &str) -> Option<&CanariesOf<'_>> {
        self.0.get(&(namespace.to_owned(), name.to_owned()))
    }
}

impl CanariesOf<'_> {
    pub(super) fn reveal(&self) -> bool {
        self.written.reveal
    }

    /// What the policy says of the rule called `name`: its own entry, else the one for every rule.
    pub(super) fn entry(&self, name: &str) -> Option<Entry<'_>> {
        let named =
            |wanted: Option<&str>| self.written.routes.iter().position(|entry| entry.route.as_deref() == wanted);
        let index = named(Some(name)).or_else(|| named(None))?;
        self.written.routes.get(index).map(|written| Entry { policy: self, index, written })
    }

    /// Two entries for one rule are refused.
    fn refuse_doubles(&self) -> Result<(), Refusal> {
        for (index, entry) in self.written.routes.iter().enumerate() {
            let before = self.written.routes.iter().take(index).position(|other| other.route == entry.route);
            if let Some(before) = before {
                let what = match &entry.route {
                    Some(name) => format!("{name} has an entry already"),
                    None => "there is an entry for every rule already".to_owned(),
                };
                return self.at(index, |place| Err(place.field("route").refuse(format!("{what}: routes[{before}]"))));
            }
        }
        Ok(())
    }

    /// Refuses entries about rules, and subsets, that the VirtualService does not have.
    pub(super) fn refuse_strangers(&self, rules: &[Rule]) -> Result<(), Refusal> {
        for (index, entry) in self.written.routes.iter().enumerate() {
            self.at(index, |place| match &entry.route {
                Some(name) if rules.iter().all(|rule| rule.name != *name) => {
                    let known: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
                    let virtual_service = format!("{}/{}", self.namespace, self.written.virtual_service);
                    let reason = format!("{virtual_service} has no rule {name} ({})", known.join(", "));
                    Err(place.field("route").refuse(reason))
                }
                Some(_) => Ok(()),
                // Each rule takes what it has a subset for; one of them must.
                None => subsets(entry).try_for_each(|(field, subset)| {
                    if rules.iter().any(|rule| place_of(rule, subset).is_some()) {
                        return Ok(());
                    }
                    let reason = format!("no rule has a destination with the subset {subset}");
                    Err(place.field(field).field("subset").refuse(reason))
                }),
            })?;
        }
        Ok(())
    }

    /// What `then` makes of the place of an entry.
    fn at<T>(&self, index: usize, then: impl FnOnce(&Place<'_>) -> T) -> T {
        let resources = Place::root("resources");
        let resource = resources.index(self.resource);
        let spec = resource.field("spec");
        let routes = spec.field("routes");
        then(&routes.index(index))
    }
}

impl Entry<'_> {
    /// Whether destinations of weight 0 may get requests yet.
    pub(super) fn keeps_all(self) -> bool {
        let Self { written, .. } = self;
        written.ramp.is_some()
            || written.guard.is_some()
            || written.failover.is_some()
            || written.split.as_ref().is_some_and(|split| !split.history.is_empty())
    }

    /// Gives `rule` what the policy says of it.
    #[inline(never)]
    pub(super) fn give(self, rule: &mut Rule, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
        let Self { policy, index, written } = self;
        policy.at(index, |place| {
            let salt = format!("{}/{}/{}", policy.namespace, policy.written.virtual_service, rule.name);
            if let Some(when) = &written.when {
                let when = Arc::new(When::compile(&place.field("when"), when, &salt, policy.encoding)?);
                for conditions in &mut rule.matches {
                    conditions.when = Some(Arc::clone(&when));
                }
            }
            let canary = self.canary(place, rule, &salt, warnings)?;
            rule.canary = canary.map(Box::new);
            if let Some(shadow) = &written.shadow {
                let shadow = Shadow::compile(&place.field("shadow"), shadow, &salt, warnings)?;
                rule.shadow = Some(Box::new(shadow));
            }
            Ok(())
        })
    }

    fn canary(
        self,
        place: &Place<'_>,
        rule: &Rule,
        salt: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Option<Canary>, Refusal> {
        let Self { written, .. } = self;
        let mut canary = Canary::default();
        for (field, subset) in subsets(written) {
            let is_missing = place_of(rule, subset).is_none();
            if is_missing && written.route.is_some() {
                let known: Vec<&str> = rule.destinations.iter().map(|destination| destination.title()).collect();
                let reason =
                    format!("{} has no destination with the subset {subset} ({})", rule.name, known.join(", "));
                return Err(place.field(field).field("subset").refuse(reason));
            }
        }
        if let Some(ramp) = &written.ramp {
            let compiled = Ramp::compile(&place.field("ramp"), ramp)?;
            canary.ramp = place_of(rule, &ramp.subset).map(|at| (at, compiled));
        }
        if let Some(guard) = &written.guard {
            let compiled = Guard::compile(&place.field("guard"), guard)?;
            warnings.extend(compiled.warning(&place.field("guard")));
            canary.guard = place_of(rule, &guard.subset).map(|at| (at, compiled));
        }
        if let Some(failover) = &written.failover {
            canary.failover = Some(Failover::compile(&place.field("failover"), failover)?);
        }
        if let Some(split) = &written.split {
            canary.split = self.split(&place.field("split"), split, rule, &canary, salt, warnings)?;
        }
        // One destination gets everything, whatever is said.
        Ok((rule.destinations.len() > 1).then_some(canary))
    }

    fn split(
        self,
        place: &Place<'_>,
        written: &written::Split,
        rule: &Rule,
        canary: &Canary,
        salt: &str,
        warnings: &mut Vec<Warning>,
    ) -> Result<Split, Refusal> {
        if written.mode != SplitMode::Sticky {
            let for_keys = [
                ("key", !written.key.is_empty()),
                ("salt", written.salt.is_some()),
                ("history", !written.history.is_empty()),
            ];
            for (field, _) in for_keys.iter().filter(|(_, there)| *there) {
                warnings.push(place.field(field).warn("has no effect: the mode is not sticky"));
            }
        }
        Ok(match written.mode {
            SplitMode::Random => Split::Random,
            SplitMode::Exact => Split::Exact,
            SplitMode::Sticky => {
                let keys = KeyChain::compile(&place.field("key"), &written.key, true)?;
                let history_place = place.field("history");
                // An entry for every rule may meet rules with other destinations; Istio has those answer by themselves.
                let mut history = if rule.destinations.is_empty() {
                    History::default()
                } else {
                    History::compile(&history_place, &written.history, rule.destinations.len())?
                };
                if let (Some((at, ramp)), false) = (&canary.ramp, history.is_empty()) {
                    let weights = Weights::new(rule.destinations.iter().map(|destination| destination.weight));
                    history.push(weights.ramped(*at, ramp.from()));
                }
                let salt = written.salt.as_deref().unwrap_or(salt);
                Split::Sticky(Box::new(ByKey { keys, sticky: Sticky::new(salt.as_bytes()), history }))
            }
        })
    }
}

/// The subsets that an entry names, with the field that does.
fn subsets(entry: &CanaryRoute) -> impl Iterator<Item = (&'static str, &str)> {
    let ramp = entry.ramp.iter().map(|ramp| ("ramp", ramp.subset.as_str()));
    ramp.chain(entry.guard.iter().map(|guard| ("guard", guard.subset.as_str())))
}

/// The place of the rule's destination with that subset.
fn place_of(rule: &Rule, subset: &str) -> Option<usize> {
    rule.destinations.iter().position(|destination| destination.subset.as_deref() == Some(subset))
}

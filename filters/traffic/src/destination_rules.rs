//! Which DestinationRules are good for a service, in the eyes of one proxy.
//!
//! Istio asks the proxy's namespace first, then that of the service, then the root namespace (`PushContext.destinationRule`
//! in `pilot/pkg/model/push_context.go`). Within one of them the most specific host wins, and the rules of one host are
//! merged (`mergeDestinationRule` in `pilot/pkg/model/destination_rule.go`).

use crate::age::Age;
use crate::names::host::covers;
use crate::order::{gather, sort_by};
use crate::sorted::Sorted;
use crate::written::{DestinationRule, Metadata, Source};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The namespace whose rules are for everybody (Istio, `MeshConfig.rootNamespace`).
const ROOT_NAMESPACE: &str = "istio-system";

/// A DestinationRule among others.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Its metadata.
    pub metadata: &'a Metadata,
    /// Its namespace.
    pub namespace: &'a str,
    /// The full name of its host.
    pub host: String,
    /// What it says.
    pub rule: &'a DestinationRule,
}

/// The service that rules are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// Its full name.
    pub host: &'a str,
    /// Its namespace; `None` if it is not known, and then the rules of every namespace are good for it.
    pub namespace: Option<&'a str>,
}

/// The DestinationRules of a configuration, as the proxy of one workload sees them.
#[derive(Clone, Debug)]
pub struct DestinationRules<'a> {
    viewer: &'a Source,
    namespace: &'a str,
    /// In the order in which they are merged.
    rules: Vec<Known<'a>>,
}

/// A rule and what is asked about it again and again.
#[derive(Clone, Debug)]
struct Known<'a> {
    place: usize,
    candidate: Candidate<'a>,
    /// The namespaces that it is exported to, as they are written.
    export_to: Sorted<&'a str, ()>,
    /// The labels of the workloads that it is for, if not for all.
    selector: Option<&'a BTreeMap<String, String>>,
}

impl<'a> Known<'a> {
    fn of((place, candidate): (usize, Candidate<'a>)) -> Self {
        let selector = candidate.rule.workload_selector.as_ref().map(|selector| &selector.match_labels);
        let export_to = match selector {
            // A rule for some workloads is for those of its own namespace.
            Some(_) => gather([(".", ())]),
            None => gather(candidate.rule.export_to.iter().map(|name| (name.as_str(), ()))),
        };
        Self { place, candidate, export_to, selector }
    }

    fn says(&self, namespaces: [&str; 3]) -> bool {
        self.export_to.is_empty() || namespaces.iter().any(|namespace| self.export_to.has(*namespace))
    }

    fn is_for_its_namespace_alone(&self) -> bool {
        let own = self.candidate.namespace;
        self.export_to.len() == 1 && (self.export_to.has(".") || self.export_to.has(own))
    }

    fn is_good_at_home(&self) -> bool {
        self.says(["*", ".", self.candidate.namespace])
    }
}

impl<'a> DestinationRules<'a> {
    /// Those of `candidates` that the workload `viewer` in `namespace` may see.
    pub fn of(candidates: impl IntoIterator<Item = Candidate<'a>>, viewer: &'a Source, namespace: &'a str) -> Self {
        let rank = |known: &Known<'a>| {
            let for_some = Reverse(known.selector.is_some());
            (for_some, Age::of(known.candidate.metadata, known.candidate.namespace))
        };
        let candidates = candidates.into_iter().enumerate().map(Known::of);
        let mut ranked: Vec<_> = candidates.map(|known| (rank(&known), known)).collect();
        sort_by(&mut ranked, |one, other| one.0.cmp(&other.0));
        Self { viewer, namespace, rules: ranked.into_iter().map(|(_, known)| known).collect() }
    }

    /// The places among the candidates of the rules for `service`, in the order in which they are merged: the first that
    /// says something of a subset, or has a traffic policy, wins.
    pub fn places(&self, service: Service<'_>) -> Vec<usize> {
        let at_home = self.merged(service.host, |known| {
            // What the root namespace says to everybody must not come before what a service's own namespace says.
            let is_good = match self.namespace {
                ROOT_NAMESPACE => known.is_for_its_namespace_alone(),
                _ => known.is_good_at_home(),
            };
            known.candidate.namespace == self.namespace && is_good
        });
        if !at_home.is_empty() {
            return self.chosen(&at_home);
        }
        let with_it = self.exported(service.host, |namespace| service.namespace.is_none_or(|own| own == namespace));
        if with_it.is_empty() { self.exported(service.host, |namespace| namespace == ROOT_NAMESPACE) } else { with_it }
    }

    fn exported(&self, host: &str, is_of: impl Fn(&str) -> bool) -> Vec<usize> {
        let is_exported = |known: &Known<'_>| is_of(known.candidate.namespace) && !known.is_for_its_namespace_alone();
        let mut merged = self.merged(host, is_exported);
        merged.retain(|one| one.first.says(["*", self.namespace, self.namespace]));
        self.chosen(&merged)
    }

    /// The most specific rules for `host` of those that are in question, merged.
    fn merged(&self, host: &str, is_in_question: impl Fn(&Known<'_>) -> bool) -> Vec<Merged<'_>> {
        let covering: Vec<&Known<'_>> =
            self.rules.iter().filter(|known| covers(&known.candidate.host, host) && is_in_question(known)).collect();
        merged(most_specific(&covering, host))
    }

    /// Of rules that were not merged: those for this very workload, else the last ones for everybody
    /// (Istio, `SidecarScope.DestinationRule` in `pilot/pkg/model/sidecar.go`).
    fn chosen(&self, merged: &[Merged<'_>]) -> Vec<usize> {
        let is_for_it = |one: &&Merged<'_>| {
            let labels = one.first.selector.as_ref().filter(|_| one.first.candidate.namespace == self.namespace);
            labels.is_some_and(|labels| {
                let has = |name: &str, value: &str| self.viewer.labels.get(name).is_some_and(|label| label == value);
                labels.iter().all(|(name, value)| has(name, value))
            })
        };
        let for_all = || merged.iter().rev().find(|one| one.first.selector.is_none());
        merged.iter().find(is_for_it).or_else(for_all).map(|one| one.places.clone()).unwrap_or_default()
    }
}

/// The rules that name the host; else those with the longest wildcard (Istio, `MostSpecificHostMatch`).
fn most_specific<'k, 'a>(covering: &[&'k Known<'a>], host: &str) -> impl Iterator<Item = &'k Known<'a>> {
    let hosts = covering.iter().map(|known| known.candidate.host.as_str());
    let best = hosts.max_by_key(|pattern| (*pattern == host, pattern.len()));
    covering.iter().copied().filter(move |known| Some(known.candidate.host.as_str()) == best)
}

/// Rules that stand for one.
struct Merged<'k> {
    first: &'k Known<'k>,
    places: Vec<usize>,
}

/// The rules of one host, merged as far as they are exported alike and for the same workloads.
fn merged<'k>(rules: impl Iterator<Item = &'k Known<'k>>) -> Vec<Merged<'k>> {
    let mut all: Vec<Merged<'k>> = Vec::new();
    for rule in rules {
        let mut stands_alone = true;
        for other in &mut all {
            let first = other.first;
            let alike = rule.export_to == first.export_to;
            let is_wider = !first.export_to.is_empty() && first.export_to.keys().all(|name| rule.export_to.has(*name));
            let for_others = rule.selector.is_some() && first.selector.is_some() && rule.selector != first.selector;
            stands_alone = !alike && (!is_wider || rule.selector != first.selector) || for_others;
            if (alike || is_wider) && !for_others {
                other.places.push(rule.place);
            }
        }
        if stands_alone {
            all.push(Merged { first: rule, places: vec![rule.place] });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use crate::written::read;
    use serde_json::{Value, json};

    const HOST: &str = "shop.b.svc.cluster.local";

    /// The names of the rules for the service `shop` in the namespace b that a workload in `viewer` merges; each rule is
    /// `[namespace, name, spec]`, created in the order in which they stand.
    fn names(viewer: &str, rules: &[(&str, &str, Value)]) -> Vec<String> {
        let written: Vec<(Metadata, DestinationRule)> = rules
            .iter()
            .enumerate()
            .map(|(age, (_, name, spec))| {
                let created = json!(format!("2026-01-01T00:00:{age:02}Z"));
                let metadata =
                    Metadata { name: (*name).to_owned(), creation_timestamp: created, ..Metadata::default() };
                let mut spec = spec.clone();
                if spec["host"].is_null() {
                    spec["host"] = HOST.into();
                }
                (metadata, read("spec", spec).unwrap())
            })
            .collect();
        let candidates = written.iter().zip(rules).map(|((metadata, rule), (namespace, ..))| Candidate {
            metadata,
            namespace,
            host: rule.host.clone(),
            rule,
        });
        let source = Source { namespace: None, labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]) };
        let service = Service { host: HOST, namespace: Some("b") };
        let places = DestinationRules::of(candidates, &source, viewer).places(service);
        places.into_iter().map(|place| rules[place].1.to_owned()).collect()
    }

    #[test]
    fn the_callers_namespace_comes_first_then_the_services_then_the_root() {
        let all = [
            ("istio-system", "root", json!({})),
            ("b", "theirs", json!({})),
            ("a", "ours", json!({})),
            ("c", "third", json!({})),
        ];
        assert_eq!(names("a", &all), ["ours"]);
        assert_eq!(names("d", &all), ["theirs"]);
        assert_eq!(names("istio-system", &all), ["theirs"]);
        assert_eq!(names("d", &[all[0].clone(), all[3].clone()]), ["root"]);
        assert_eq!(names("istio-system", &[all[0].clone()]), ["root"]);
        assert_eq!(names("d", &[all[3].clone()]), [""; 0]);
    }

    #[test]
    fn a_rule_that_is_not_exported_is_not_seen() {
        let export = |to: Value| [("b", "theirs", json!({"exportTo": to}))];
        for (to, from_b, from_a) in [
            (json!(["."]), 1, 0),
            (json!(["b"]), 1, 0),
            (json!(["a"]), 0, 1),
            (json!(["*"]), 1, 1),
            (json!([".", "a"]), 1, 1),
        ] {
            assert_eq!((names("b", &export(to.clone())).len(), names("a", &export(to)).len()), (from_b, from_a));
        }
        let private = ("a", "private", json!({"exportTo": ["."]}));
        assert_eq!(names("b", std::slice::from_ref(&private)), [""; 0]);
        assert_eq!(names("a", &[private, ("b", "theirs", json!({}))]), ["private"]);
    }

    #[test]
    fn the_most_specific_host_wins_within_a_namespace() {
        let rules = [
            ("b", "any", json!({"host": "*.local"})),
            ("b", "namespace", json!({"host": "*.b.svc.cluster.local"})),
            ("b", "host", json!({})),
            ("b", "namespace-2", json!({"host": "*.b.svc.cluster.local"})),
        ];
        assert_eq!(names("a", &rules), ["host"]);
        assert_eq!(names("a", &[rules[0].clone(), rules[3].clone(), rules[1].clone()]), ["namespace-2", "namespace"]);
        assert_eq!(names("a", &[rules[0].clone(), ("a", "ours", json!({"host": "*"}))]), ["ours"]);
    }

    #[test]
    fn rules_of_one_host_are_merged_from_the_oldest_on_if_they_are_exported_alike() {
        let (one, two) = (("b", "z", json!({})), ("b", "a", json!({})));
        assert_eq!(names("a", &[one.clone(), two.clone()]), ["z", "a"]);
        let star = ("b", "star", json!({"exportTo": ["*"]}));
        assert_eq!(names("a", &[one.clone(), star.clone()]), ["star"]);
        assert_eq!(names("a", &[star, one]), ["z"]);
        let (narrow, wide) =
            (("b", "narrow", json!({"exportTo": ["a"]})), ("b", "wide", json!({"exportTo": ["a", "c"]})));
        assert_eq!(names("a", &[narrow.clone(), wide.clone()]), ["narrow", "wide"]);
    }

    #[test]
    fn a_rule_for_some_workloads_is_for_those_of_its_namespace_that_have_the_labels() {
        let selects = |labels: Value| json!({"workloadSelector": {"matchLabels": labels}});
        let rest = ("a", "rest", json!({}));
        let web = ("a", "web", selects(json!({"app": "web"})));
        let other = ("a", "other", selects(json!({"app": "other"})));
        assert_eq!(names("a", &[rest.clone(), other.clone()]), ["rest"]);
        assert_eq!(names("a", &[rest, web, other]), ["web"]);
        assert_eq!(names("c", &[("b", "web", selects(json!({"app": "web"})))]), [""; 0]);
    }
}

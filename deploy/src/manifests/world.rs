//! The world that manifests describe.

use super::CLUSTER_DOMAIN;
use super::deployment::Deployment;
use super::document::{Document, documents};
use super::files::Text;
use super::gateway::Gateway;
use super::mistake::{Mistake, Mistakes, Origin};
use super::service::Service;
use serde_json::Value;
use serin_traffic::host_name::full_name;
use serin_traffic::written::{DestinationRule, Kind, Manifest, RouteRule, Spec, VirtualService};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a set of manifests says.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The namespace of manifests that name none.
    pub namespace: String,
    /// What runs.
    pub deployments: Vec<Deployment>,
    /// What it is called.
    pub services: Vec<Service>,
    /// What is open to the outside.
    pub gateways: Vec<Gateway>,
    /// What the filters read.
    pub traffic: Vec<Traffic>,
    /// What was left aside although it may matter.
    pub notes: Vec<String>,
}

/// A manifest that the filters read: typed, and as it was written.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Where it comes from.
    pub origin: Origin,
    /// Its namespace.
    pub namespace: String,
    /// What it says.
    pub manifest: Manifest,
    /// The same, verbatim.
    pub value: Value,
}

/// Kinds that pass without a word: they change nothing about who gets which request.
const SILENT: [&str; 15] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "CustomResourceDefinition",
    "HorizontalPodAutoscaler",
    "Kustomization",
    "LimitRange",
    "Namespace",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "Secret",
    "ServiceAccount",
];

impl World {
    /// Reads `texts`; manifests that name no namespace are of `namespace`.
    ///
    /// # Errors
    ///
    /// All [`Mistakes`] of all manifests, not the first alone.
    pub fn parse(namespace: &str, texts: &[Text]) -> Result<Self, Mistakes> {
        let mut world = Self { namespace: namespace.to_owned(), ..Self::default() };
        let mut mistakes = Vec::new();
        let mut names = BTreeSet::new();
        for document in texts.iter().flat_map(|text| documents(text, namespace)) {
            match document {
                Ok(document) if names.insert(document.origin.what.clone()) => {
                    mistakes.extend(world.add(document).err())
                }
                Ok(document) => mistakes.push(document.origin.mistake("is there twice")),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(world) } else { Err(Mistakes(mistakes)) }
    }

    fn add(&mut self, document: Document) -> Result<(), Mistake> {
        match (document.kind.as_str(), document.api_version.split('/').next().unwrap_or_default()) {
            ("Deployment", _) => self.deployments.push(Deployment::read(&document, &self.namespace)?),
            ("Gateway", "networking.istio.io") => self.gateways.push(Gateway::read(&document)?),
            ("Service", "serving.knative.dev") => self.pass(&document),
            (kind, group) if Kind::named(kind).is_some() || group == "serin.dev" => {
                if kind == "Service" {
                    self.services.push(Service::read(&document)?);
                }
                let manifest =
                    Manifest::read("", document.value.clone()).map_err(|refusal| document.origin.mistake(refusal))?;
                let Document { origin, namespace, value, .. } = document;
                self.traffic.push(Traffic { origin, namespace, manifest, value });
            }
            (kind, _) if SILENT.contains(&kind) => {}
            _ => self.pass(&document),
        }
        Ok(())
    }

    fn pass(&mut self, document: &Document) {
        self.notes.push(format!("{}: kind {} is not read here", document.origin, document.kind));
    }

    /// The VirtualServices, with where they come from.
    pub fn virtual_services(&self) -> impl Iterator<Item = (&Traffic, &VirtualService)> {
        self.traffic.iter().filter_map(|traffic| match &traffic.manifest.spec {
            Spec::VirtualService(spec) => Some((traffic, &**spec)),
            _ => None,
        })
    }

    /// The DestinationRules, with where they come from.
    pub fn destination_rules(&self) -> impl Iterator<Item = (&Traffic, &DestinationRule)> {
        self.traffic.iter().filter_map(|traffic| match &traffic.manifest.spec {
            Spec::DestinationRule(spec) => Some((traffic, &**spec)),
            _ => None,
        })
    }

    /// The RouteRules, with where they come from.
    pub fn route_rules(&self) -> impl Iterator<Item = (&Traffic, &RouteRule)> {
        self.traffic.iter().filter_map(|traffic| match &traffic.manifest.spec {
            Spec::RouteRule(spec) => Some((traffic, &**spec)),
            _ => None,
        })
    }

    /// The sets of labels that RouteRules send requests or copies to and no subset has, by the full name of the service; each
    /// with the first of the rules.
    pub(crate) fn undeclared_labels(&self) -> BTreeMap<(String, &BTreeMap<String, String>), &Traffic> {
        let is_declared = |host: &str, labels: &BTreeMap<String, String>| {
            self.destination_rules().any(|(traffic, rule)| {
                full_name(&rule.host, &traffic.namespace, CLUSTER_DOMAIN) == host
                    && rule.subsets.iter().any(|subset| subset.labels == *labels)
            })
        };
        let mut undeclared = BTreeMap::new();
        for (traffic, rule) in self.route_rules() {
            for (host, labels) in rule.destinations(&traffic.namespace, CLUSTER_DOMAIN) {
                if !labels.is_empty() && !is_declared(&host, labels) {
                    undeclared.entry((host, labels)).or_insert(traffic);
                }
            }
        }
        undeclared
    }

    /// The manifests that the filters read, verbatim.
    pub fn resources(&self) -> Vec<Value> {
        self.traffic.iter().map(|traffic| traffic.value.clone()).collect()
    }
}

//! The world that manifests describe.

use super::CLUSTER_DOMAIN;
use super::document::{Document, documents};
use super::files::Text;
use super::gateway::Gateway;
use super::kind::{Reader, reader_of};
use super::mistake::{Mistake, Mistakes, Origin};
use super::secret::Secret;
use super::service::Service;
use super::service_entry;
use super::workload::{Workload, WrittenWorkload, running};
use serde_json::Value;
use serin_traffic::names::host::full_name;
use serin_traffic::written::{DestinationRule, Manifest, RouteRule, Spec, VirtualService, group_of};
use std::collections::BTreeMap;

/// Everything that a set of manifests says.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The namespace of manifests that name none.
    pub namespace: String,
    /// What runs.
    pub workloads: Vec<Workload>,
    /// What it is called.
    pub services: Vec<Service>,
    /// Certificates.
    pub secrets: Vec<Secret>,
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

/// A world while it is read.
#[derive(Default)]
struct Reading {
    world: World,
    workloads: Vec<WrittenWorkload>,
    mistakes: Vec<Mistake>,
    /// Where each resource was read, and what it says but for its metadata.
    read: BTreeMap<String, (Origin, Value)>,
}

impl Reading {
    fn add(&mut self, document: Document) -> Result<(), Mistake> {
        let reader = reader_of(&document);
        match reader {
            Reader::Nobody => return Ok(()),
            Reader::Noted => {
                self.world.notes.push(format!("{}: {} is not read here", document.origin, called(&document)));
                return Ok(());
            }
            _ => {}
        }
        document.check_metadata()?;
        if document.name.is_empty() {
            return Err(document.origin.mistake("metadata.name: must not be missing"));
        }
        if self.has(&document)? {
            return Ok(());
        }
        let world = &mut self.world;
        match reader {
            Reader::Workload => self.workloads.push(WrittenWorkload::read(&document, &world.namespace)?),
            Reader::Secret => world.secrets.push(Secret::read(&document)),
            Reader::Filters => {
                if document.kind == "Gateway" {
                    world.gateways.push(Gateway::read(&document, &mut world.notes)?);
                }
                let manifest =
                    Manifest::read("", document.value.clone()).map_err(|refusal| document.origin.mistake(refusal))?;
                match &manifest.spec {
                    Spec::Service(_) => world.add_services(vec![Service::read(&document)?]),
                    Spec::ServiceEntry(_) => {
                        let services = service_entry::read(&document, &mut world.notes)?;
                        world.add_services(services);
                    }
                    _ => {}
                }
                let Document { origin, namespace, value, .. } = document;
                world.traffic.push(Traffic { origin, namespace, manifest, value });
            }
            Reader::Nobody | Reader::Noted => {}
        }
        Ok(())
    }

    /// Whether the same resource was read before: a file beside the dump of what it made. Two that differ are a mistake.
    fn has(&mut self, document: &Document) -> Result<bool, Mistake> {
        if document.generated {
            return Ok(false);
        }
        let group = group_of(&document.api_version);
        let name = format!("{group} {} {}/{}", document.kind, document.namespace, document.name);
        let mut said = document.value.clone();
        if let Some(fields) = said.as_object_mut() {
            fields.retain(|field, _| !["apiVersion", "metadata", "status"].contains(&field.as_str()));
        }
        match self.read.get(&name) {
            None => {
                self.read.insert(name, (document.origin.clone(), said));
                Ok(false)
            }
            Some((_, first)) if *first == said => Ok(true),
            Some((Origin { file, line, .. }, _)) => {
                Err(document.origin.mistake(format!("is defined twice, and not alike (first at {file}:{line})")))
            }
        }
    }
}

/// What people call a kind: with its API group, without which it may look like one that is read.
fn called(document: &Document) -> String {
    match group_of(&document.api_version) {
        "" => format!("kind {}", document.kind),
        group => format!("kind {} of {group}", document.kind),
    }
}

impl World {
    /// Reads `texts`; manifests that name no namespace are of `namespace`.
    ///
    /// Only what is read here is read strictly. Everything else passes, with a note where it may matter.
    ///
    /// # Errors
    ///
    /// All [`Mistakes`] of all manifests, not the first alone.
    pub fn parse(namespace: &str, texts: &[Text]) -> Result<Self, Mistakes> {
        let mut reading =
            Reading { world: Self { namespace: namespace.to_owned(), ..Self::default() }, ..Reading::default() };
        for text in texts {
            let found = documents(text, namespace);
            reading.world.notes.extend(found.notes);
            reading.mistakes.extend(found.mistakes);
            for document in found.manifests {
                if let Err(mistake) = reading.add(document) {
                    reading.mistakes.push(mistake);
                }
            }
        }
        let Reading { mut world, mistakes, workloads, .. } = reading;
        world.workloads = running(workloads);
        if mistakes.is_empty() { Ok(world) } else { Err(Mistakes(mistakes)) }
    }

    /// Adds services; of two with one host, the first has its ports and the second those that are new.
    fn add_services(&mut self, services: Vec<Service>) {
        for service in services {
            match self.services.iter_mut().find(|known| known.host.eq_ignore_ascii_case(&service.host)) {
                Some(known) => known.merge(service),
                None => self.services.push(service),
            }
        }
    }

    /// The VirtualServices, with where they come from.
    pub fn virtual_services(&self) -> impl Iterator<Item = (&Traffic, &VirtualService)> {
        self.traffic.iter().filter_map(|traffic| match &traffic.manifest.spec {
            Spec::VirtualService(spec) => Some((traffic, &**spec)),
            _ => None,
        })
    }

    /// Those of the VirtualServices that have rules for HTTP; the others are Istio's alone, and so are their hosts.
    pub(crate) fn virtual_services_for_http(&self) -> impl Iterator<Item = (&Traffic, &VirtualService)> {
        self.virtual_services().filter(|(_, spec)| !spec.http.is_empty())
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

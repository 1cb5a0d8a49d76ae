//! What runs pods, as far as a pocket cluster needs it: how many, their labels, and what they answer.

use super::document::Document;
use super::mistake::Mistake;
use serin_traffic::record;
use std::collections::BTreeMap;

/// The environment variable of the echo server that says what it answers.
const ANSWER: &str = "SERIN_ANSWER";

/// Pods of one template: those of a Deployment, a StatefulSet, a Rollout, or a Pod on its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The resource's kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// How many pods it has.
    pub replicas: u32,
    /// The labels of its pods.
    pub labels: BTreeMap<String, String>,
    /// The ports that its containers name.
    pub named_ports: BTreeMap<String, u16>,
    /// What its pods answer instead of who they are and what they were asked: their environment variable `SERIN_ANSWER`.
    pub answer: Option<String>,
    /// What tables call it: its name, and its namespace behind a dot if that is not the caller's.
    pub title: String,
}

/// One pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    /// The workload's namespace.
    pub namespace: String,
    /// The workload's kind.
    pub kind: String,
    /// The workload's name.
    pub workload: String,
    /// Which of its pods, counted from 0.
    pub number: u32,
}

/// The kinds that have pods, by API group. Jobs have some too, but none that serve.
const KINDS: [(&str, &[&str]); 6] = [
    ("", &["Pod", "ReplicationController"]),
    ("apps", &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]),
    ("apps.kruise.io", &["CloneSet", "StatefulSet", "DaemonSet"]),
    ("apps.openshift.io", &["DeploymentConfig"]),
    ("argoproj.io", &["Rollout"]),
    ("extensions", &["Deployment", "DaemonSet", "ReplicaSet"]),
];

/// Whether resources of that kind have pods; without a group it is the kind's name that counts.
pub(crate) fn has_pods(group: Option<&str>, kind: &str) -> bool {
    KINDS.iter().any(|(of, kinds)| group.is_none_or(|group| group == *of) && kinds.contains(&kind))
}

/// A workload, and what it has to do with other resources.
pub(crate) struct WrittenWorkload {
    pub(crate) workload: Workload,
    /// The resources that made it: where one of them is among the manifests, its pods are these.
    pub(crate) owners: Vec<Reference>,
    /// The resource that has the template of its pods (Argo Rollouts' `workloadRef`).
    pub(crate) template_of: Option<Reference>,
}

/// A resource of the same namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) kind: String,
    pub(crate) name: String,
}

record! { Reference { kind, name }, required: &["kind", "name"], open: true }

#[derive(Default)]
struct Metadata {
    owner_references: Option<Vec<Reference>>,
    labels: Option<BTreeMap<String, String>>,
}

record! { Metadata { owner_references, labels }, open: true }

#[derive(Default)]
struct Spec {
    replicas: Option<u32>,
    template: Option<Template>,
    workload_ref: Option<Reference>,
}

record! { Spec { replicas, template, workload_ref }, open: true }

#[derive(Default)]
struct Status {
    phase: Option<String>,
}

record! { Status { phase }, open: true }

#[derive(Default)]
struct Template {
    metadata: Option<PodMetadata>,
    spec: Option<PodSpec>,
}

record! { Template { metadata, spec }, open: true }

#[derive(Default)]
struct PodMetadata {
    labels: Option<BTreeMap<String, String>>,
}

record! { PodMetadata { labels }, open: true }

#[derive(Default)]
struct PodSpec {
    containers: Option<Vec<Container>>,
}

record! { PodSpec { containers }, open: true }

#[derive(Default)]
struct Container {
    ports: Option<Vec<ContainerPort>>,
    env: Option<Vec<EnvironmentVariable>>,
}

record! { Container { ports, env }, open: true }

#[derive(Default)]
struct EnvironmentVariable {
    name: String,
    value: Option<String>,
}

record! { EnvironmentVariable { name, value }, required: &["name"], open: true }

#[derive(Default)]
struct ContainerPort {
    name: Option<String>,
    container_port: u16,
}

record! { ContainerPort { name, container_port }, required: &["container_port"], open: true }

impl WrittenWorkload {
    pub(crate) fn read(document: &Document, own_namespace: &str) -> Result<Self, Mistake> {
        let metadata: Metadata = document.part("metadata")?;
        let (replicas, labels, pod, template_of) = if document.kind == "Pod" {
            let status: Status = document.part("status")?;
            let has_ended = matches!(status.phase.as_deref(), Some("Succeeded" | "Failed"));
            (u32::from(!has_ended), metadata.labels, document.part::<PodSpec>("spec")?, None)
        } else {
            let spec: Spec = document.part("spec")?;
            let Template { metadata, spec: pod } = spec.template.unwrap_or_default();
            let labels = metadata.unwrap_or_default().labels;
            // A DaemonSet has a pod on each node, and a pocket is one node.
            (spec.replicas.unwrap_or(1), labels, pod.unwrap_or_default(), spec.workload_ref)
        };
        let containers = pod.containers.unwrap_or_default();
        let environment = containers.iter().flat_map(|container| container.env.iter().flatten());
        let answer = environment.filter(|variable| variable.name == ANSWER).find_map(|variable| variable.value.clone());
        let ports = containers.into_iter().flat_map(|container| container.ports.unwrap_or_default());
        let title = if document.namespace == own_namespace {
            document.name.clone()
        } else {
            format!("{}.{}", document.name, document.namespace)
        };
        let workload = Workload {
            kind: document.kind.clone(),
            name: document.name.clone(),
            namespace: document.namespace.clone(),
            replicas,
            labels: labels.unwrap_or_default(),
            named_ports: ports.filter_map(|port| Some((port.name?, port.container_port))).collect(),
            answer,
            title,
        };
        Ok(Self { workload, owners: metadata.owner_references.unwrap_or_default(), template_of })
    }

    fn is(&self, namespace: &str, reference: &Reference) -> bool {
        let Workload { kind, name, namespace: own, .. } = &self.workload;
        own == namespace && *kind == reference.kind && *name == reference.name
    }
}

/// The workloads that run: without those that another one of them made, or has for a template.
pub(crate) fn running(mut written: Vec<WrittenWorkload>) -> Vec<Workload> {
    let referred = |by: &WrittenWorkload, reference: &Reference| {
        written.iter().position(|other| other.is(&by.workload.namespace, reference))
    };
    let templates: Vec<(usize, usize)> =
        written.iter().enumerate().filter_map(|(at, by)| Some((at, referred(by, by.template_of.as_ref()?)?))).collect();
    let made = |by: &WrittenWorkload| by.owners.iter().any(|owner| referred(by, owner).is_some());
    let aside: Vec<bool> = written
        .iter()
        .enumerate()
        .map(|(at, by)| made(by) || templates.iter().any(|(user, template)| *template == at && *user != at))
        .collect();
    for (user, template) in templates {
        let Workload { labels, named_ports, answer, .. } = written[template].workload.clone();
        let user = &mut written[user].workload;
        (user.labels, user.named_ports, user.answer) = (labels, named_ports, answer);
    }
    let mut running: Vec<Workload> = Vec::new();
    for (WrittenWorkload { mut workload, .. }, aside) in written.into_iter().zip(aside) {
        if aside {
            continue;
        }
        if running.iter().any(|other| other.title == workload.title) {
            workload.title = format!("{} ({})", workload.title, workload.kind);
        }
        running.push(workload);
    }
    running
}

impl Workload {
    /// Whether the pods have all of `labels`.
    pub fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }

    /// The pods.
    pub fn pods(&self) -> impl Iterator<Item = Replica> + '_ {
        (0..self.replicas).map(|number| Replica {
            namespace: self.namespace.clone(),
            kind: self.kind.clone(),
            workload: self.name.clone(),
            number,
        })
    }
}

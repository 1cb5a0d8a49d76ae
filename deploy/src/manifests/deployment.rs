//! Kubernetes' Deployment, as far as a pocket cluster needs it: replicas, labels, and what the pods answer.

use super::document::Document;
use super::mistake::Mistake;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The environment variable of the echo server that says what it answers.
const ANSWER: &str = "SERIN_ANSWER";

/// Pods of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// The Deployment's name.
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

/// One pod of a Deployment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replica {
    /// The Deployment's namespace.
    pub namespace: String,
    /// The Deployment's name.
    pub deployment: String,
    /// Which of its pods, counted from 0.
    pub number: u32,
}

#[derive(Default, Deserialize)]
struct Spec {
    replicas: Option<u32>,
    #[serde(default)]
    template: Template,
}

#[derive(Default, Deserialize)]
struct Template {
    #[serde(default)]
    metadata: PodMetadata,
    #[serde(default)]
    spec: PodSpec,
}

#[derive(Default, Deserialize)]
struct PodMetadata {
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
struct PodSpec {
    containers: Option<Vec<Container>>,
}

#[derive(Deserialize)]
struct Container {
    ports: Option<Vec<ContainerPort>>,
    env: Option<Vec<EnvironmentVariable>>,
}

#[derive(Deserialize)]
struct EnvironmentVariable {
    name: String,
    value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerPort {
    name: Option<String>,
    container_port: u16,
}

impl Deployment {
    pub(crate) fn read(document: &Document, own_namespace: &str) -> Result<Self, Mistake> {
        let spec: Spec = document.part("spec")?;
        let containers = spec.template.spec.containers.unwrap_or_default();
        let environment = containers.iter().flat_map(|container| container.env.iter().flatten());
        let answer = environment.filter(|variable| variable.name == ANSWER).find_map(|variable| variable.value.clone());
        let ports = containers.into_iter().flat_map(|container| container.ports.unwrap_or_default());
        let title = if document.namespace == own_namespace {
            document.name.clone()
        } else {
            format!("{}.{}", document.name, document.namespace)
        };
        Ok(Self {
            name: document.name.clone(),
            namespace: document.namespace.clone(),
            replicas: spec.replicas.unwrap_or(1),
            labels: spec.template.metadata.labels.unwrap_or_default(),
            named_ports: ports.filter_map(|port| Some((port.name?, port.container_port))).collect(),
            answer,
            title,
        })
    }

    /// Whether the pods have all of `labels`.
    pub fn has(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }

    /// The pods.
    pub fn pods(&self) -> impl Iterator<Item = Replica> + '_ {
        (0..self.replicas).map(|number| Replica {
            namespace: self.namespace.clone(),
            deployment: self.name.clone(),
            number,
        })
    }
}

//! A Kubernetes manifest: which kind it is, what it is called, and its spec.

use super::{CanaryPolicy, DestinationRule, RouteRule, Service, VirtualService, null_as_absent, read};
use crate::refusal::Refusal;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A manifest of one of the kinds that the filters read.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its name and namespace.
    pub metadata: Metadata,
    /// What it says.
    pub spec: Spec,
}

/// The part of a manifest's metadata that is read; all else passes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Metadata {
    /// The resource's name.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub name: String,
    /// The resource's namespace, if the manifest names one.
    pub namespace: Option<String>,
    /// Notes of all kinds, some of which Istio refuses.
    #[serde(default, deserialize_with = "null_as_absent")]
    pub annotations: BTreeMap<String, Value>,
}

/// The kinds that the filters read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `networking.istio.io` VirtualService.
    VirtualService,
    /// `networking.istio.io` DestinationRule.
    DestinationRule,
    /// The core Service.
    Service,
    /// `serin.dev` CanaryPolicy.
    CanaryPolicy,
    /// `config.istio.io` RouteRule, as Istio had it before VirtualService.
    RouteRule,
}

/// What a manifest says.
#[derive(Clone, Debug)]
pub enum Spec {
    /// Routing rules.
    VirtualService(Box<VirtualService>),
    /// Subsets and traffic policy.
    DestinationRule(Box<DestinationRule>),
    /// Ports.
    Service(Service),
    /// What Istio's rules cannot say.
    CanaryPolicy(Box<CanaryPolicy>),
    /// One routing rule of a service.
    RouteRule(Box<RouteRule>),
}

impl Kind {
    /// The kinds, in the order in which they are listed to people.
    pub const ALL: [Kind; 5] =
        [Kind::VirtualService, Kind::DestinationRule, Kind::Service, Kind::CanaryPolicy, Kind::RouteRule];

    /// The kind that a manifest calls `name`, if the filters read it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What a manifest calls this kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::VirtualService => "VirtualService",
            Kind::DestinationRule => "DestinationRule",
            Kind::Service => "Service",
            Kind::CanaryPolicy => "CanaryPolicy",
            Kind::RouteRule => "RouteRule",
        }
    }

    fn api_versions(self) -> &'static [&'static str] {
        match self {
            Kind::VirtualService | Kind::DestinationRule => {
                &["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"]
            }
            Kind::Service => &["v1"],
            Kind::CanaryPolicy => &["serin.dev/v1alpha1"],
            Kind::RouteRule => &["config.istio.io/v1alpha2"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    api_version: Option<String>,
    kind: String,
    #[serde(default, deserialize_with = "null_as_absent")]
    metadata: Metadata,
    #[serde(default)]
    spec: Value,
    #[serde(default, rename = "status")]
    _status: Value,
}

impl Manifest {
    /// Which kind the manifest is of.
    pub fn kind(&self) -> Kind {
        match self.spec {
            Spec::VirtualService(_) => Kind::VirtualService,
            Spec::DestinationRule(_) => Kind::DestinationRule,
            Spec::Service(_) => Kind::Service,
            Spec::CanaryPolicy(_) => Kind::CanaryPolicy,
            Spec::RouteRule(_) => Kind::RouteRule,
        }
    }

    /// Reads the manifest that `value` holds; refusals name their place below `path`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for a kind that the filters do not read, an `apiVersion` that the kind does not have, a manifest
    /// without a name, and whatever the kind itself refuses.
    pub fn read(path: &str, value: Value) -> Result<Self, Refusal> {
        let document: Document = read(path, value)?;
        let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };

        let Some(kind) = Kind::named(&document.kind) else {
            let known = Kind::ALL.map(Kind::name).join(", ");
            let reason = format!("{} is not a kind that the filters read ({known})", document.kind);
            return Err(Refusal::new(at("kind"), reason));
        };
        if let Some(version) = &document.api_version {
            if !kind.api_versions().contains(&version.as_str()) {
                let known = kind.api_versions().join(", ");
                return Err(Refusal::new(at("apiVersion"), format!("{version} is not one that {kind} has ({known})")));
            }
        }
        if document.metadata.name.is_empty() {
            return Err(Refusal::new(at("metadata.name"), "must not be empty"));
        }

        let spec_path = at("spec");
        let spec = match document.spec {
            Value::Null => Value::Object(serde_json::Map::new()),
            spec => spec,
        };
        let spec = match kind {
            Kind::VirtualService => Spec::VirtualService(read(&spec_path, spec)?),
            Kind::DestinationRule => Spec::DestinationRule(read(&spec_path, spec)?),
            Kind::Service => Spec::Service(read(&spec_path, spec)?),
            Kind::CanaryPolicy => Spec::CanaryPolicy(read(&spec_path, spec)?),
            Kind::RouteRule => Spec::RouteRule(read(&spec_path, spec)?),
        };
        Ok(Self { metadata: document.metadata, spec })
    }
}

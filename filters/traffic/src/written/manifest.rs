//! A Kubernetes manifest: which kind it is, what it is called, and its spec.

use super::{CanaryPolicy, DestinationRule, Gateway, RouteRule, Service, ServiceEntry, VirtualService, read};
use crate::record;
use crate::refusal::Refusal;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// A manifest, read as far as it is of one of the kinds that the filters read.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What it is called, and how old it is.
    pub metadata: Metadata,
    /// What it says.
    pub spec: Spec,
}

/// The part of a manifest's metadata that is read; all else passes.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The resource's name.
    pub name: String,
    /// The resource's namespace, if the manifest names one.
    pub namespace: Option<String>,
    /// When the cluster took the resource, RFC 3339; null if it has not yet. Any value is read: what a cluster writes is
    /// nobody's to get right.
    pub creation_timestamp: Value,
    /// Notes of all kinds: some Istio refuses, and `networking.istio.io/exportTo` of a Service says who sees it.
    pub annotations: BTreeMap<String, Value>,
    /// What Kubernetes makes the name from, if the manifest has none.
    pub generate_name: Option<String>,
}

record! { Metadata { name, namespace, creation_timestamp, annotations, generate_name }, open: true }

impl Metadata {
    /// Whether Kubernetes makes up the name: two such manifests are two resources.
    pub fn is_generated(&self) -> bool {
        self.name.is_empty() && self.generate_name.is_some()
    }

    /// The namespaces that a Service is exported to (Istio, `ConvertService` in
    /// `pilot/pkg/serviceregistry/kube/conversion.go`): every one if there are none.
    pub fn export_to(&self) -> Vec<String> {
        let written = self.annotations.get("networking.istio.io/exportTo").and_then(Value::as_str).unwrap_or_default();
        if written.is_empty() {
            return Vec::new();
        }
        written.split(',').map(|namespace| namespace.trim().to_owned()).collect()
    }
}

/// The kinds that the filters read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `networking.istio.io` VirtualService.
    VirtualService,
    /// `networking.istio.io` DestinationRule.
    DestinationRule,
    /// `networking.istio.io` Gateway.
    Gateway,
    /// The core Service.
    Service,
    /// `networking.istio.io` ServiceEntry.
    ServiceEntry,
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
    /// Hosts that a gateway serves.
    Gateway(Gateway),
    /// Ports.
    Service(Service),
    /// Hosts and their ports.
    ServiceEntry(ServiceEntry),
    /// What Istio's rules cannot say.
    CanaryPolicy(Box<CanaryPolicy>),
    /// One routing rule of a service.
    RouteRule(Box<RouteRule>),
    /// A resource that is not the filters': nothing of it is read.
    Foreign(Foreign),
}

/// A resource of a kind that the filters do not read: what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// Its `apiVersion`, group included.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind, self.api_version)
    }
}

impl Kind {
    /// The kinds, in the order in which they are listed to people.
    pub const ALL: [Kind; 7] = [
        Kind::VirtualService,
        Kind::DestinationRule,
        Kind::Gateway,
        Kind::Service,
        Kind::ServiceEntry,
        Kind::CanaryPolicy,
        Kind::RouteRule,
    ];

    /// The kind that a manifest calls `name`, if the filters read it; its API group is another question.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of a manifest with this `apiVersion` and `kind`, if the filters read it. Kinds of one name in two API
    /// groups are two kinds; a version says nothing about that.
    ///
    /// ```
    /// use serin_traffic::written::Kind;
    ///
    /// assert_eq!(Kind::of("networking.istio.io/v1", "VirtualService"), Some(Kind::VirtualService));
    /// assert_eq!(Kind::of("appmesh.k8s.aws/v1beta2", "VirtualService"), None);
    /// ```
    pub fn of(api_version: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == kind && known.group() == group_of(api_version))
    }

    /// What a manifest calls this kind.
    pub fn name(self) -> &'static str {
        match self {
            Kind::VirtualService => "VirtualService",
            Kind::DestinationRule => "DestinationRule",
            Kind::Gateway => "Gateway",
            Kind::Service => "Service",
            Kind::ServiceEntry => "ServiceEntry",
            Kind::CanaryPolicy => "CanaryPolicy",
            Kind::RouteRule => "RouteRule",
        }
    }

    /// The API group; empty for Kubernetes' core.
    pub fn group(self) -> &'static str {
        group_of(self.api_versions().first().copied().unwrap_or_default())
    }

    fn api_versions(self) -> &'static [&'static str] {
        match self {
            Kind::VirtualService | Kind::DestinationRule | Kind::Gateway | Kind::ServiceEntry => {
                &["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"]
            }
            Kind::Service => &["v1"],
            Kind::CanaryPolicy => &["serin.dev/v1alpha1"],
            Kind::RouteRule => &["config.istio.io/v1alpha2"],
        }
    }
}

/// The API group in an `apiVersion`; empty for Kubernetes' core.
pub fn group_of(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Default)]
struct Document {
    api_version: Option<String>,
    kind: String,
    metadata: Metadata,
    spec: Value,
    _status: Value,
}

record! { Document { api_version, kind, metadata, spec, _status: "status" }, required: &["kind"] }

impl Manifest {
    /// Which kind the manifest is of, if it is one that the filters read.
    pub fn kind(&self) -> Option<Kind> {
        match self.spec {
            Spec::VirtualService(_) => Some(Kind::VirtualService),
            Spec::DestinationRule(_) => Some(Kind::DestinationRule),
            Spec::Gateway(_) => Some(Kind::Gateway),
            Spec::Service(_) => Some(Kind::Service),
            Spec::ServiceEntry(_) => Some(Kind::ServiceEntry),
            Spec::CanaryPolicy(_) => Some(Kind::CanaryPolicy),
            Spec::RouteRule(_) => Some(Kind::RouteRule),
            Spec::Foreign(_) => None,
        }
    }

    /// Reads the manifest that `value` holds; refusals name their place below `path`.
    ///
    /// A kind of another API group passes as [`Spec::Foreign`], be its name that of a kind that is read.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] for a kind without `apiVersion` that the filters do not read, a kind that Serin's own group does not
    /// have, a version that the kind does not have, a manifest without a name, and whatever the kind itself refuses.
    pub fn read(path: &str, value: Value) -> Result<Self, Refusal> {
        let at = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
        if let Some(foreign) = Foreign::recognize(&value) {
            return Ok(Self { metadata: Metadata::default(), spec: Spec::Foreign(foreign) });
        }
        let document: Document = read(path, value)?;
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
        let metadata = document.metadata;
        if metadata.name.is_empty() && !metadata.is_generated() {
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
            Kind::Gateway => Spec::Gateway(read(&spec_path, spec)?),
            Kind::Service => Spec::Service(read(&spec_path, spec)?),
            Kind::ServiceEntry => Spec::ServiceEntry(read(&spec_path, spec)?),
            Kind::CanaryPolicy => Spec::CanaryPolicy(read(&spec_path, spec)?),
            Kind::RouteRule => Spec::RouteRule(read(&spec_path, spec)?),
        };
        Ok(Self { metadata, spec })
    }
}

impl Foreign {
    /// What `value` is called, if its `apiVersion` says that it is not the filters'.
    ///
    /// Kubernetes' core has none of Istio's kinds, and `serin.dev` no other than Serin's: those are mistakes.
    fn recognize(value: &Value) -> Option<Self> {
        let text = |field: &str| value.get(field).and_then(Value::as_str);
        let (api_version, kind) = (text("apiVersion")?, text("kind")?);
        let group = group_of(api_version);
        let is_mistaken = group == Kind::CanaryPolicy.group() || (group.is_empty() && Kind::named(kind).is_some());
        let is_foreign = Kind::of(api_version, kind).is_none() && !is_mistaken;
        is_foreign.then(|| Self { api_version: api_version.to_owned(), kind: kind.to_owned() })
    }
}

//! What becomes of a manifest, by its API group and kind.

use super::document::Document;
use super::workload::has_pods;
use serin_traffic::written::{Kind, group_of};

/// Who reads a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// It runs pods.
    Workload,
    /// Kubernetes' Secret: certificates of a Gateway.
    Secret,
    /// What the filters read.
    Filters,
    /// Nobody, and it changes nothing about which request goes where.
    Nobody,
    /// Nobody, although it may change that.
    Noted,
}

/// API groups whose resources change nothing about which request goes where; of Kubernetes' own and of what is found
/// in most clusters.
const SILENT_GROUPS: [&str; 25] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "autoscaling.k8s.io",
    "batch",
    "cert-manager.io",
    "certificates.k8s.io",
    "config.k8s.io",
    "coordination.k8s.io",
    "events.k8s.io",
    "extensions.istio.io",
    "helm.toolkit.fluxcd.io",
    "keda.sh",
    "kustomize.config.k8s.io",
    "kustomize.toolkit.fluxcd.io",
    "monitoring.coreos.com",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "telemetry.istio.io",
];

/// Kinds that pass without a word in any group.
const SILENT_KINDS: [&str; 26] = [
    "AnalysisRun",
    "AnalysisTemplate",
    "Application",
    "ClusterAnalysisTemplate",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "ControllerRevision",
    "CronJob",
    "CustomResourceDefinition",
    "Event",
    "HorizontalPodAutoscaler",
    "IngressClass",
    "Job",
    "Kustomization",
    "LimitRange",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PodTemplate",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "ServiceAccount",
];

/// Who reads `document`. Without an `apiVersion` the name of its kind decides.
pub(crate) fn reader_of(document: &Document) -> Reader {
    let group = (!document.api_version.is_empty()).then(|| group_of(&document.api_version));
    let kind = document.kind.as_str();
    let is_for_filters = match group {
        // A misspelt kind of Serin's own is a mistake, which the filters' reader tells.
        Some(group) => Kind::of(&document.api_version, kind).is_some() || group == Kind::CanaryPolicy.group(),
        None => Kind::named(kind).is_some(),
    };
    let is_core = group.unwrap_or_default().is_empty();
    match (group, kind) {
        _ if is_for_filters => Reader::Filters,
        // Kubernetes' core has no VirtualService: that is a mistake, too.
        _ if is_core && Kind::named(kind).is_some() => Reader::Filters,
        (_, "Secret") if is_core => Reader::Secret,
        _ if has_pods(group, kind) => Reader::Workload,
        (Some(group), _) if SILENT_GROUPS.contains(&group) => Reader::Nobody,
        _ if SILENT_KINDS.contains(&kind) => Reader::Nobody,
        _ => Reader::Noted,
    }
}

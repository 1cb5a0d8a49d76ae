//! Whether this proxy's workload is the caller that a rule is for.

use super::super::Surroundings;
use super::super::known::Known;
use crate::names::host::full_name;
use crate::refusal::{Place, Warning};
use crate::written::IstioService;

/// The labels that say what a workload is called, the first that it has (Istio, `labels.CanonicalService`).
const NAMES: [&str; 3] = ["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"];

/// Whether the workload is one of the service `source`, and has its labels (Istio, `MatchSource`).
///
/// It is one of the service if the Service selects it. Where the Service is not among the resources, the workload's name has
/// to be that of the service.
pub(super) fn is(
    spec: &Place<'_>,
    source: &IstioService,
    namespace: &str,
    world: &Surroundings,
    known: &Known<'_>,
    warnings: &mut Vec<Warning>,
) -> bool {
    let (workload, home) = (&world.source, world.own_namespace());
    let wanted = source.host(namespace, &world.cluster_domain);
    let name = NAMES.iter().find_map(|label| workload.labels.get(*label));
    let of_service = known.selects(&wanted, home, &workload.labels).or_else(|| {
        let name = name?;
        Some(full_name(name, home, &world.cluster_domain) == wanted)
    });
    if of_service.is_none() {
        let reason = format!(
            "never applies: neither the Service {wanted} is here nor has the caller a label {}",
            NAMES.join(", ")
        );
        warnings.push(spec.field("match").field("source").warn(reason));
    }
    let has_labels = source.labels.iter().all(|(name, value)| workload.labels.get(name) == Some(value));
    has_labels && of_service == Some(true)
}

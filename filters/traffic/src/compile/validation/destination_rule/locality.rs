//! What Istio refuses of preferences by locality (`pkg/config/validation/agent/validation.go`).

use crate::refusal::{Place, Refusal, Warning};
use crate::written::{LocalityFailover, LocalityLoadBalancing, ZoneAwareLoadBalancing};

/// The labels that say where an endpoint is.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

/// Istio: `ValidateLocalityLbSetting`.
pub(super) fn validate(
    place: &Place<'_>,
    setting: &LocalityLoadBalancing,
    can_fail_over: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    if !setting.distribute.is_empty() && !setting.failover.is_empty() {
        return Err(place.field("failover").refuse("cannot stand beside distribute"));
    }
    if !setting.failover.is_empty() {
        refuse_topology(place, &setting.failover_priority, "cannot stand beside failover")?;
    }
    let distribute = place.field("distribute");
    for (index, shares) in setting.distribute.iter().enumerate() {
        let place = distribute.index(index);
        let to = place.field("to");
        if let Some((locality, share)) = shares.to.iter().find(|(_, share)| !(1..=100).contains(*share)) {
            return Err(to.field(locality).refuse(format!("{share} is not from 1 to 100")));
        }
        let sum: u64 = shares.to.values().map(|share| u64::from(*share)).sum();
        if sum != 100 {
            return Err(to.refuse(format!("the shares add up to {sum}, not to 100")));
        }
        refuse_overlap(&to, shares.to.keys())?;
    }
    refuse_overlap(&distribute, setting.distribute.iter().map(|shares| &shares.from))?;
    validate_failover(place, &setting.failover, &setting.failover_priority, can_fail_over, warnings)
}

/// Istio: `ValidateZoneAwareLbSetting`.
pub(super) fn validate_zones(
    place: &Place<'_>,
    setting: &ZoneAwareLoadBalancing,
    can_fail_over: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    refuse_topology(place, &setting.failover_priority, "is preferred already")?;
    validate_failover(place, &setting.failover, &setting.failover_priority, can_fail_over, warnings)
}

fn refuse_topology(place: &Place<'_>, labels: &[String], reason: &str) -> Result<(), Refusal> {
    match labels.iter().enumerate().find(|(_, label)| TOPOLOGY.contains(&label.as_str())) {
        Some((index, label)) => {
            let place = place.field("failoverPriority");
            Err(place.index(index).refuse(format!("{label} {reason}")))
        }
        None => Ok(()),
    }
}

fn validate_failover(
    place: &Place<'_>,
    failover: &[LocalityFailover],
    priority: &[String],
    can_fail_over: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    let fails_over = !failover.is_empty() || !priority.is_empty();
    if fails_over && !can_fail_over {
        warnings.push(place.warn("has no effect on failover: there is no outlierDetection"));
    }
    let place = place.field("failover");
    for (index, LocalityFailover { from, to }) in failover.iter().enumerate() {
        let place = place.index(index);
        if from == to {
            return Err(place.refuse("from and to must be different regions"));
        }
        for (field, region) in [("from", from), ("to", to)] {
            if region.contains('/') || region.contains('*') {
                return Err(place.field(field).refuse(format!("{region} must be a region, without zone or wildcard")));
            }
        }
    }
    Ok(())
}

/// Refuses localities that are written wrongly, and one that lies in one before it (Istio: `validateLocalities`).
fn refuse_overlap<'l>(place: &Place<'_>, localities: impl Iterator<Item = &'l String>) -> Result<(), Refusal> {
    let mut seen: Vec<[&str; 3]> = Vec::new();
    for locality in localities {
        let stars = locality.matches('*').count();
        if stars > 1 || (stars == 1 && !locality.ends_with('*')) {
            return Err(place.refuse(format!("{locality} has a wildcard that does not end it")));
        }
        let mut parts = locality.splitn(3, '/');
        let [region, zone, subzone] = [parts.next(), parts.next(), parts.next()];
        if [region, zone, subzone].contains(&Some("")) {
            return Err(place.refuse(format!("{locality} is not region/zone/subzone")));
        }
        let covers = |[other_region, other_zone, other_subzone]: &[&str; 3]| match (zone, subzone) {
            _ if *other_region == "*" => true,
            _ if Some(*other_region) != region => false,
            (None, _) => true,
            (_, None) => *other_zone == "*" || Some(*other_zone) == zone,
            _ if *other_zone == "*" => true,
            _ => Some(*other_zone) == zone && (*other_subzone == "*" || Some(*other_subzone) == subzone),
        };
        if seen.iter().any(covers) {
            return Err(place.refuse(format!("{locality} overlaps with a locality before it")));
        }
        seen.push([region.unwrap_or("*"), zone.unwrap_or("*"), subzone.unwrap_or("*")]);
    }
    Ok(())
}

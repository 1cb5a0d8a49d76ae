//! What Istio refuses of a load balancer.

use super::locality;
use crate::compile::validation::names::one_of;
use crate::duration;
use crate::refusal::{Place, Refusal, Warning};
use crate::share::Share;
use crate::sorted::Sorted;
use crate::written::{ConsistentHash, HashCookie, LoadBalancer, Maglev, Warmup};

/// Envoy's names; `LEAST_CONN` is the older one of `LEAST_REQUEST`.
const SIMPLE: [&str; 6] = ["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"];

/// The size at which Envoy refuses a Maglev table.
const TOO_LARGE: u64 = 5_000_011;

/// Istio: `validateLoadBalancer`, and the `oneof`s of the API.
pub(super) fn validate(
    place: &Place<'_>,
    balancer: &LoadBalancer,
    can_fail_over: bool,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    if let Some(simple) = &balancer.simple {
        one_of(&place.field("simple"), simple, &SIMPLE)?;
    }
    let policies = [
        ("simple", balancer.simple.is_some()),
        ("consistentHash", balancer.consistent_hash.is_some()),
        ("backendUtilization", balancer.backend_utilization.is_some()),
    ];
    at_most_one(place, policies)?;
    if let Some(hash) = &balancer.consistent_hash {
        consistent_hash(&place.field("consistentHash"), hash)?;
    }
    let localities = [
        ("localityLbSetting", balancer.locality_lb_setting.is_some()),
        ("zoneAwareLbSetting", balancer.zone_aware_lb_setting.is_some()),
    ];
    at_most_one(place, localities)?;
    if let Some(setting) = &balancer.locality_lb_setting {
        locality::validate(&place.field("localityLbSetting"), setting, can_fail_over, warnings)?;
    }
    if let Some(setting) = &balancer.zone_aware_lb_setting {
        // The schema of the CRD.
        if setting.min_cluster_size == Some(0) {
            let place = place.field("zoneAwareLbSetting");
            return Err(place.field("minClusterSize").refuse("0 is less than 1"));
        }
        locality::validate_zones(&place.field("zoneAwareLbSetting"), setting, can_fail_over, warnings)?;
    }
    if let Some(text) = &balancer.warmup_duration_secs {
        duration::milliseconds(&place.field("warmupDurationSecs"), text)?;
    }
    match &balancer.warmup {
        Some(warmup) => validate_warmup(&place.field("warmup"), warmup),
        None => Ok(()),
    }
}

/// A `oneof` of the API, of which the JSON may name one field only.
fn at_most_one<const N: usize>(place: &Place<'_>, fields: [(&str, bool); N]) -> Result<(), Refusal> {
    let mut there = fields.into_iter().filter(|(_, is_there)| *is_there).map(|(field, _)| field);
    match (there.next(), there.next()) {
        (Some(first), Some(second)) => Err(place.field(second).refuse(format!("cannot stand beside {first}"))),
        _ => Ok(()),
    }
}

fn consistent_hash(place: &Place<'_>, hash: &ConsistentHash) -> Result<(), Refusal> {
    let keys = [
        ("httpHeaderName", hash.http_header_name.is_some()),
        ("httpCookie", hash.http_cookie.is_some()),
        ("useSourceIp", hash.use_source_ip.is_some()),
        ("httpQueryParameterName", hash.http_query_parameter_name.is_some()),
    ];
    at_most_one(place, keys)?;
    at_most_one(place, [("ringHash", hash.ring_hash.is_some()), ("maglev", hash.maglev.is_some())])?;
    if let Some(cookie) = &hash.http_cookie {
        validate_cookie(&place.field("httpCookie"), cookie)?;
    }
    let has_algorithm = hash.ring_hash.is_some() || hash.maglev.is_some();
    if has_algorithm && hash.minimum_ring_size.is_some_and(|size| size > 0) {
        return Err(place.field("minimumRingSize").refuse("cannot stand beside ringHash or maglev"));
    }
    match &hash.maglev {
        Some(maglev) => validate_maglev(&place.field("maglev").field("tableSize"), maglev),
        None => Ok(()),
    }
}

fn validate_cookie(place: &Place<'_>, cookie: &HashCookie) -> Result<(), Refusal> {
    if cookie.name.is_empty() {
        return Err(place.field("name").refuse("must not be empty"));
    }
    let mut names = Sorted::default();
    let attributes = place.field("attributes");
    for (index, attribute) in cookie.attributes.iter().enumerate() {
        let place = attributes.index(index);
        let place = place.field("name");
        if attribute.name.is_empty() {
            return Err(place.refuse("must not be empty"));
        }
        if names.insert(attribute.name.as_str(), ()).is_some() {
            return Err(place.refuse(format!("{} is defined twice", attribute.name)));
        }
    }
    match &cookie.ttl {
        // Zero is a cookie for the session.
        Some(ttl) => duration::read(&place.field("ttl"), ttl).map(|_| ()),
        None => Ok(()),
    }
}

fn validate_maglev(place: &Place<'_>, maglev: &Maglev) -> Result<(), Refusal> {
    let size = maglev.table_size;
    if size == 0 {
        return Err(place.refuse("must be greater than zero"));
    }
    if size >= TOO_LARGE {
        return Err(place.refuse(format!("{size} is not less than {TOO_LARGE}")));
    }
    if !is_prime(size) {
        return Err(place.refuse(format!("{size} is not a prime number")));
    }
    Ok(())
}

fn is_prime(number: u64) -> bool {
    number > 0 && (2..).take_while(|factor| factor * factor <= number).all(|factor| number % factor != 0)
}

fn validate_warmup(place: &Place<'_>, warmup: &Warmup) -> Result<(), Refusal> {
    let length = place.field("duration");
    duration::milliseconds(&length, warmup.duration.as_deref().ok_or_else(|| length.refuse("must not be empty"))?)?;
    if let Some(percent) = warmup.minimum_percent {
        Share::compile(&place.field("minimumPercent"), percent)?;
    }
    if warmup.aggression.is_some_and(|aggression| aggression <= 0.0) {
        return Err(place.field("aggression").refuse("must be greater than zero"));
    }
    Ok(())
}

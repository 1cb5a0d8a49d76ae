//! How an endpoint is chosen, as Istio's pilot translates it (`applyLoadBalancer`, `consistentHashToHashPolicy`).

use super::duration::duration;
use super::left::{leave_any, left as is_left};
use serde_json::{Value, json};
use serin_traffic::Refusal;
use serin_traffic::written::{ConsistentHash, LoadBalancer};

/// Writes how an endpoint is chosen into `cluster`; the key by which it is, if there is one, is for the routes. `left` gets
/// what only Istio does.
pub(crate) fn load_balancer(
    cluster: &mut Value,
    path: &str,
    balancer: &LoadBalancer,
    left: &mut Vec<Refusal>,
) -> Result<Option<Value>, Refusal> {
    left.extend(leave_any(
        path,
        [
            ("localityLbSetting", balancer.locality_lb_setting.is_some()),
            ("zoneAwareLbSetting", balancer.zone_aware_lb_setting.is_some()),
            ("backendUtilization", balancer.backend_utilization.is_some()),
            ("warmup", balancer.warmup.is_some()),
            ("warmupDurationSecs", balancer.warmup_duration_secs.is_some()),
        ],
    ));
    if let Some(simple) = &balancer.simple {
        cluster["lb_policy"] = match simple.as_str() {
            "LEAST_REQUEST" | "LEAST_CONN" | "UNSPECIFIED" => "LEAST_REQUEST".into(),
            "ROUND_ROBIN" | "RANDOM" => simple.as_str().into(),
            // It asks for the client's original destination, which only a redirected connection has.
            "PASSTHROUGH" => {
                left.push(is_left(&format!("{path}.simple")));
                return Ok(None);
            }
            other => {
                let reason = format!("{other} is not one of ROUND_ROBIN, LEAST_REQUEST, RANDOM, PASSTHROUGH");
                return Err(Refusal::new(format!("{path}.simple"), reason));
            }
        };
    }
    let Some(hash) = &balancer.consistent_hash else { return Ok(None) };
    let path = format!("{path}.consistentHash");
    ring(cluster, hash);
    key(&path, hash, left).map(Some)
}

/// Istio: `ApplyRingHashLoadBalancer`.
fn ring(cluster: &mut Value, hash: &ConsistentHash) {
    if let Some(maglev) = &hash.maglev {
        cluster["lb_policy"] = "MAGLEV".into();
        if let Some(size) = Some(maglev.table_size).filter(|size| *size > 0) {
            cluster["maglev_lb_config"] = json!({"table_size": size});
        }
        return;
    }
    cluster["lb_policy"] = "RING_HASH".into();
    let size = match &hash.ring_hash {
        Some(ring) => ring.minimum_ring_size,
        None => hash.minimum_ring_size.filter(|size| *size > 0).or(Some(1024)),
    };
    if let Some(size) = size.filter(|size| *size > 0) {
        cluster["ring_hash_lb_config"] = json!({"minimum_ring_size": size});
    }
}

/// Istio: `consistentHashToHashPolicy`.
fn key(path: &str, hash: &ConsistentHash, left: &mut Vec<Refusal>) -> Result<Value, Refusal> {
    if let Some(name) = &hash.http_header_name {
        return Ok(json!({"header": {"header_name": name}}));
    }
    if let Some(cookie) = &hash.http_cookie {
        let path = format!("{path}.httpCookie");
        left.extend(leave_any(&path, [("attributes", !cookie.attributes.is_empty())]));
        let mut key = json!({"name": cookie.name});
        if let Some(ttl) = &cookie.ttl {
            key["ttl"] = duration(&path, "ttl", ttl)?.into();
        }
        if let Some(issued_for) = &cookie.path {
            key["path"] = issued_for.as_str().into();
        }
        return Ok(json!({"cookie": key}));
    }
    if hash.use_source_ip == Some(true) {
        return Ok(json!({"connection_properties": {"source_ip": true}}));
    }
    if let Some(name) = &hash.http_query_parameter_name {
        return Ok(json!({"query_parameter": {"name": name}}));
    }
    let keys = "httpHeaderName, httpCookie, useSourceIp, httpQueryParameterName";
    Err(Refusal::new(path, format!("must have one of {keys}")))
}

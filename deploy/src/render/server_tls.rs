//! TLS from clients: the servers of Gateways that end it, as Istio's pilot translates them (`BuildListenerTLSContext`).

use super::options::Listen;
use super::secrets;
use crate::manifests::{Entry, Gateway, Mistake, Server, ServerTls, World};
use serde_json::{Value, json};
use std::path::Path;

/// Whether `server` can be served: one with TLS needs its certificate, unless nobody speaks TLS here.
pub(super) fn is_served(server: &Server, world: &World, listen: Listen) -> bool {
    match (&server.entry, listen) {
        (Entry::Tls(tls), Listen::OwnPort(_)) => certificate(tls, world).is_ok(),
        _ => true,
    }
}

/// What there is to say of servers with TLS.
pub(super) fn warnings(world: &World, listen: Listen) -> Vec<Mistake> {
    let servers = world.gateways.iter().flat_map(|gateway| gateway.servers.iter().map(move |server| (gateway, server)));
    let with_tls = servers.filter_map(|(gateway, server)| match &server.entry {
        Entry::Tls(tls) => Some((gateway, server, tls)),
        _ => None,
    });
    let told = with_tls.filter_map(|(gateway, server, tls): (&Gateway, &Server, _)| {
        let reason = match listen {
            Listen::AnyPort => "is served without TLS here; to rules its requests are https all the same".to_owned(),
            Listen::OwnPort(_) => {
                format!("port {} is left to Istio: {}", server.port, certificate(tls, world).err()?)
            }
        };
        Some(gateway.origin.mistake(format!("spec.servers[{}].tls: {reason}", server.index)))
    });
    told.collect()
}

/// The transport socket of `server`, if it has TLS and its certificate is here.
pub(super) fn transport_socket(server: &Server, world: &World) -> Option<Value> {
    let Entry::Tls(tls) = &server.entry else { return None };
    let certificate = certificate(tls, world).ok()?;
    let mut parameters = json!({});
    // Istio: nothing below TLS 1.2 unless somebody says so.
    parameters["tls_minimum_protocol_version"] =
        version(tls.min_protocol_version.as_deref()).unwrap_or("TLSv1_2").into();
    if let Some(latest) = version(tls.max_protocol_version.as_deref()) {
        parameters["tls_maximum_protocol_version"] = latest.into();
    }
    if let Some(suites) = tls.cipher_suites.as_ref().filter(|suites| !suites.is_empty()) {
        parameters["cipher_suites"] = json!(suites);
    }
    let mut common = json!({
        "tls_params": parameters,
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_certificates": [certificate],
    });
    let mode = tls.mode.as_deref().unwrap_or_default();
    let mut context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
    });
    if mode != "SIMPLE" {
        common["validation_context"] = validation(tls, world).ok()?;
        context["require_client_certificate"] = (mode == "MUTUAL").into();
    }
    context["common_tls_context"] = common;
    Some(json!({"name": "envoy.transport_sockets.tls", "typed_config": context}))
}

/// The server's certificate and key, and why there are none. Of a `MUTUAL` server those of clients are asked for, too.
fn certificate(tls: &ServerTls, world: &World) -> Result<Value, String> {
    if tls.mode.as_deref() != Some("SIMPLE") {
        validation(tls, world)?;
    }
    match (&tls.credential_name, &tls.server_certificate, &tls.private_key) {
        (Some(name), ..) => secrets::certificate(world, name)
            .ok_or_else(|| format!("the manifests have no Secret {name} with tls.crt and tls.key")),
        (None, Some(chain), Some(key)) => Ok(json!({"certificate_chain": here(chain)?, "private_key": here(key)?})),
        _ => Err("it names no certificate".to_owned()),
    }
}

/// What clients' certificates are held against.
fn validation(tls: &ServerTls, world: &World) -> Result<Value, String> {
    let authority = match (&tls.credential_name, &tls.ca_certificates) {
        (Some(name), _) => {
            secrets::authority(world, name).ok_or_else(|| format!("the manifests have no Secret {name} with ca.crt"))?
        }
        (None, Some(file)) => here(file)?,
        (None, None) => return Err("it names no certificates that clients' are signed with".to_owned()),
    };
    let mut validation = json!({"trusted_ca": authority});
    if let Some(names) = tls.subject_alt_names.as_ref().filter(|names| !names.is_empty()) {
        let name = |name: &String| ["DNS", "URI"].map(|kind| json!({"san_type": kind, "matcher": {"exact": name}}));
        validation["match_typed_subject_alt_names"] = names.iter().flat_map(name).collect();
    }
    Ok(validation)
}

fn here(file: &str) -> Result<Value, String> {
    if Path::new(file).is_file() { Ok(json!({"filename": file})) } else { Err(format!("{file} is not here")) }
}

fn version(written: Option<&str>) -> Option<&'static str> {
    match written {
        Some("TLSV1_0") => Some("TLSv1_0"),
        Some("TLSV1_1") => Some("TLSv1_1"),
        Some("TLSV1_2") => Some("TLSv1_2"),
        Some("TLSV1_3") => Some("TLSv1_3"),
        _ => None,
    }
}

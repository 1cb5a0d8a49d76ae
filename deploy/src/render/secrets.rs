//! Where certificates come from: Secrets among the manifests, and files.

use crate::manifests::{Held, Mistake, Origin, Secret, World};
use serde_json::{Value, json};
use serin_traffic::Refusal;
use std::path::Path;

/// The Secret that a Gateway or a DestinationRule calls `name`.
///
/// Istio looks for it in the namespace of the proxy's Pods, which the manifests do not tell.
fn secret<'a>(world: &'a World, name: &str) -> Option<&'a Secret> {
    let name = name.strip_prefix("kubernetes://").unwrap_or(name);
    let (namespace, name) = match name.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, name),
    };
    world
        .secrets
        .iter()
        .find(|secret| secret.name == name && namespace.is_none_or(|namespace| secret.namespace == namespace))
}

/// The certificate and the key of the Secret `name`, for Envoy (Istio: `ExtractCertInfo`).
pub(super) fn certificate(world: &World, name: &str) -> Option<Value> {
    let secret = secret(world, name)?;
    let part = |names: [&str; 2]| names.into_iter().find_map(|name| secret.get(name)).map(data_source);
    let (chain, key) = (part(["tls.crt", "cert"])?, part(["tls.key", "key"])?);
    Some(json!({"certificate_chain": chain, "private_key": key}))
}

/// The certificates that others' are held against, of the Secret `name` or its neighbour (Istio: `ExtractRoot`).
pub(super) fn authority(world: &World, name: &str) -> Option<Value> {
    let of = |name: &str| secret(world, name).and_then(|secret| secret.get("ca.crt").or_else(|| secret.get("cacert")));
    of(name).or_else(|| of(&format!("{name}-cacert"))).map(data_source)
}

/// What a Secret holds, for Envoy.
fn data_source(held: Held<'_>) -> Value {
    match held {
        Held::Base64(bytes) => json!({"inline_bytes": bytes}),
        Held::Text(text) => json!({"inline_string": text}),
    }
}

/// The file `name`, for Envoy. A missing file is only a warning: Envoy may run on another machine.
pub(super) fn file(name: &str, origin: &Origin, path: &str, warnings: &mut Vec<Mistake>) -> Value {
    if !Path::new(name).is_file() {
        let reason = format!("{name} is not there; Envoy does not start without it");
        warnings.push(origin.mistake(Refusal::new(path, reason)));
    }
    json!({"filename": name})
}

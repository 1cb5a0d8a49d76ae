//! TLS to upstreams, as Istio's pilot translates a DestinationRule's `tls` (`constructUpstreamTLS` in `cluster_tls.go`).

use super::http_options::http_options;
use super::left::left;
use super::secrets::{authority, certificate, file};
use crate::manifests::{Mistake, Origin, World};
use serde_json::{Value, json};
use serin_traffic::Refusal;
use serin_traffic::written::ClientTls;

/// Who is at the other end.
pub(crate) enum Peer<'a> {
    /// An echo server of ours, which speaks without TLS.
    Echo,
    /// Somebody else; Secrets are looked for in `world`.
    Real { world: &'a World },
}

/// The certificates that most Linux systems trust; Istio says `system`.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Makes `cluster` speak TLS as `tls` at `path` says.
pub(super) fn upstream_tls(
    cluster: &mut Value,
    origin: &Origin,
    path: &str,
    tls: &ClientTls,
    peer: &Peer<'_>,
    warnings: &mut Vec<Mistake>,
) -> Result<(), Mistake> {
    let mode = format!("{path}.mode");
    let mutual = match tls.mode.as_deref().unwrap_or("DISABLE") {
        "DISABLE" => return Ok(()),
        "ISTIO_MUTUAL" => {
            warnings.push(origin.mistake(left(path)));
            return Ok(());
        }
        "SIMPLE" => false,
        "MUTUAL" => true,
        other => {
            let reason = format!("{other} is not one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL");
            return Err(origin.mistake(Refusal::new(mode, reason)));
        }
    };
    let Peer::Real { world } = peer else {
        let reason = "is left out: the echo servers that answer here speak without TLS";
        warnings.push(origin.mistake(Refusal::new(path, reason)));
        return Ok(());
    };
    let certificates = Certificates { tls, world, origin, path };
    let names = &tls.subject_alt_names;
    let is_trusting = tls.insecure_skip_verify == Some(true);
    let mut common = json!({"tls_params": {
        "tls_minimum_protocol_version": "TLSv1_2",
        "tls_maximum_protocol_version": "TLSv1_3",
    }});
    if mutual && let Some(own) = certificates.own(warnings) {
        common["tls_certificates"] = json!([own]);
    }
    if !is_trusting {
        let mut validation = json!({"trusted_ca": certificates.trusted(warnings)});
        if !names.is_empty() {
            let name = |name: &String| {
                ["DNS", "URI", "IP_ADDRESS"].map(|kind| json!({"san_type": kind, "matcher": {"exact": name}}))
            };
            validation["match_typed_subject_alt_names"] = names.iter().flat_map(name).collect();
        }
        if let Some(revoked) = &tls.ca_crl {
            validation["crl"] = file(revoked, origin, &format!("{path}.caCrl"), warnings);
        }
        common["validation_context"] = validation;
    }
    let options = http_options(cluster);
    if !options["explicit_http_config"]["http2_protocol_options"].is_null() {
        common["alpn_protocols"] = json!(["h2"]);
    }
    // Istio: without a name of its own, a request's Host is the server's name, and must be in its certificate.
    let sni = tls.sni.as_deref().filter(|sni| !sni.is_empty());
    if sni.is_none() {
        options["upstream_http_protocol_options"] = json!({
            "auto_sni": true,
            "auto_san_validation": names.is_empty() && !is_trusting,
        });
    }
    let mut context = json!({
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
        "common_tls_context": common,
    });
    if let Some(sni) = sni {
        context["sni"] = sni.into();
    }
    cluster["transport_socket"] = json!({"name": "envoy.transport_sockets.tls", "typed_config": context});
    Ok(())
}

/// Where certificates are: in files, or in a Secret.
struct Certificates<'a> {
    tls: &'a ClientTls,
    world: &'a World,
    origin: &'a Origin,
    path: &'a str,
}

impl Certificates<'_> {
    /// The certificate with which this side says who it is.
    fn own(&self, warnings: &mut Vec<Mistake>) -> Option<Value> {
        if let Some(name) = &self.tls.credential_name {
            let found = certificate(self.world, name);
            if found.is_none() {
                self.miss(name, "no client certificate is shown", warnings);
            }
            return found;
        }
        let file_at = |field: &str, file_name: &Option<String>, warnings: &mut Vec<Mistake>| match file_name {
            Some(name) => Some(file(name, self.origin, &format!("{}.{field}", self.path), warnings)),
            None => {
                let refusal =
                    Refusal::new(format!("{}.{field}", self.path), "is missing: no client certificate is shown");
                warnings.push(self.origin.mistake(refusal));
                None
            }
        };
        let chain = file_at("clientCertificate", &self.tls.client_certificate, warnings);
        let key = file_at("privateKey", &self.tls.private_key, warnings);
        Some(json!({"certificate_chain": chain?, "private_key": key?}))
    }

    /// The certificates that the other side's must be signed with.
    fn trusted(&self, warnings: &mut Vec<Mistake>) -> Value {
        let system = || json!({"filename": SYSTEM});
        match (&self.tls.credential_name, &self.tls.ca_certificates) {
            (Some(name), _) => authority(self.world, name).unwrap_or_else(|| {
                self.miss(name, "the system's certificates are trusted", warnings);
                system()
            }),
            (None, Some(name)) if name != "system" => {
                file(name, self.origin, &format!("{}.caCertificates", self.path), warnings)
            }
            (None, _) => system(),
        }
    }

    fn miss(&self, name: &str, instead: &str, warnings: &mut Vec<Mistake>) {
        let reason = format!("the manifests have no Secret {name} with it: {instead}");
        warnings.push(self.origin.mistake(Refusal::new(format!("{}.credentialName", self.path), reason)));
    }
}

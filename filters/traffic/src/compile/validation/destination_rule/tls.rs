//! What Istio refuses of TLS to the endpoints.

use crate::compile::validation::names::one_of;
use crate::refusal::{Place, Refusal};
use crate::written::ClientTls;

/// Istio: `ValidateTLS`.
pub(super) fn validate(place: &Place<'_>, tls: &ClientTls) -> Result<(), Refusal> {
    let mode = tls.mode.as_deref().unwrap_or("DISABLE");
    one_of(&place.field("mode"), mode, &["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"])?;
    let has = |field: &Option<String>| field.as_deref().is_some_and(|text| !text.is_empty());
    let (certificate, key) = (has(&tls.client_certificate), has(&tls.private_key));
    let (authorities, revoked, secret) = (has(&tls.ca_certificates), has(&tls.ca_crl), has(&tls.credential_name));
    let names = !tls.subject_alt_names.is_empty();

    if tls.insecure_skip_verify == Some(true) {
        let verified = [
            ("caCertificates", authorities && matches!(mode, "SIMPLE" | "MUTUAL")),
            ("credentialName", secret && mode == "SIMPLE"),
            ("subjectAltNames", names && matches!(mode, "SIMPLE" | "MUTUAL")),
        ];
        if let Some((field, _)) = verified.into_iter().find(|(_, is_there)| *is_there) {
            return Err(place.field(field).refuse("has no effect: insecureSkipVerify is true"));
        }
    }
    if secret && matches!(mode, "SIMPLE" | "MUTUAL") {
        let files = [
            ("clientCertificate", certificate),
            ("caCertificates", authorities),
            ("privateKey", key),
            ("caCrl", revoked),
        ];
        return match files.into_iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => Err(place.field(field).refuse("cannot stand beside credentialName")),
            None => Ok(()),
        };
    }
    if mode == "MUTUAL" {
        for (field, is_there) in [("clientCertificate", certificate), ("privateKey", key)] {
            if !is_there {
                return Err(place.field(field).refuse("must not be empty where mode is MUTUAL"));
            }
        }
    }
    Ok(())
}

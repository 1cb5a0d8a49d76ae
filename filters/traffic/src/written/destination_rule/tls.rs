//! TLS to the endpoints, as people write it.

use crate::record;

/// TLS to the endpoints.
#[derive(Clone, Debug, Default)]
pub struct ClientTls {
    /// `DISABLE`, `SIMPLE`, `MUTUAL` or `ISTIO_MUTUAL`.
    pub mode: Option<String>,
    /// The file of the client's certificate.
    pub client_certificate: Option<String>,
    /// The file of the client's private key.
    pub private_key: Option<String>,
    /// The file of the authorities that are believed.
    pub ca_certificates: Option<String>,
    /// The Secret that has all of these.
    pub credential_name: Option<String>,
    /// The Secret that has the authorities.
    pub ca_cert_credential_name: Option<String>,
    /// Names of which the server's certificate must have one.
    pub subject_alt_names: Vec<String>,
    /// The server's name that is asked for.
    pub sni: Option<String>,
    /// Whether the server's certificate is not verified.
    pub insecure_skip_verify: Option<bool>,
    /// The file of the certificates that are revoked.
    pub ca_crl: Option<String>,
}

record! {
    ClientTls {
        mode, client_certificate, private_key, ca_certificates, credential_name, ca_cert_credential_name,
        subject_alt_names, sni, insecure_skip_verify, ca_crl,
    }
}

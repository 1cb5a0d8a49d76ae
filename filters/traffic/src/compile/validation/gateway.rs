//! What Istio's validation refuses of a Gateway (`pkg/config/validation/validation.go`, `ValidateGateway`).
//!
//! The filters read its hosts only. The rest is checked all the same: what Istio refuses must not pass here and fail in the
//! cluster.

use super::names::{is_dns_label, one_of};
use crate::names::host::mistake_in;
use crate::names::port::port_number;
use crate::refusal::{Place, Refusal, Warning};
use crate::sorted::Sorted;
use crate::written::{Gateway, Server, ServerPort, ServerTls};
use std::net::IpAddr;

/// The protocols that Istio knows for a server (`Parse` in `pkg/config/protocol/instance.go`), in lower case.
const PROTOCOLS: [&str; 12] =
    ["http", "http2", "https", "grpc", "grpc-web", "http_proxy", "tls", "tcp", "udp", "mongo", "redis", "mysql"];

const MODES: [&str; 6] = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"];

const VERSIONS: [&str; 5] = ["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"];

/// Before the path of a socket of Unix.
const UNIX: &str = "unix://";

/// Refuses what Istio refuses of the Gateway `name`; `resource` is its manifest.
pub(in crate::compile) fn validate_gateway(
    resource: &Place<'_>,
    name: &str,
    gateway: &Gateway,
    warnings: &mut Vec<Warning>,
) -> Result<(), Refusal> {
    if !name.is_empty() && !is_dns_label(name) {
        let metadata = resource.field("metadata");
        return Err(metadata
            .field("name")
            .refuse(format!("{name} is not a DNS label, as the name of a Gateway must be")));
    }
    let spec = resource.field("spec");
    let servers = spec.field("servers");
    if gateway.servers.is_empty() {
        return Err(servers.refuse("must not be empty"));
    }
    let mut names = Sorted::default();
    for (index, server) in gateway.servers.iter().enumerate() {
        let place = servers.index(index);
        validate_server(&place, server, warnings)?;
        if names.insert(server.port.name.as_str(), ()).is_some() {
            let port = place.field("port");
            return Err(port.field("name").refuse(format!("{} is defined twice", server.port.name)));
        }
    }
    Ok(())
}

/// Istio: `validateServer`.
fn validate_server(place: &Place<'_>, server: &Server, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
    let hosts = place.field("hosts");
    if server.hosts.is_empty() {
        return Err(hosts.refuse("must not be empty"));
    }
    for (index, host) in server.hosts.iter().enumerate() {
        if let Some(mistake) = mistake_in_host(host) {
            return Err(hosts.index(index).refuse(mistake));
        }
    }
    validate_port(&place.field("port"), &server.port, &server.bind)?;
    validate_bind(place, server)?;
    if let Some(tls) = &server.tls {
        validate_tls(&place.field("tls"), tls, warnings)?;
    }
    let protocol = server.port.protocol.as_str();
    let is_tls = protocol.eq_ignore_ascii_case("HTTPS") || protocol.eq_ignore_ascii_case("TLS");
    match &server.tls {
        None if is_tls => Err(place.field("tls").refuse(format!("must not be empty where the protocol is {protocol}"))),
        Some(_) if !is_tls && !server.port.is_plain_http() => {
            Err(place.field("tls").refuse(format!("cannot stand beside the protocol {protocol}")))
        }
        Some(tls) if !is_tls && !may_redirect(tls) => {
            Err(place.field("tls").refuse(format!("has only httpsRedirect where the protocol is {protocol}")))
        }
        Some(tls) if is_tls && tls.https_redirect == Some(true) => {
            warnings.push(place.field("tls").field("httpsRedirect").warn("has no effect: the protocol is not HTTP"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether `tls` is no more than a server without TLS may have.
fn may_redirect(tls: &ServerTls) -> bool {
    let files = [&tls.ca_certificates, &tls.private_key, &tls.server_certificate];
    tls.passes_through() && !files.into_iter().any(is_there)
}

fn is_there(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| !text.is_empty())
}

/// Istio: `ValidateNamespaceSlashWildcardHostname`.
fn mistake_in_host(host: &str) -> Option<String> {
    let name = match host.split_once('/') {
        Some((namespace, name)) => {
            if namespace != "*" && namespace != "." && !is_dns_label(namespace) {
                return Some(format!("{host} has no namespace before the `/`: a DNS label, `*` or `.`"));
            }
            name
        }
        None => host,
    };
    if name != "*" && !name.is_empty() && !name.contains('.') {
        return Some(format!("{host} is a short name: a Gateway has full ones"));
    }
    if name.contains('*') && name != "*" && !name.starts_with("*.") {
        return Some(format!("{host} has a wildcard that is a part of a label"));
    }
    mistake_in(name).filter(|_| name.parse::<IpAddr>().is_err())
}

/// Istio: `validateServerPort`.
fn validate_port(place: &Place<'_>, port: &ServerPort, bind: &str) -> Result<(), Refusal> {
    if !PROTOCOLS.iter().any(|protocol| port.protocol.eq_ignore_ascii_case(protocol)) {
        let known = PROTOCOLS.map(str::to_ascii_uppercase).join(", ");
        return Err(place.field("protocol").refuse(format!("`{}` is not one of {known}", port.protocol)));
    }
    if port.number > 0 || !bind.starts_with(UNIX) {
        port_number(&place.field("number"), port.number)?;
    }
    if port.target_port.is_some_and(|number| number > 0) {
        return Err(place.field("targetPort").refuse("has no effect in a Gateway"));
    }
    if port.name.is_empty() {
        return Err(place.field("name").refuse("must not be empty"));
    }
    Ok(())
}

/// Istio: `validateServerBind`.
fn validate_bind(place: &Place<'_>, server: &Server) -> Result<(), Refusal> {
    let bind = place.field("bind");
    let Some(path) = server.bind.strip_prefix(UNIX) else {
        let is_address = server.bind.is_empty() || server.bind.parse::<IpAddr>().is_ok();
        let mistake = || bind.refuse(format!("{} is not an IP address", server.bind));
        return if is_address { Ok(()) } else { Err(mistake()) };
    };
    if !path.starts_with('@') && (!path.starts_with('/') || path.ends_with('/')) {
        return Err(bind.refuse(format!("`{path}` is not the absolute path of a socket")));
    }
    if server.port.number != 0 {
        let port = place.field("port");
        return Err(port.field("number").refuse("must be 0 for a Unix socket"));
    }
    Ok(())
}

/// Istio: `validateTLSOptions`.
fn validate_tls(place: &Place<'_>, tls: &ServerTls, warnings: &mut Vec<Warning>) -> Result<(), Refusal> {
    let mode = tls.mode.as_deref().unwrap_or("PASSTHROUGH");
    one_of(&place.field("mode"), mode, &MODES)?;
    let versions =
        [("minProtocolVersion", &tls.min_protocol_version), ("maxProtocolVersion", &tls.max_protocol_version)];
    for (field, version) in versions {
        if let Some(version) = version {
            one_of(&place.field(field), version, &VERSIONS)?;
        }
    }
    let sources = [
        ("serverCertificate", is_there(&tls.server_certificate)),
        ("privateKey", is_there(&tls.private_key)),
        ("caCertificates", is_there(&tls.ca_certificates)),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
        ("credentialName", is_there(&tls.credential_name)),
        ("credentialNames", !tls.credential_names.is_empty()),
    ];
    if mode == "ISTIO_MUTUAL" {
        return match sources.into_iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => {
                Err(place.field(field).refuse("cannot stand beside the mode ISTIO_MUTUAL, which has the mesh's"))
            }
            None => Ok(()),
        };
    }
    if tls.passes_through() {
        let unused = sources.into_iter().chain([("caCrl", is_there(&tls.ca_crl))]).find(|(_, is_there)| *is_there);
        if let Some((field, _)) = unused {
            warnings.push(place.field(field).warn(format!("has no effect: in mode {mode}, TLS does not end here")));
        }
    }
    refuse_second_source(place, tls)?;
    if matches!(mode, "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL") {
        if is_there(&tls.credential_name) || !tls.credential_names.is_empty() {
            return Ok(());
        }
        if mode != "SIMPLE" && !is_there(&tls.ca_certificates) {
            return Err(place.field("caCertificates").refuse(format!("must not be empty where mode is {mode}")));
        }
        validate_files(place, tls, mode)?;
    }
    if is_there(&tls.ca_crl) {
        let place = place.field("caCrl");
        if is_there(&tls.credential_name) {
            return Err(place.refuse("cannot stand beside credentialName: the Secret has it"));
        }
        if mode == "SIMPLE" {
            return Err(place.refuse("cannot stand beside the mode SIMPLE: clients have no certificates"));
        }
    }
    Ok(())
}

/// The server's certificate comes from one place.
fn refuse_second_source(place: &Place<'_>, tls: &ServerTls) -> Result<(), Refusal> {
    let sources = [
        ("serverCertificate", is_there(&tls.server_certificate) && is_there(&tls.private_key)),
        ("credentialName", is_there(&tls.credential_name)),
        ("credentialNames", !tls.credential_names.is_empty()),
        ("tlsCertificates", !tls.tls_certificates.is_empty()),
    ];
    let mut there = sources.into_iter().filter(|(_, is_there)| *is_there).map(|(field, _)| field);
    match (there.next(), there.next()) {
        (Some(first), Some(second)) => Err(place.field(second).refuse(format!("cannot stand beside {first}"))),
        _ => Ok(()),
    }
}

/// Each certificate that TLS ends with here is in a file, and so is its key.
fn validate_files(place: &Place<'_>, tls: &ServerTls, mode: &str) -> Result<(), Refusal> {
    let both = |place: &Place<'_>, certificate: &Option<String>, key: &Option<String>| {
        let missing =
            [("serverCertificate", certificate), ("privateKey", key)].into_iter().find(|(_, file)| !is_there(file));
        match missing {
            Some((field, _)) => Err(place.field(field).refuse(format!("must not be empty where mode is {mode}"))),
            None => Ok(()),
        }
    };
    if tls.tls_certificates.is_empty() {
        return both(place, &tls.server_certificate, &tls.private_key);
    }
    let place = place.field("tlsCertificates");
    for (index, certificate) in tls.tls_certificates.iter().enumerate() {
        both(&place.index(index), &certificate.server_certificate, &certificate.private_key)?;
    }
    Ok(())
}

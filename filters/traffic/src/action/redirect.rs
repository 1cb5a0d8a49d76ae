//! Answers that a rule gives in the upstream's stead: Istio's `HTTPRedirect` and `HTTPDirectResponse`, compiled.

use super::rewrite::replace_prefix;
use crate::changes::Reply;
use crate::refusal::{Place, Refusal};
use crate::request::Headers;
use crate::written;
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::borrow::Cow;

/// The status codes that Istio's redirect knows (`ApplyRedirect`).
const REDIRECT_CODES: [u32; 5] = [301, 302, 303, 307, 308];

/// Istio's bound on the body of a direct response (`validateHTTPDirectResponse`), which it raises Envoy's to
/// (`DefaultMaxDirectResponseBodySizeBytes`).
const LONGEST_BODY: usize = 1 << 20;

/// Base64 as Go's `encoding/json` has it, by which Istio reads it: padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// An answer that sends the client elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redirect {
    status: u16,
    scheme: Option<String>,
    authority: Option<String>,
    port: Option<RedirectPort>,
    path: Option<RedirectPath>,
}

#[derive(Clone, Copy, Debug)]
enum RedirectPort {
    Number(u16),
    /// That of the listener that the request came in on.
    OfRequest,
}

#[derive(Clone, Debug)]
enum RedirectPath {
    /// The whole path; the request's query follows unless this has one of its own.
    Whole(String),
    /// What stands in for the prefix that matched.
    Prefix(String),
}

impl Redirect {
    /// Compiles what was written; `listener_port` stands in for the port of the request where the configuration says it.
    pub(crate) fn compile(
        place: &Place<'_>,
        written: &written::Redirect,
        listener_port: Option<u16>,
    ) -> Result<Self, Refusal> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let path = match (given(&written.uri), given(&written.prefix_rewrite)) {
            (Some(_), Some(_)) => return Err(place.refuse("has both uri and prefixRewrite")),
            (Some(uri), None) => Some(RedirectPath::Whole(uri)),
            (None, Some(prefix)) => Some(RedirectPath::Prefix(prefix)),
            (None, None) => None,
        };
        let scheme = given(&written.scheme).map(|scheme| scheme.to_ascii_lowercase());
        if let Some(scheme) = scheme.as_deref().filter(|scheme| !matches!(*scheme, "http" | "https")) {
            return Err(place.field("scheme").refuse(format!("{scheme} is neither http nor https")));
        }
        let port = match (written.port, written.derive_port.as_deref()) {
            (Some(_), Some(_)) => return Err(place.refuse("has both port and derivePort")),
            // Envoy's `port_redirect: 0` is none.
            (Some(0), None) => None,
            (Some(port), None) => {
                Some(RedirectPort::Number(crate::names::port::port_number(&place.field("port"), port)?))
            }
            (None, Some("FROM_REQUEST_PORT")) => {
                Some(listener_port.map_or(RedirectPort::OfRequest, RedirectPort::Number))
            }
            (None, Some("FROM_PROTOCOL_DEFAULT") | None) => None,
            (None, Some(other)) => {
                let known = "FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT";
                return Err(place.field("derivePort").refuse(format!("{other} is not one of {known}")));
            }
        };
        let authority = given(&written.authority);
        if path.is_none()
            && scheme.is_none()
            && authority.is_none()
            && written.port.is_none()
            && written.derive_port.is_none()
        {
            return Err(place.refuse("must have uri, authority, scheme or port"));
        }
        let status = match written.redirect_code.unwrap_or(0) {
            0 => 301,
            code => REDIRECT_CODES.contains(&code).then(|| u16::try_from(code).ok()).flatten().ok_or_else(|| {
                place.field("redirectCode").refuse(format!("{code} is not one of 301, 302, 303, 307, 308"))
            })?,
        };
        Ok(Self { status, scheme, authority, port, path })
    }

    /// The port in the location. Istio leaves out one that the scheme has anyway; where the redirect says no scheme, that is
    /// the scheme of the listener (`ApplyRedirect`), and so of its requests.
    fn port(&self, of_request: Option<u16>, scheme: &[u8]) -> Option<u16> {
        let port = match self.port? {
            RedirectPort::Number(port) => port,
            RedirectPort::OfRequest => of_request?,
        };
        let default_port = if scheme.eq_ignore_ascii_case(b"https") { 443 } else { 80 };
        (port != default_port).then_some(port)
    }

    /// The answer to a request that came in on the listener's `port` and whose match had a prefix of that length
    /// (Envoy, `Http::Utility::newUri`).
    pub(crate) fn reply(&self, request: &Headers, port: Option<u16>, matched_prefix: Option<usize>) -> Reply {
        let own_scheme = request.first(":scheme").unwrap_or(b"http");
        let scheme = self.scheme.as_deref().map_or(own_scheme, str::as_bytes);
        let port = self.port(port, scheme);
        let target = request.first(":path").unwrap_or_default();
        let mut location = Vec::with_capacity(target.len() + 64);
        location.extend_from_slice(scheme);
        location.extend_from_slice(b"://");
        match &self.authority {
            Some(authority) => location.extend_from_slice(authority.as_bytes()),
            None => location.extend_from_slice(own_authority(request, scheme, port.is_some())),
        }
        if let Some(port) = port {
            location.extend_from_slice(format!(":{port}").as_bytes());
        }
        let path = self.target(target, matched_prefix);
        // What does not begin with a slash would be a part of the host.
        if !path.starts_with(b"/") {
            location.push(b'/');
        }
        location.extend_from_slice(&path);
        Reply {
            status: self.status,
            headers: vec![("location".to_owned(), location)],
            details: "serin_redirect",
            ..Reply::default()
        }
    }

    /// Path and query of the location.
    fn target<'r>(&self, target: &'r [u8], matched_prefix: Option<usize>) -> Cow<'r, [u8]> {
        match &self.path {
            None => Cow::Borrowed(target),
            Some(RedirectPath::Prefix(prefix)) => replace_prefix(target, prefix, matched_prefix).into(),
            Some(RedirectPath::Whole(path)) => {
                let query = target.iter().position(|byte| *byte == b'?').and_then(|at| target.get(at..));
                let query = query.filter(|_| !path.contains('?')).unwrap_or_default();
                [path.as_bytes(), query].concat().into()
            }
        }
    }
}

/// The request's authority, without its port where another takes its place, or where it is the default of a scheme
/// that is being changed.
fn own_authority<'r>(request: &'r Headers, scheme: &[u8], has_other_port: bool) -> &'r [u8] {
    let authority = request.first(":authority").unwrap_or_default();
    let colon = if authority.starts_with(b"[") {
        authority.windows(2).rposition(|two| two == b"]:").map(|at| at + 1)
    } else {
        authority.iter().rposition(|byte| *byte == b':')
    };
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else {
        return authority;
    };
    let came_by = request.first("x-forwarded-proto").unwrap_or(scheme);
    let default_port = (came_by == b"http" && port == b":80") || (came_by == b"https" && port == b":443");
    if has_other_port || (scheme != came_by && default_port) { host } else { authority }
}

/// An answer of fixed status and body.
#[derive(Clone, Debug)]
pub(crate) struct DirectResponse {
    status: u16,
    body: Vec<u8>,
}

impl DirectResponse {
    pub(crate) fn compile(place: &Place<'_>, written: &written::DirectResponse) -> Result<Self, Refusal> {
        // Istio, `validateHTTPDirectResponse`, and Envoy's bound on status codes.
        let status =
            u16::try_from(written.status).ok().filter(|status| (200..600).contains(status)).ok_or_else(|| {
                place.field("status").refuse(format!("{} is not a status code from 200 to 599", written.status))
            })?;
        let place = place.field("body");
        let body = match written.body.as_ref().map(|body| (&body.string, &body.bytes)) {
            None | Some((None, None)) => Vec::new(),
            Some((Some(text), None)) => text.clone().into_bytes(),
            Some((None, Some(text))) => {
                BASE64.decode(text).map_err(|error| place.field("bytes").refuse(format!("is not base64: {error}")))?
            }
            Some((Some(_), Some(_))) => return Err(place.refuse("has both string and bytes")),
        };
        if body.len() > LONGEST_BODY {
            return Err(place.refuse(format!("{} bytes are more than {LONGEST_BODY}", body.len())));
        }
        Ok(Self { status, body })
    }

    /// The answer; one that sends the client somewhere sends it to where it was (Envoy, `Router::Filter`, which asks every
    /// direct response for `newUri`).
    pub(crate) fn reply(&self, request: &Headers) -> Reply {
        let reply = Reply { body: self.body.clone(), details: "serin_direct_response", ..Reply::default() };
        let headers = match self.status {
            201 | 300..=399 => Redirect::default().reply(request, None, None).headers,
            _ => Vec::new(),
        };
        Reply { status: self.status, headers, ..reply }
    }
}

//! One place where a key is read.

use super::jwt::Payload;
use super::names::{baggage_key, claim_name, cookie_name, header_name, parameter_name};
use super::{IssuedCookie, cookie, member};
use crate::refusal::{Place, Refusal};
use crate::request::Request;
use crate::written::Key;
use std::borrow::Cow;
use std::fmt;

/// A place where a key is read. As text it says which: `header:end-user`, `jwtClaim:x-jwt-payload:sub`, `sourceIp`.
#[derive(Clone, Debug)]
pub struct KeySource(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Header(String),
    Cookie(String),
    QueryParam(String),
    Baggage(String),
    SourceIp,
    JwtClaim { header: String, claim: String },
    IssueCookie(IssuedCookie),
}

impl KeySource {
    pub(super) fn compile(place: &Place<'_>, written: &Key) -> Result<Self, Refusal> {
        only_field(place, written)?;
        let Key { header, cookie, query_param, baggage, source_ip: _, jwt_claim, issue_cookie } = written;
        Ok(Self(if let Some(name) = header {
            Kind::Header(header_name(&place.field("header"), name)?)
        } else if let Some(name) = cookie {
            Kind::Cookie(cookie_name(&place.field("cookie"), name)?)
        } else if let Some(name) = query_param {
            Kind::QueryParam(parameter_name(&place.field("queryParam"), name)?)
        } else if let Some(name) = baggage {
            Kind::Baggage(baggage_key(&place.field("baggage"), name)?)
        } else if let Some(claim) = jwt_claim {
            let place = place.field("jwtClaim");
            let header = header_name(&place.field("header"), &claim.header)?;
            Kind::JwtClaim { header, claim: claim_name(&place.field("claim"), &claim.claim)? }
        } else if let Some(cookie) = issue_cookie {
            Kind::IssueCookie(IssuedCookie::compile(&place.field("issueCookie"), cookie)?)
        } else {
            Kind::SourceIp
        }))
    }

    /// The key that `request` has here, if it has one; an empty one is none.
    pub(super) fn read<'q>(&self, request: &'q impl Request) -> Option<Cow<'q, [u8]>> {
        let headers = request.headers();
        let key = match &self.0 {
            Kind::Header(name) => headers.first(name).map(Cow::from),
            Kind::Cookie(name) => cookie(headers, name).map(Cow::from),
            Kind::IssueCookie(issued) => cookie(headers, issued.name()).map(Cow::from),
            Kind::QueryParam(name) => headers.query_parameter(name).map(Cow::from),
            Kind::Baggage(key) => member(headers, key),
            // A client of an IPv4 address is the same one behind a socket that speaks IPv6.
            Kind::SourceIp => {
                request.source_address().map(|address| address.to_canonical().to_string().into_bytes().into())
            }
            Kind::JwtClaim { header, claim } => Payload::read(headers, header)
                .and_then(|payload| payload.claim(claim).into_iter().next())
                .map(Cow::from),
        };
        key.filter(|key| !key.is_empty())
    }

    /// The cookie that is given to whom it finds without.
    pub(super) fn issued(&self) -> Option<&IssuedCookie> {
        match &self.0 {
            Kind::IssueCookie(issued) => Some(issued),
            _ => None,
        }
    }
}

fn only_field(place: &Place<'_>, written: &Key) -> Result<(), Refusal> {
    let fields = [
        ("header", written.header.is_some()),
        ("cookie", written.cookie.is_some()),
        ("queryParam", written.query_param.is_some()),
        ("baggage", written.baggage.is_some()),
        ("sourceIp", written.source_ip.is_some()),
        ("jwtClaim", written.jwt_claim.is_some()),
        ("issueCookie", written.issue_cookie.is_some()),
    ];
    let there: Vec<&str> = fields.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    match there.as_slice() {
        [_] => Ok(()),
        [] => Err(place.refuse(format!("must have one of {}", fields.map(|(name, _)| name).join(", ")))),
        several => Err(place.refuse(format!("has {}: each needs an entry of its own", several.join(" and ")))),
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Header(name) => write!(f, "header:{name}"),
            Kind::Cookie(name) => write!(f, "cookie:{name}"),
            Kind::QueryParam(name) => write!(f, "queryParam:{name}"),
            Kind::Baggage(key) => write!(f, "baggage:{key}"),
            Kind::SourceIp => f.write_str("sourceIp"),
            Kind::JwtClaim { header, claim } => write!(f, "jwtClaim:{header}:{claim}"),
            Kind::IssueCookie(issued) => write!(f, "issueCookie:{}", issued.name()),
        }
    }
}

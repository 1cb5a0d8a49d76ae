//! Conditions on the claims of a JWT.

use super::{NamedText, named_texts};
use crate::key::{Payload, claim_name, header_name};
use crate::matching::{Part, TextCondition};
use crate::refusal::{Place, Refusal};
use crate::request::Headers;
use crate::written::{JwtMatch, RegexEncoding};

/// Conditions on the claims of the JWT of which a header holds the payload, all of which must hold.
#[derive(Clone, Debug)]
pub(super) struct ClaimConditions {
    header: String,
    claims: Vec<NamedText>,
}

impl ClaimConditions {
    pub(super) fn compile(place: &Place<'_>, written: &JwtMatch, encoding: RegexEncoding) -> Result<Self, Refusal> {
        let header = header_name(&place.field("header"), &written.header)?;
        let claims = place.field("claims");
        if written.claims.is_empty() {
            return Err(claims.refuse("must not be empty"));
        }
        Ok(Self { header, claims: named_texts(&claims, &written.claims, claim_name, encoding)? })
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = (Part<'_>, &TextCondition)> {
        self.claims.iter().map(|claim| (Part::Payload { header: &self.header, claim: &claim.name }, &claim.text))
    }

    /// Of a list one item is enough, as where Istio matches claims (`@request.auth.claims`).
    pub(super) fn hold(&self, headers: &Headers) -> bool {
        let Some(payload) = Payload::read(headers, &self.header) else {
            return false;
        };
        self.claims.iter().all(|claim| payload.claim(&claim.name).iter().any(|value| claim.text.holds(value)))
    }
}

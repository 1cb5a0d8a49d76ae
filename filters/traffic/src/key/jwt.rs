//! Claims of a JWT of which a header holds the payload (RFC 7519).

use crate::request::Headers;
use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Longer payloads are not read: it is the client who says how long they are.
const LONGEST: usize = 64 * 1024;

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);

/// The payload of a JWT: JSON, if all is well. Nobody has verified it here.
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// The payload that the first header called `name` holds, alone or within its token; `None` if it holds none.
    ///
    /// It is in base64url, as Envoy's `jwt_authn` (`forward_payload_header`, padded or not) and Istio
    /// (`outputPayloadToHeader`) write it; the standard alphabet is read as well.
    pub(crate) fn read(headers: &Headers, name: &str) -> Option<Self> {
        let encoded = payload_of(without_scheme(headers.first(name)?.trim_ascii()))?;
        if encoded.len() > LONGEST.div_ceil(3) * 4 {
            return None;
        }
        let standard = encoded.iter().any(|byte| matches!(byte, b'+' | b'/'));
        let payload = if standard { STANDARD.decode(encoded) } else { URL_SAFE.decode(encoded) };
        payload.ok().filter(|payload| payload.len() <= LONGEST).map(Self)
    }

    /// The values of the claim called `name`, names below names with dots between: several if it is a list.
    ///
    /// A name may have dots itself, as `https://example.com/group` has: where there is a choice, the longest name counts.
    /// Texts are read; numbers, `true` and `false` are taken as they are written; nothing else is a value.
    pub(crate) fn claim(&self, name: &str) -> Vec<Vec<u8>> {
        // Read as a text, as all JSON is here: the reader of bytes would be another 6 KB.
        let document = std::str::from_utf8(&self.0).ok().and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
        let Some(claim) = document.and_then(|document| find(document, name)) else {
            return Vec::new();
        };
        match serde_json::from_str::<Vec<&RawValue>>(claim.get()) {
            Ok(list) => list.into_iter().filter_map(plain).collect(),
            Err(_) => plain(claim).into_iter().collect(),
        }
    }
}

fn without_scheme(value: &[u8]) -> &[u8] {
    const SCHEME: usize = "Bearer ".len();
    match value.get(..SCHEME) {
        Some(scheme) if scheme.eq_ignore_ascii_case(b"bearer ") => value.get(SCHEME..).unwrap_or_default().trim_ascii(),
        _ => value,
    }
}

/// The middle of a token's three parts; what has no dots is the payload itself. An encrypted token has five.
fn payload_of(token: &[u8]) -> Option<&[u8]> {
    let mut parts = token.split(|byte| *byte == b'.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (payload, None, _, _) => payload,
        (_, payload, Some(_), None) => payload,
        _ => None,
    }
}

/// The value at `name` below `object`.
fn find<'a>(object: &'a RawValue, name: &str) -> Option<&'a RawValue> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object.get()).ok()?;
    let mut ends = std::iter::once(name.len()).chain(name.rmatch_indices('.').map(|(dot, _)| dot));
    ends.find_map(|end| {
        let (first, rest) = name.split_at_checked(end)?;
        let field = fields.get(first).copied()?;
        rest.strip_prefix('.').map_or(Some(field), |rest| find(field, rest))
    })
}

/// The text of a value that is no list.
fn plain(value: &RawValue) -> Option<Vec<u8>> {
    let written = value.get();
    match written.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(written).ok().map(String::into_bytes),
        b'{' | b'[' | b'n' => None,
        _ => Some(written.as_bytes().to_vec()),
    }
}

#[cfg(test)]
mod tests;

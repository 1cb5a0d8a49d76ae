//! Names that a policy may give to what it reads.

use crate::names::token::{self, AUTHORITY};
use crate::refusal::{Place, Refusal};

/// The pseudo headers that say something of who asks or for what.
const PSEUDO_HEADERS: [&str; 3] = [AUTHORITY, ":path", ":method"];

/// A header's name in lower case; `host` is another name for `:authority`, as in Envoy.
pub(crate) fn header_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    refuse_empty(place, name)?;
    let lower = token::header(name);
    if lower.starts_with(':') && !PSEUDO_HEADERS.contains(&lower.as_str()) {
        return Err(place.refuse(format!("`{name}` is none of {}", PSEUDO_HEADERS.join(", "))));
    }
    if !lower.starts_with(':') && !token::is_token(name) {
        return Err(place.refuse(format!("`{name}` is not the name of a header")));
    }
    Ok(lower)
}

/// The name of a cookie (RFC 6265, section 4.1.1).
pub(crate) fn cookie_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    token_at(place, name, "is not the name of a cookie")
}

/// The key of a member of `baggage` (W3C Baggage, section 3.2.1.1).
pub(crate) fn baggage_key(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    token_at(place, name, "is not the key of a member of baggage")
}

/// The name of a parameter of the query, as it stands there.
pub(super) fn parameter_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    refuse_empty(place, name)?;
    if name.contains(['&', '=', '#']) {
        return Err(
            place.refuse(format!("`{name}` is not the name of a parameter: it would end before the `&`, `=` or `#`"))
        );
    }
    Ok(name.to_owned())
}

/// How deep a claim may lie: what an evil payload costs is bounded by it.
const DEEPEST: usize = 16;

/// The name of a claim, names below names with dots between.
pub(crate) fn claim_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    refuse_empty(place, name)?;
    if name.split('.').count() > DEEPEST {
        return Err(place.refuse(format!("more than {DEEPEST} names with dots between")));
    }
    Ok(name.to_owned())
}

fn token_at(place: &Place<'_>, name: &str, reason: &str) -> Result<String, Refusal> {
    refuse_empty(place, name)?;
    if token::is_token(name) { Ok(name.to_owned()) } else { Err(place.refuse(format!("`{name}` {reason}"))) }
}

fn refuse_empty(place: &Place<'_>, name: &str) -> Result<(), Refusal> {
    if name.is_empty() { Err(place.refuse("must not be empty")) } else { Ok(()) }
}

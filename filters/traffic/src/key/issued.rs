//! A cookie that the filter gives to clients that have no key yet.

use super::cookies::pair;
use super::names::cookie_name;
use crate::refusal::{Place, Refusal};
use crate::written::{IssueCookie, SameSite};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;

/// As long as browsers keep a cookie (RFC 6265bis, section 5.5).
const LONGEST_TTL: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// A cookie that answers set for clients whose requests have no key; from then on its value is their key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCookie {
    name: String,
    /// In seconds; without one the client keeps it as long as it runs.
    max_age: Option<u64>,
    path: String,
    same_site: SameSite,
}

impl IssuedCookie {
    pub(super) fn compile(place: &Place<'_>, written: &IssueCookie) -> Result<Self, Refusal> {
        Ok(Self {
            name: cookie_name(&place.field("name"), &written.name)?,
            max_age: written.ttl.as_deref().map(|ttl| max_age(&place.field("ttl"), ttl)).transpose()?,
            path: path(&place.field("path"), written.path.as_deref().unwrap_or("/"))?,
            same_site: written.same_site.unwrap_or_default(),
        })
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value that 128 random bits give: base64url without padding, 22 characters.
    pub fn value(&self, random: [u64; 2]) -> String {
        URL_SAFE_NO_PAD.encode(random.map(u64::to_be_bytes).as_flattened())
    }

    /// The value of the `set-cookie` header that gives the cookie this value; `secure` says whether the request came
    /// over https.
    ///
    /// Without https a cookie for all sites (`SameSite=None`) is sent as `Lax`: browsers refuse it unless it is `Secure`,
    /// which it cannot be then.
    pub fn set_cookie(&self, value: &str, secure: bool) -> String {
        let Self { name, path, .. } = self;
        let max_age = self.max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let same_site = match self.same_site {
            SameSite::Strict => "Strict",
            SameSite::None if secure => "None",
            SameSite::Lax | SameSite::None => "Lax",
        };
        let secure = if secure { "; Secure" } else { "" };
        format!("{name}={value}; Path={path}{max_age}; HttpOnly; SameSite={same_site}{secure}")
    }

    /// Whether an answer with this `set-cookie` header sets the cookie already: then it is left alone.
    pub fn is_set_by(&self, set_cookie: &[u8]) -> bool {
        let first = set_cookie.split(|byte| *byte == b';').next().and_then(pair);
        first.is_some_and(|(name, _)| name == self.name.as_bytes())
    }
}

fn max_age(place: &Place<'_>, ttl: &str) -> Result<u64, Refusal> {
    let duration = crate::duration::positive(place, ttl)?;
    if duration.subsec_nanos() != 0 {
        return Err(place.refuse(format!("{ttl} is not a number of whole seconds")));
    }
    if duration > LONGEST_TTL {
        return Err(place.refuse(format!("{ttl} is more than 9600h: browsers keep no cookie for more than 400 days")));
    }
    Ok(duration.as_secs())
}

fn path(place: &Place<'_>, path: &str) -> Result<String, Refusal> {
    if !path.starts_with('/') {
        return Err(place.refuse(format!("`{path}` does not begin with /")));
    }
    if !path.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b';') {
        return Err(place.refuse(format!("{path:?} has a character that is not allowed in the path of a cookie")));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::cookie;
    use crate::request::Headers;
    use crate::wasm_test::test;
    use crate::written::read;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn compile(written: Value) -> Result<IssuedCookie, String> {
        let written: IssueCookie = read("issueCookie", written).unwrap();
        IssuedCookie::compile(&Place::root("issueCookie"), &written).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_cookie_is_set_as_it_was_written() {
        let cookie = compile(json!({"name": "serin", "ttl": "24h", "path": "/"})).unwrap();
        assert_eq!(cookie.set_cookie("v", false), "serin=v; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax");
        assert_eq!(cookie.set_cookie("v", true), "serin=v; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax; Secure");
        let cookie = compile(json!({"name": "s", "path": "/shop", "sameSite": "Strict"})).unwrap();
        assert_eq!(cookie.set_cookie("v", true), "s=v; Path=/shop; HttpOnly; SameSite=Strict; Secure");
        let cookie = compile(json!({"name": "s"})).unwrap();
        assert_eq!(cookie.set_cookie("v", false), "s=v; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_for_all_sites_is_one_over_https_only() {
        let cookie = compile(json!({"name": "s", "sameSite": "None"})).unwrap();
        assert_eq!(cookie.set_cookie("v", true), "s=v; Path=/; HttpOnly; SameSite=None; Secure");
        assert_eq!(cookie.set_cookie("v", false), "s=v; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_value_has_all_of_the_128_bits() {
        let cookie = compile(json!({"name": "s"})).unwrap();
        assert_eq!(cookie.value([0, 0]), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(cookie.value([0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0eff]), "AAECAwQFBgcICQoLDA0O_w");
        assert_eq!(cookie.value([u64::MAX, u64::MAX]), "_____________________w");
    }

    #[test]
    fn an_answer_that_sets_the_cookie_is_recognised() {
        let cookie = compile(json!({"name": "serin"})).unwrap();
        for set in ["serin=x", "serin=; Max-Age=0", " serin = x; Path=/"] {
            assert!(cookie.is_set_by(set.as_bytes()), "{set}");
        }
        for other in ["", "serin", "Serin=x", "serina=x", "a=b; serin=x", "a=serin=x"] {
            assert!(!cookie.is_set_by(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn cookies_that_cannot_be_are_refused() {
        let refusal = |field: &str, value: &str| {
            let mut written = json!({"name": "serin"});
            written[field] = value.into();
            compile(written).unwrap_err().strip_prefix(&format!("issueCookie.{field}: ")).unwrap().to_owned()
        };
        assert_eq!(refusal("name", ""), "must not be empty");
        assert_eq!(refusal("name", "a;b"), "`a;b` is not the name of a cookie");
        assert_eq!(refusal("ttl", "1d"), "`1d` is not a duration such as 90s or 1h30m");
        assert_eq!(refusal("ttl", "0s"), "must be greater than zero");
        assert_eq!(refusal("ttl", "1.5s"), "1.5s is not a number of whole seconds");
        assert_eq!(
            refusal("ttl", "9600h1s"),
            "9600h1s is more than 9600h: browsers keep no cookie for more than 400 days"
        );
        assert_eq!(refusal("path", ""), "`` does not begin with /");
        assert_eq!(refusal("path", "shop"), "`shop` does not begin with /");
        for path in ["/a;b", "/a\r\nb", "/é"] {
            let reason = format!("{path:?} has a character that is not allowed in the path of a cookie");
            assert_eq!(refusal("path", path), reason);
        }
        assert!(compile(json!({"name": "s", "ttl": "9600h"})).is_ok());
    }

    proptest! {
        #[test]
        fn a_value_always_comes_back_as_it_was_given(random: [u64; 2], secure: bool) {
            let issued = compile(json!({"name": "serin", "ttl": "1h"})).unwrap();
            let value = issued.value(random);
            prop_assert_eq!(value.len(), 22);
            let set = issued.set_cookie(&value, secure);
            prop_assert!(issued.is_set_by(set.as_bytes()));
            let mut headers = Headers::default();
            headers.push(b"cookie", set.split(';').next().unwrap().as_bytes());
            prop_assert_eq!(cookie(&headers, "serin"), Some(value.as_bytes()));
        }

        #[test]
        fn two_values_are_one_only_if_their_bits_are(one: [u64; 2], other: [u64; 2]) {
            let issued = compile(json!({"name": "serin"})).unwrap();
            prop_assert_eq!(issued.value(one) == issued.value(other), one == other);
        }
    }
}

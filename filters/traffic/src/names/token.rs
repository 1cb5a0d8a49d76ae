//! Names of headers, and others that are tokens.

/// The header that Envoy has a request's host in.
pub(crate) const AUTHORITY: &str = ":authority";

/// Whether `name` is a token (RFC 9110, section 5.6.2): the name of a header, of a cookie, of a method.
pub(crate) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A header's name in lower case; `host` is another name for `:authority`, as in Envoy.
pub(crate) fn header(name: &str) -> String {
    if name.eq_ignore_ascii_case("host") { AUTHORITY.to_owned() } else { name.to_ascii_lowercase() }
}

/// Whether `name` is that of the header that a request's host is in (Istio, `isAuthorityHeader`).
pub(crate) fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(AUTHORITY) || name.eq_ignore_ascii_case("host")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn host_is_the_authority() {
        assert_eq!(
            ["Host", "host", ":Authority", "X-Host"].map(header),
            [":authority", ":authority", ":authority", "x-host"]
        );
        assert_eq!(["Host", ":Authority", "x-host", ":path"].map(is_authority), [true, true, false, false]);
    }

    #[test]
    fn a_token_has_no_separators() {
        assert_eq!(["x-a", "a~b", "", "a b", "a:b", "é"].map(is_token), [true, true, false, false, false, false]);
    }
}

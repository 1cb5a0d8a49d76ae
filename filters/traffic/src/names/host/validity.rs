//! Which names can be hosts; as Istio has it in `pkg/config/validation/agent/validation.go` and `pkg/config/labels`.

use super::{is_address, without_root};

/// The longest name.
pub(crate) const LONGEST: usize = 255;

/// The longest label.
const LONGEST_LABEL: usize = 63;

/// Why `host` cannot be a domain with or without a wildcard, if it cannot (Istio, `ValidateWildcardDomain`).
///
/// A wildcard begins the first label: `*`, `*.example`, `*-canary.example`, `*shop.example`. The last of several labels is
/// no number, and may be empty.
pub(crate) fn mistake_in(host: &str) -> Option<String> {
    if host.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if host.len() > LONGEST {
        return Some(format!("{} characters are more than {LONGEST}", host.len()));
    }
    let (first, rest) = host.split_once('.').map_or((host, None), |(first, rest)| (first, Some(rest)));
    let wrong = |label: &str| Some(format!("{host} is not a host name: the label `{label}` is not one of RFC 1123"));
    let without = first.strip_prefix("*-").or_else(|| first.strip_prefix('*')).unwrap_or(first);
    if first.len() > LONGEST_LABEL || !(first == "*" || is_label(without)) {
        return wrong(first);
    }
    let rest = rest?;
    let last = rest.rsplit('.').next().unwrap_or_default();
    if last.parse::<i64>().is_ok() {
        return Some(format!("{host} is not a host name: its last label is a number"));
    }
    let rest = without_root(rest);
    let labels = rest.split('.').filter(|_| !rest.is_empty());
    labels.into_iter().find(|label| !is_label(label)).and_then(wrong)
}

/// Why `host` cannot be one of a VirtualService's hosts, if it cannot (Istio, `ValidateVirtualService`): it may also be
/// an address.
pub(crate) fn mistake_in_virtual_host(host: &str) -> Option<String> {
    mistake_in(host).filter(|_| !is_address(host))
}

/// Why `host` cannot be a destination, if it cannot (Istio, `validateDestination`): the wildcard host of a ServiceEntry can,
/// an address and `*` cannot.
pub(crate) fn mistake_in_destination(host: &str) -> Option<String> {
    match host {
        "*" => Some("* is not a destination".to_owned()),
        host if is_address(host) => Some(format!("{host} is an address: a destination is the name of a host")),
        host => mistake_in(host),
    }
}

/// Letters, digits, and hyphens within (Istio, `IsDNS1123Label`).
fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LONGEST_LABEL
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    /// The table of `TestValidateWildcardDomain` in Istio's `pkg/config/validation/agent/validation_test.go`, and more.
    #[test]
    fn a_domain_may_begin_with_a_wildcard() {
        let long = format!("{}.example", "a".repeat(64));
        let longest = vec!["a".repeat(63); 4].join(".");
        for (host, valid) in [
            ("", false),
            ("*", true),
            ("foo.bar.com", true),
            ("*.foo.com", true),
            ("*foo.com", true),
            ("*-foo.com", true),
            ("*-canary", true),
            ("*1", true),
            ("foo.*.com", false),
            ("foo*.com", false),
            ("*foo*.com", false),
            ("**.com", false),
            ("*--a.com", false),
            ("*-.com", false),
            ("*a-.com", false),
            ("-foo.com", false),
            ("foo-.com", false),
            ("foo_bar.com", false),
            ("foo..com", false),
            (".", false),
            (".com", false),
            ("foo.", true),
            ("foo.com.", true),
            ("foo.com..", false),
            ("*.", true),
            ("123", true),
            ("foo.123", false),
            ("1.2.3.4", false),
            ("1.2.3.4.", true),
            ("fd00::1", false),
            ("UPPER.Example", true),
            ("caf\u{e9}.example", false),
            (long.as_str(), false),
            (longest.as_str(), true),
        ] {
            assert_eq!(mistake_in(host).is_none(), valid, "{host}");
        }
        assert_eq!(mistake_in(&format!("a.{longest}")), Some("257 characters are more than 255".to_owned()));
    }

    #[test]
    fn an_address_is_a_virtual_host_and_no_destination() {
        for address in ["10.0.0.1", "fd00::1", "::1", "fe80::1%eth0"] {
            assert_eq!(mistake_in_virtual_host(address), None, "{address}");
            assert!(mistake_in_destination(address).is_some(), "{address}");
        }
        for host in ["10.0.0.256", "fd00:::1", "[fd00::1]", "fe80::1%", "10.0.0.1%eth0", "10.0.0.1:80"] {
            assert!(mistake_in_virtual_host(host).is_some(), "{host}");
        }
    }

    #[test]
    fn a_wildcard_is_a_destination_unless_it_is_alone() {
        assert_eq!(mistake_in_destination("*.eu.bookinfo.com"), None);
        assert_eq!(mistake_in_destination("*-eu.bookinfo.com"), None);
        assert_eq!(mistake_in_destination("*"), Some("* is not a destination".to_owned()));
        assert!(mistake_in_destination("reviews.*").is_some());
    }
}

//! Hosts that stand for many: names with a wildcard in front.

/// Whether `pattern`, a name or one with `*` in front, covers the name or pattern `host`
/// (Istio, `Name.SubsetOf` in `pkg/config/host/name.go`; compared by case, as there).
///
/// ```
/// use serin_traffic::names::host::covers;
///
/// assert!(covers("*.example", "a.b.example") && covers("*.example", "*.b.example") && covers("*", "*.example"));
/// assert!(!covers("*.example", "example") && !covers("a.example", "*.example"));
/// ```
pub fn covers(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix('*'), host.strip_prefix('*')) {
        (Some(suffix), Some(rest)) => rest.ends_with(suffix),
        (Some(suffix), None) => host.ends_with(suffix),
        (None, Some(_)) => false,
        (None, None) => pattern == host,
    }
}

/// Whether some host is covered by both (Istio, `Name.Matches`).
pub fn overlap(one: &str, other: &str) -> bool {
    covers(one, other) || covers(other, one)
}

/// What both lists cover: of two that overlap the narrower one, each once, in the order of `these`
/// (Istio, `Names.Intersection` in `pkg/config/host/names.go`).
///
/// ```
/// use serin_traffic::names::host::intersection;
///
/// assert_eq!(intersection(&["a.example", "*.test"], &["*.example", "b.test"]), ["a.example", "b.test"]);
/// ```
pub fn intersection<'a>(these: &[&'a str], those: &[&'a str]) -> Vec<&'a str> {
    let mut narrower = Vec::new();
    for this in these {
        for that in those {
            let found = if covers(that, this) {
                this
            } else if covers(this, that) {
                that
            } else {
                continue;
            };
            if !narrower.contains(found) {
                narrower.push(*found);
            }
        }
    }
    narrower
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    /// The table of `TestNameMatches` in Istio's `pkg/config/host/name_test.go`.
    #[test]
    fn two_names_overlap_as_istios_do() {
        for (one, other, overlaps) in [
            ("foo.com", "foo.com", true),
            ("foo.com", "bar.com", false),
            ("foo.com", "*.com", true),
            ("foo.com", "*.foo.com", false),
            ("foo.com", "*.bar.com", false),
            ("*", "*", true),
            ("*", "foo.com", true),
            ("*", "*.com", true),
            ("*.com", "*.foo.com", true),
            ("*.foo.com", "foo.com", false),
            ("*.foo.com", "*.bar.com", false),
            ("*foo.com", "barfoo.com", true),
            ("*-canary.example", "*.example", true),
        ] {
            assert_eq!((overlap(one, other), overlap(other, one)), (overlaps, overlaps), "{one} {other}");
        }
    }

    /// Cases of `TestNamesIntersection` in Istio's `pkg/config/host/names_test.go`.
    #[test]
    fn of_two_lists_the_narrower_names_are_common() {
        assert_eq!(intersection(&["foo,com"], &["bar.com"]), [""; 0]);
        assert_eq!(intersection(&["foo.com", "bar.com"], &["bar.com"]), ["bar.com"]);
        assert_eq!(intersection(&["foo.com", "bar.com"], &["*.com"]), ["foo.com", "bar.com"]);
        assert_eq!(intersection(&["*.com"], &["foo.com", "bar.com"]), ["foo.com", "bar.com"]);
        assert_eq!(intersection(&["foo.com", "*.net"], &["*.com", "bar.net"]), ["foo.com", "bar.net"]);
        assert_eq!(intersection(&["foo.com", "*.net"], &["*.bar.net"]), ["*.bar.net"]);
        assert_eq!(intersection(&["*"], &["*"]), ["*"]);
        assert_eq!(intersection(&["a.b", "a.b"], &["*", "a.b"]), ["a.b"]);
    }
}

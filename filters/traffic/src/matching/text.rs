//! A condition on a piece of text: Istio's `StringMatch`, compiled.

use crate::refusal::{Place, Refusal};
use crate::written::{RegexEncoding, StringMatch};
use serin_re2::{LONGEST, Regex, Rewrite};

/// A condition on the bytes of a value.
#[derive(Clone, Debug)]
pub(crate) enum TextCondition {
    /// The value is there; what it is does not matter.
    Present,
    /// The value is this.
    Exact(Vec<u8>),
    /// The value begins with this.
    Prefix(Vec<u8>),
    /// The expression matches the whole value.
    Regex(Regex),
}

impl TextCondition {
    /// Compiles what was written at `place`; with nothing written, the value has only to be there.
    pub(crate) fn compile(place: &Place<'_>, written: &StringMatch, encoding: RegexEncoding) -> Result<Self, Refusal> {
        match (&written.exact, &written.prefix, &written.regex) {
            (None, None, None) => Ok(Self::Present),
            (Some(exact), None, None) => Ok(Self::Exact(exact.as_bytes().to_vec())),
            (None, Some(prefix), None) => Ok(Self::Prefix(prefix.as_bytes().to_vec())),
            (None, None, Some(regex)) => Ok(Self::Regex(compile_regex(&place.field("regex"), regex, encoding)?)),
            _ => Err(place.refuse("has more than one of exact, prefix and regex")),
        }
    }

    /// Whether `value` meets the condition.
    pub(crate) fn holds(&self, value: &[u8]) -> bool {
        match self {
            Self::Present => true,
            Self::Exact(exact) => value == exact,
            Self::Prefix(prefix) => value.starts_with(prefix),
            Self::Regex(regex) => regex.is_full_match(value),
        }
    }

    /// Whether `value` meets the condition when upper and lower case are one; a regex still tells them apart
    /// (Istio, `HTTPMatchRequest.ignoreUriCase`: "only applicable for exact and prefix").
    pub(crate) fn holds_in_any_case(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(exact) => value.eq_ignore_ascii_case(exact),
            Self::Prefix(prefix) => value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)),
            Self::Present | Self::Regex(_) => self.holds(value),
        }
    }
}

/// Compiles `pattern`, which is to match whole values.
fn compile_regex(place: &Place<'_>, pattern: &str, encoding: RegexEncoding) -> Result<Regex, Refusal> {
    if pattern.is_empty() {
        return Err(place.refuse("must not be empty"));
    }
    // Istio's bound, too (`validateStringMatchRegexp`); the pattern is too long to be quoted.
    if pattern.len() > LONGEST {
        return Err(place.refuse(format!("{} characters are more than {LONGEST}", pattern.len())));
    }
    Regex::compile(pattern, encoding).map_err(|reason| place.refuse(format!("`{pattern}`: {reason}")))
}

/// Compiles `pattern`, and `rewrite` to put in the place of its matches, which were written at `place`.
pub(crate) fn compile_replacement(
    place: &Place<'_>,
    pattern: &str,
    rewrite: &str,
    encoding: RegexEncoding,
) -> Result<Rewrite, Refusal> {
    let regex = compile_regex(&place.field("match"), pattern, encoding)?;
    Rewrite::compile(&regex, rewrite).map_err(|reason| place.field("rewrite").refuse(format!("`{rewrite}`: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn regex(pattern: &str) -> Result<TextCondition, String> {
        let written = StringMatch { regex: Some(pattern.to_owned()), ..StringMatch::default() };
        TextCondition::compile(&Place::root("match"), &written, RegexEncoding::default())
            .map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_regex_matches_the_whole_value() {
        let either = regex("a|ab").unwrap();
        assert!(either.holds(b"a") && either.holds(b"ab"));
        assert!(!either.holds(b"abc") && !either.holds(b"xa"));
    }

    #[test]
    fn a_dot_matches_every_byte_but_a_line_feed() {
        let any = regex(".*").unwrap();
        assert!(any.holds(b"") && any.holds("é".as_bytes()) && any.holds(b"\xe9"));
        assert!(!any.holds(b"a\nb"));
    }

    #[test]
    fn a_regex_that_would_blow_up_is_refused() {
        let large = format!("({}){{1000}}", "ab".repeat(100));
        assert_eq!(
            regex(&large).unwrap_err(),
            format!("match.regex: `{large}`: needs more than 1048576 bytes when compiled")
        );
        assert_eq!(regex(&"a".repeat(1025)).unwrap_err(), "match.regex: 1025 characters are more than 1024");
    }

    #[test]
    fn what_re2_does_not_have_is_refused() {
        assert!(regex("(?=a)b").unwrap_err().contains("look-around"));
        assert!(regex(r"(a)\1").unwrap_err().contains("backreferences"));
        assert_eq!(regex("a(").unwrap_err(), "match.regex: `a(`: missing closing ): (");
    }

    #[test]
    fn case_is_looked_away_from_in_exact_and_prefix_only() {
        let exact = TextCondition::Exact(b"/Cart".to_vec());
        assert!(!exact.holds(b"/cart") && exact.holds_in_any_case(b"/cart"));
        let prefix = TextCondition::Prefix(b"/Cart".to_vec());
        assert!(prefix.holds_in_any_case(b"/cart/7") && !prefix.holds_in_any_case(b"/car"));
        assert!(!regex("/Cart").unwrap().holds_in_any_case(b"/cart"));
    }

    #[test]
    fn two_ways_of_comparing_at_once_are_refused() {
        let written = StringMatch { exact: Some("a".into()), prefix: Some("a".into()), regex: None };
        let refusal = TextCondition::compile(&Place::root("uri"), &written, RegexEncoding::default()).unwrap_err();
        assert_eq!(refusal.to_string(), "uri: has more than one of exact, prefix and regex");
    }
}

//! Rewriting path and authority: Istio's `HTTPRewrite`, compiled.

use crate::refusal::{Place, Refusal};
use crate::written::{self, RegexEncoding};

/// How path and authority are rewritten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rewrite {
    pub(crate) path: Option<PathRewrite>,
    pub(crate) authority: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) enum PathRewrite {
    /// What stands in for the prefix that matched, or for the whole path.
    Prefix(String),
    /// What stands in for a pattern wherever it matches.
    Pattern(serin_re2::Rewrite),
}

impl Rewrite {
    pub(crate) fn compile(
        place: &Place<'_>,
        written: &written::Rewrite,
        encoding: RegexEncoding,
    ) -> Result<Self, Refusal> {
        let uri = written.uri.clone().filter(|uri| !uri.is_empty());
        let authority = written.authority.clone().filter(|authority| !authority.is_empty());
        let path = match (&written.uri_regex_rewrite, uri) {
            (Some(_), Some(_)) => return Err(place.refuse("has both uri and uriRegexRewrite")),
            (Some(written), None) => {
                let place = place.field("uriRegexRewrite");
                let rewrite =
                    crate::matching::compile_replacement(&place, &written.pattern, &written.rewrite, encoding)?;
                Some(PathRewrite::Pattern(rewrite))
            }
            (None, uri) => uri.map(PathRewrite::Prefix),
        };
        if path.is_none() && authority.is_none() {
            return Err(place.refuse("must have uri, uriRegexRewrite or authority"));
        }
        Ok(Self { path, authority })
    }

    /// The target (path and query) that stands in for `target`. It need not begin with a slash; a path that a pattern leaves
    /// nothing of stays as it is (Envoy, `RouteEntryImplBase::finalizePathHeader`).
    pub(crate) fn target(&self, target: &[u8], matched_prefix: Option<usize>) -> Option<Vec<u8>> {
        match self.path.as_ref()? {
            PathRewrite::Prefix(prefix) => Some(replace_prefix(target, prefix, matched_prefix)),
            PathRewrite::Pattern(rewrite) => {
                let (path, query) = split_target(target);
                let mut rewritten = rewrite.replace_all(path);
                if rewritten.is_empty() {
                    return None;
                }
                rewritten.extend_from_slice(query);
                Some(rewritten)
            }
        }
    }
}

/// `target` with `prefix` in the place of the prefix that matched; of the whole path if the match was none of a prefix.
/// The query stays (Envoy, `RouteEntryImplBase::finalizePathHeader`).
pub(crate) fn replace_prefix(target: &[u8], prefix: &str, matched_prefix: Option<usize>) -> Vec<u8> {
    let (path, query) = split_target(target);
    let behind = path.get(matched_prefix.unwrap_or(path.len())..).unwrap_or_default();
    [prefix.as_bytes(), behind, query].concat()
}

/// Path and query, the latter with its question mark.
fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    target.split_at_checked(end).unwrap_or((target, b""))
}

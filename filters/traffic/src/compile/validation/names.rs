//! Names that Istio's validation looks at: labels, headers, gateways, namespaces.

use crate::names::host::without_root;
use crate::names::token::is_token;
use crate::refusal::{Place, Refusal};
use crate::sorted::Sorted;
use std::collections::BTreeMap;

/// The longest label of RFC 1123, and the longest name of a label of Kubernetes.
const LONGEST_LABEL: usize = 63;

/// The longest domain before the name of a label of Kubernetes.
const LONGEST_LABEL_DOMAIN: usize = 253;

/// Istio: `labels.IsDNS1123Label`, which takes upper case too.
pub(super) fn is_dns_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.len() <= LONGEST_LABEL && is_bounded(text, inner)
}

/// Whether `text` is not empty, consists of `inner`, and begins and ends with a letter or a digit.
fn is_bounded(text: &str, inner: impl Fn(u8) -> bool) -> bool {
    let ends = [text.bytes().next(), text.bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric())) && text.bytes().all(inner)
}

/// Istio: `ValidateFQDN`.
pub(super) fn mistake_in_fqdn(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("must not be empty".to_owned());
    }
    if name.len() > 255 {
        return Some(format!("{} characters are more than 255", name.len()));
    }
    let labels = without_root(name);
    if name.rsplit('.').next().is_some_and(is_number) {
        return Some(format!("{name} is not a DNS name: its last label is a number"));
    }
    let bad = labels.split('.').find(|label| !is_dns_label(label))?;
    Some(format!("{name} is not a DNS name: the label `{bad}` is not one of RFC 1123"))
}

/// Whether Go's `strconv.Atoi` takes `text`.
fn is_number(text: &str) -> bool {
    text.parse::<i64>().is_ok()
}

/// Istio: `validateSubsetName`, `sourceNamespace` in `validateHTTPRouteMatchRequest`.
pub(super) fn validate_dns_label(place: &Place<'_>, text: &str) -> Result<(), Refusal> {
    if is_dns_label(text) {
        return Ok(());
    }
    if text.is_empty() {
        return Err(place.refuse("must not be empty"));
    }
    Err(place.refuse(format!("{text} is not a DNS label: letters, digits and -, at most {LONGEST_LABEL}")))
}

/// Istio: `labels.Instance.Validate`.
pub(super) fn validate_labels(place: &Place<'_>, labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    for (key, value) in labels {
        let place = place.field(key);
        if !is_label_key(key) {
            return Err(place.refuse(format!("`{key}` is not the name of a label")));
        }
        if !value.is_empty() && !is_qualified_name(value) {
            return Err(place.refuse(format!("`{value}` is not the value of a label")));
        }
    }
    Ok(())
}

/// Istio: `validateTagKey`.
fn is_label_key(key: &str) -> bool {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    let is_domain = |domain: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        domain.len() <= LONGEST_LABEL_DOMAIN && domain.split('.').all(|label| is_bounded(label, inner))
    };
    domain.is_none_or(is_domain) && name.len() <= LONGEST_LABEL && is_qualified_name(name)
}

fn is_qualified_name(text: &str) -> bool {
    is_bounded(text, |byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Istio: `validateGatewayNames`, which looks no further behind the first name without a namespace. `./name`, which its
/// webhook refuses and its `resolveGatewayName` reads, is taken.
pub(super) fn validate_gateway_names(place: &Place<'_>, names: &[String]) -> Result<(), Refusal> {
    for (index, written) in names.iter().enumerate() {
        let place = place.index(index);
        let Some((namespace, name)) = written.split_once('/') else {
            return mistake_in_fqdn(written).map_or(Ok(()), |mistake| Err(place.refuse(mistake)));
        };
        if (namespace != "." && !is_dns_label(namespace)) || !is_dns_label(name) {
            return Err(place.refuse(format!("{written} is not the name of a gateway: name, or namespace/name")));
        }
    }
    Ok(())
}

/// Istio: `validateExportTo`, `visibility.Instance.Validate`.
pub(super) fn validate_export_to(place: &Place<'_>, names: &[String], namespace: &str) -> Result<(), Refusal> {
    let mut seen = Sorted::default();
    for (index, written) in names.iter().enumerate() {
        let place = place.index(index);
        let name = if written == "." { namespace } else { written.as_str() };
        if name != "*" && !is_dns_label(name) {
            return Err(place.refuse(format!("{written} is neither `.`, `*` nor a namespace")));
        }
        if seen.insert(name, ()).is_some() {
            return Err(place.refuse(format!("{written} is defined twice")));
        }
    }
    if seen.has("*") && names.len() > 1 {
        return Err(place.refuse("`*` is all namespaces: no other can be named with it"));
    }
    Ok(())
}

/// Whether Istio takes `name` for a header's where it looks at it (`validHeaderNameRegex`): the `+-.` in that expression is
/// a range with the comma in it, so that a list of names in one text passes, too.
pub(super) fn may_be_header_names(name: &str) -> bool {
    is_token(&name.replace(',', "."))
}

/// A value of an enumeration of the CRD's.
pub(super) fn one_of(place: &Place<'_>, value: &str, values: &[&str]) -> Result<(), Refusal> {
    if values.contains(&value) {
        return Ok(());
    }
    Err(place.refuse(format!("`{value}` is not one of {}", values.join(", "))))
}

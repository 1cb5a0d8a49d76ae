//! Delegates: VirtualServices without hosts, whose rules stand in for a rule of another
//! (Istio, `mergeHTTPRoutes` in `pilot/pkg/model/virtualservice.go`).

use super::Surroundings;
use crate::refusal::{Place, Warning};
use crate::sorted::Sorted;
use crate::visibility::seen_from;
use crate::written::{Delegate, HttpMatch, HttpRoute, Manifest, Spec, StringMatch, VirtualService};
use std::borrow::Cow;

/// A rule as it is to be compiled: where it was written, and in which namespace its short host names are good.
pub(super) struct WrittenRule<'a> {
    pub(super) place: String,
    pub(super) namespace: &'a str,
    pub(super) route: Cow<'a, HttpRoute>,
}

/// The manifests that a rule may delegate to.
pub(super) struct Delegates<'a> {
    pub(super) manifests: &'a [Manifest],
    pub(super) world: &'a Surroundings,
}

impl<'a> Delegates<'a> {
    /// The rules of the VirtualService `written` in `namespace`, with those of its delegates in their places.
    pub(super) fn rules_of(
        &self,
        http: &Place<'_>,
        written: &'a VirtualService,
        namespace: &'a str,
        warnings: &mut Vec<Warning>,
    ) -> Vec<WrittenRule<'a>> {
        let mut rules = Vec::with_capacity(written.http.len());
        for (index, route) in written.http.iter().enumerate() {
            let place = http.index(index);
            match &route.delegate {
                None => rules.push(WrittenRule { place: place.to_string(), namespace, route: Cow::Borrowed(route) }),
                Some(delegate) => self.merge(&place, route, delegate, namespace, &mut rules, warnings),
            }
        }
        rules
    }

    /// Whether a rule delegates to `manifest`, which is why it has no hosts of its own.
    pub(super) fn expect(&self, manifest: &Manifest) -> bool {
        let theirs = (self.world.namespace_of(manifest), manifest.metadata.name.as_str());
        self.manifests.iter().any(|other| match &other.spec {
            Spec::VirtualService(written) => {
                written.http.iter().filter_map(|route| route.delegate.as_ref()).any(|delegate| {
                    let namespace = delegate.namespace.as_deref().filter(|namespace| !namespace.is_empty());
                    let namespace = namespace.unwrap_or_else(|| self.world.namespace_of(other));
                    theirs == (namespace, delegate.name.as_deref().unwrap_or_default())
                })
            }
            _ => false,
        })
    }

    fn merge(
        &self,
        place: &Place<'_>,
        root: &HttpRoute,
        delegate: &Delegate,
        namespace: &'a str,
        rules: &mut Vec<WrittenRule<'a>>,
        warnings: &mut Vec<Warning>,
    ) {
        let here = place.field("delegate");
        let name = delegate.name.as_deref().unwrap_or_default();
        let wanted = delegate.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(namespace);
        let Some((resource, manifest, written)) = self.find(wanted, name) else {
            warnings.push(here.warn(format!("no VirtualService {wanted}/{name} is here: the rule never applies")));
            return;
        };
        if !written.hosts.is_empty() {
            let reason = format!("{wanted}/{name} has hosts, so it is no delegate: the rule never applies");
            warnings.push(here.warn(reason));
            return;
        }
        if seen_from(wanted, &written.export_to, namespace).is_none() {
            warnings.push(here.warn(format!("{wanted}/{name} is not exported to {namespace}: the rule never applies")));
            return;
        }
        for (index, route) in written.http.iter().enumerate() {
            let path = format!("resources[{resource}].spec.http[{index}]");
            match merged(root, route) {
                Some(route) => rules.push(WrittenRule {
                    place: path,
                    namespace: self.world.namespace_of(manifest),
                    route: Cow::Owned(route),
                }),
                None => {
                    let reason = "never applies: none of its matches is part of one of the rule that delegates to it";
                    warnings.push(Place::root(&path).warn(reason));
                }
            }
        }
    }

    fn find(&self, namespace: &str, name: &str) -> Option<(usize, &'a Manifest, &'a VirtualService)> {
        self.manifests.iter().enumerate().find_map(|(index, manifest)| match &manifest.spec {
            Spec::VirtualService(written)
                if manifest.metadata.name == name && self.world.namespace_of(manifest) == namespace =>
            {
                Some((index, manifest, written.as_ref()))
            }
            _ => None,
        })
    }
}

/// The rule that stands for both: the delegate's, with what it leaves open taken from the root; `None` if they conflict.
#[inline(never)]
fn merged(root: &HttpRoute, delegate: &HttpRoute) -> Option<HttpRoute> {
    let mut merged = delegate.clone();
    merged.name = joined_name(root.name.as_deref(), delegate.name.as_deref());
    merged.matches = merged_matches(&root.matches, &delegate.matches)?;
    take_over(&mut merged.direct_response, &root.direct_response);
    take_over(&mut merged.rewrite, &root.rewrite);
    take_over(&mut merged.timeout, &root.timeout);
    take_over(&mut merged.retries, &root.retries);
    take_over(&mut merged.fault, &root.fault);
    take_over(&mut merged.mirror, &root.mirror);
    take_over(&mut merged.mirror_percent, &root.mirror_percent);
    take_over(&mut merged.mirror_percentage, &root.mirror_percentage);
    if merged.mirrors.is_empty() {
        merged.mirrors.clone_from(&root.mirrors);
    }
    take_over(&mut merged.cors_policy, &root.cors_policy);
    take_over(&mut merged.headers, &root.headers);
    merged.delegate = None;
    Some(merged)
}

/// Takes from the root what the delegate leaves open.
fn take_over<T: Clone>(theirs: &mut Option<T>, root: &Option<T>) {
    if theirs.is_none() {
        theirs.clone_from(root);
    }
}

fn joined_name(root: Option<&str>, delegate: Option<&str>) -> Option<String> {
    match (root, delegate) {
        (Some(root), Some(delegate)) => Some(format!("{root}-{delegate}")),
        (one, other) => one.or(other).map(str::to_owned),
    }
}

/// Every match of the delegate with every match of the root that it is part of; one that is part of none is a conflict.
fn merged_matches(root: &[HttpMatch], delegate: &[HttpMatch]) -> Option<Vec<HttpMatch>> {
    if root.is_empty() || delegate.is_empty() {
        return Some([root, delegate].concat());
    }
    let mut merged = Vec::new();
    for theirs in delegate {
        let before = merged.len();
        merged.extend(root.iter().filter(|ours| !conflict(ours, theirs)).map(|ours| merged_match(ours, theirs)));
        if merged.len() == before {
            return None;
        }
    }
    Some(merged)
}

fn merged_match(root: &HttpMatch, delegate: &HttpMatch) -> HttpMatch {
    let mut merged = delegate.clone();
    merged.name = joined_name(root.name.as_deref(), delegate.name.as_deref());
    take_over(&mut merged.uri, &root.uri);
    take_over(&mut merged.scheme, &root.scheme);
    take_over(&mut merged.method, &root.method);
    take_over(&mut merged.authority, &root.authority);
    overlay(&mut merged.headers, &root.headers);
    overlay(&mut merged.without_headers, &root.without_headers);
    overlay(&mut merged.query_params, &root.query_params);
    merged.port = delegate.port.filter(|port| *port != 0).or(root.port);
    for (name, value) in &root.source_labels {
        merged.source_labels.entry(name.clone()).or_insert_with(|| value.clone());
    }
    take_over(&mut merged.source_namespace, &root.source_namespace);
    if merged.gateways.is_empty() {
        merged.gateways.clone_from(&root.gateways);
    }
    take_over(&mut merged.stat_prefix, &root.stat_prefix);
    merged
}

/// Adds what the root says and the delegate does not.
fn overlay<T: Clone>(theirs: &mut Sorted<String, T>, root: &Sorted<String, T>) {
    for (name, value) in root {
        if !theirs.has(name) {
            theirs.insert(name.clone(), value.clone());
        }
    }
}

/// Whether a request that meets `leaf` may miss `root` (Istio, `hasConflict`).
fn conflict(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = [
        (&root.uri, &leaf.uri),
        (&root.scheme, &leaf.scheme),
        (&root.method, &leaf.method),
        (&root.authority, &leaf.authority),
    ];
    let maps = [
        (&root.headers, &leaf.headers),
        (&root.without_headers, &leaf.without_headers),
        (&root.query_params, &leaf.query_params),
    ];
    let port = |one: &HttpMatch| one.port.filter(|port| *port != 0);
    let labels =
        leaf.source_labels.iter().any(|(name, value)| root.source_labels.get(name).is_some_and(|ours| ours != value));
    let namespaces =
        matches!((&root.source_namespace, &leaf.source_namespace), (Some(ours), Some(theirs)) if ours != theirs);
    let gateways = !root.gateways.is_empty() && leaf.gateways.iter().any(|gateway| !root.gateways.contains(gateway));
    texts.into_iter().any(|(root, leaf)| text_conflict(root.as_deref(), leaf.as_deref()))
        || maps
            .into_iter()
            .any(|(root, leaf)| leaf.iter().any(|(name, leaf)| text_conflict(root.get(name), Some(leaf))))
        || root.ignore_uri_case != leaf.ignore_uri_case
        || port(root).zip(port(leaf)).is_some_and(|(ours, theirs)| ours != theirs)
        || labels
        || namespaces
        || gateways
}

/// Istio, `stringMatchConflict`: a regex agrees with nothing, and a leaf must be part of the root.
fn text_conflict(root: Option<&StringMatch>, leaf: Option<&StringMatch>) -> bool {
    let (Some(root), Some(leaf)) = (root, leaf) else {
        return false;
    };
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if given(&root.regex).is_some() || given(&leaf.regex).is_some() {
        return true;
    }
    match (given(&root.exact), given(&root.prefix), given(&leaf.exact), given(&leaf.prefix)) {
        (Some(ours), _, Some(theirs), _) => ours != theirs,
        (None, Some(ours), Some(theirs), _) | (None, Some(ours), None, Some(theirs)) => !theirs.starts_with(&ours),
        _ => true,
    }
}

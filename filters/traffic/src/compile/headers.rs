//! Whose changes to headers are made when: the rule's, and those of its destinations.

use crate::action::{Changes, HeaderChanges};
use crate::changes::Change;
use crate::policy::{Destination, ORIGINAL_HOST, Rule};

/// Gives `rule` its destinations, and both the changes to headers that are theirs to make.
///
/// With one destination Istio has Envoy make its changes after the rule's, so it has the last word; with several Envoy
/// makes those of the destination first, so the rule has it (Istio, `route.go`; Envoy, `finalizeRequestHeaders`).
/// The rule's changes to a request are made before a destination is picked. Where rule and destinations change the same
/// header, the rule's change would come too early, so it is left to each of the destinations; all of its changes are where a
/// value on either side may read what the other one changes.
/// An authority that the rule gives beats that of a destination in either case.
/// A destination of weight 0 counts here, though it gets no requests: `written` is how many there are.
pub(super) fn give_headers(
    rule: &mut Rule,
    own: &HeaderChanges,
    destinations: Vec<(Destination, HeaderChanges)>,
    written: usize,
) {
    if let ([(only, theirs)], 1) = (destinations.as_slice(), written) {
        rule.request_changes = level(single(&own.request, &theirs.request));
        rule.response_changes = level(single(&own.response, &theirs.response));
        rule.rewrite.authority = rule.rewrite.authority.take().or_else(|| theirs.authority.clone());
        rule.destinations = vec![only.clone()];
        return;
    }
    let all = || destinations.iter().map(|(_, theirs)| &theirs.request);
    let reads = all().chain([&own.request]).flat_map(Changes::formats).any(|format| !format.is_text());
    let contested = |name: &str| reads || all().any(|theirs| theirs.touch(name));
    let (late, early) = own.request.partition(contested);
    rule.request_changes = level(early);
    rule.response_changes = level(own.response.clone());
    for (mut destination, theirs) in destinations.iter().cloned() {
        destination.request_changes = [theirs.request, late.clone()].into_iter().flat_map(level).collect();
        if let Some(authority) = theirs.authority {
            // The rule's rewrite comes behind this one in Envoy, and takes its authority for the original one.
            let name = if rule.rewrite.authority.is_some() { ORIGINAL_HOST } else { ":authority" };
            destination.authority = Some(Change::set(name, authority));
        }
        destination.response_changes = level(theirs.response);
        rule.destinations.push(destination);
    }
}

/// The changes of the rule and of its only destination as Istio hands them to Envoy: on one level.
fn single(own: &Changes, theirs: &Changes) -> Changes {
    let removed = own.removed.iter().chain(&theirs.removed).cloned().collect();
    let given = own.given.iter().chain(&theirs.given).cloned().collect();
    Changes { removed, given }
}

/// The level of the changes; none if there are no changes.
fn level(changes: Changes) -> Vec<Changes> {
    if changes.is_empty() { Vec::new() } else { vec![changes] }
}

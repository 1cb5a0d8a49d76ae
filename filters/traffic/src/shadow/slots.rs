//! The headers from which Envoy's router takes the clusters of copies, and what it does to the copies of each.

use super::settings::{Shadow, ShadowHeaders};
use super::{MARK, MARKED};
use crate::policy::Rule;
use crate::written::Delivery;

/// A header `x-serin-shadow-N`, of which Envoy's route has a mirror policy (`request_mirror_policies[].cluster_header`).
///
/// What is done to copies is the policy's, and so the slot's: rules that say different things of their copies have slots of
/// their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// What is done to the headers of the copies.
    pub headers: ShadowHeaders,
    /// Whether their authority has `-shadow` before its port.
    pub authority_suffix: bool,
}

/// The first of the headers, without its number.
pub const SLOT: &str = "x-serin-shadow-";

impl Slot {
    fn of(shadow: Option<&Shadow>) -> Self {
        shadow.map_or_else(Self::default, |shadow| Self {
            headers: shadow.headers.clone(),
            authority_suffix: shadow.authority_suffix,
        })
    }

    /// What the copies of the slot have that their primaries have not: the policy's headers, and the mark.
    pub fn set(&self) -> impl Iterator<Item = (&str, &str)> {
        let written = self.headers.set.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        written.chain([(MARK, MARKED)])
    }
}

/// Gives each of `rules` its slots, one for each of its mirrors, and says which slots there are. Rules that say the same of
/// their copies share theirs; those that say nothing have the first ones.
pub(crate) fn give_slots<'r>(rules: impl Iterator<Item = &'r mut Rule>) -> Vec<Slot> {
    let mut kinds: Vec<(Slot, usize)> = vec![(Slot::default(), 0)];
    let mut mirrored: Vec<(&mut Rule, usize)> = Vec::new();
    for rule in rules {
        let by_router = rule.shadow.as_ref().is_none_or(|shadow| shadow.delivery == Delivery::Router);
        if rule.mirrors.is_empty() || !by_router {
            continue;
        }
        let slot = Slot::of(rule.shadow.as_deref());
        let kind = kinds.iter().position(|(known, _)| *known == slot).unwrap_or_else(|| {
            kinds.push((slot, 0));
            kinds.len() - 1
        });
        if let Some((_, most)) = kinds.get_mut(kind) {
            *most = rule.mirrors.len().max(*most);
        }
        mirrored.push((rule, kind));
    }
    for (rule, kind) in mirrored {
        rule.first_slot = kinds.iter().take(kind).map(|(_, most)| most).sum();
    }
    kinds.into_iter().flat_map(|(slot, most)| std::iter::repeat_n(slot, most)).collect()
}

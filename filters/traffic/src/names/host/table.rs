//! What is known of hosts, by name and by wildcard.

use crate::lookup::Lookup;
use crate::sorted::Sorted;
use std::cmp::Reverse;

/// What is known of hosts.
///
/// The name itself beats every wildcard, a longer wildcard beats a shorter one, `*` comes last. A wildcard stands for at
/// least one character, of any label (Envoy, `VirtualHost.domains`; `RouteMatcher::findWildcardVirtualHost`).
#[derive(Clone, Debug)]
pub(crate) struct HostTable<T> {
    exact: Lookup<T>,
    /// By what follows the `*`.
    suffixes: Lookup<T>,
    /// The lengths of that, the longest first.
    lengths: Sorted<Reverse<usize>, ()>,
    any: Option<T>,
}

impl<T> Default for HostTable<T> {
    fn default() -> Self {
        Self { exact: Lookup::default(), suffixes: Lookup::default(), lengths: Sorted::default(), any: None }
    }
}

impl<T> HostTable<T> {
    /// The entry of the pattern `host`, made with `fresh` if there is none.
    pub(crate) fn entry(&mut self, host: &str, fresh: impl FnOnce() -> T) -> Option<&mut T> {
        match host.strip_prefix('*') {
            Some("") => Some(self.any.get_or_insert_with(fresh)),
            Some(suffix) => {
                self.lengths.insert(Reverse(suffix.len()), ());
                self.suffixes.get_or_insert_with(suffix.into(), fresh)
            }
            None => self.exact.get_or_insert_with(host.into(), fresh),
        }
    }

    /// What is known of `host`, which is in lower case and has no port.
    pub(crate) fn get(&self, host: &str) -> Option<&T> {
        self.exact.get(host.as_bytes()).or_else(|| self.covering(host)).or(self.any.as_ref())
    }

    /// What is known of `host` by the longest wildcard that covers it, `*` aside.
    pub(crate) fn covering(&self, host: &str) -> Option<&T> {
        self.lengths.keys().find_map(|Reverse(length)| {
            let start = host.len().checked_sub(*length).filter(|start| *start > 0)?;
            self.suffixes.get(host.get(start..)?.as_bytes())
        })
    }

    /// The same table with what is known of each host turned into something else.
    pub(crate) fn map<U>(self, mut change: impl FnMut(T) -> U) -> HostTable<U> {
        HostTable {
            exact: self.exact.map(&mut change),
            suffixes: self.suffixes.map(&mut change),
            lengths: self.lengths,
            any: self.any.map(change),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn table<'a>(hosts: &[&'a str]) -> HostTable<&'a str> {
        let mut table = HostTable::default();
        for host in hosts {
            table.entry(host, || *host);
        }
        table
    }

    #[test]
    fn the_full_name_beats_every_wildcard() {
        let table = table(&["*", "*.com", "*.example.com", "api.example.com"]);
        assert_eq!(table.get("api.example.com"), Some(&"api.example.com"));
        assert_eq!(table.get("www.example.com"), Some(&"*.example.com"));
        assert_eq!(table.get("a.b.example.com"), Some(&"*.example.com"));
        assert_eq!(table.get("example.com"), Some(&"*.com"));
        assert_eq!(table.get("example.org"), Some(&"*"));
    }

    #[test]
    fn a_wildcard_may_end_within_a_label() {
        let table = table(&["*.example", "*-canary.example", "*shop.example"]);
        assert_eq!(table.get("a-canary.example"), Some(&"*-canary.example"));
        assert_eq!(table.get("b.a-canary.example"), Some(&"*-canary.example"));
        assert_eq!(table.get("workshop.example"), Some(&"*shop.example"));
        assert_eq!(table.get("shop.example"), Some(&"*.example"));
        assert_eq!(table.get("-canary.example"), Some(&"*.example"));
    }

    #[test]
    fn a_wildcard_does_not_cover_the_bare_domain() {
        assert_eq!(table(&["*.example.com"]).get("example.com"), None);
        assert_eq!(table(&["*.example.com"]).get(".example.com"), None);
    }

    #[test]
    fn a_host_that_is_not_ascii_is_compared_by_characters() {
        assert_eq!(table(&["*.a"]).get("caf\u{fffd}.a"), Some(&"*.a"));
        assert_eq!(table(&["*.a"]).get("\u{fffd}a"), None);
    }

    /// Envoy's order, said as plainly as it can be: of the domains that match the one that is the name itself, else the
    /// longest.
    fn plainly<'a>(domains: &[&'a str], host: &str) -> Option<&'a str> {
        let matches = |domain: &&&str| match domain.strip_prefix('*') {
            Some("") => true,
            Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
            None => **domain == host,
        };
        domains.iter().filter(matches).max_by_key(|domain| (**domain == host, domain.len())).copied()
    }

    /// Up to so many labels.
    fn name(labels: usize) -> impl Strategy<Value = String> {
        let label =
            prop::collection::vec(prop::sample::select(&["a", "b", "-"][..]), 0..3).prop_map(|parts| parts.concat());
        prop::collection::vec(label, 1..=labels).prop_map(|labels| labels.join("."))
    }

    proptest! {
        #[test]
        fn the_table_finds_what_a_plain_walk_finds(
            domains in prop::collection::vec((prop::sample::select(&["", "*"][..]), name(3)), 1..8),
            host in name(4),
        ) {
            let domains: Vec<String> = domains.into_iter().map(|(wildcard, name)| format!("{wildcard}{name}")).collect();
            let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
            prop_assert_eq!(table(&domains).get(&host).copied(), plainly(&domains, &host));
        }
    }
}

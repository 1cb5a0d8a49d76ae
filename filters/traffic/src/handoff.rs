//! What the first filter tells those behind it: the outcome, as the text of the filter state `serin.route`.
//!
//! The text is the configuration's digest, the place of the rule and of its match, and a name for people who read access
//! logs:
//!
//! ```text
//! 9f86d081884c7d65 0.1.0 default/reviews/http[1]
//! 9f86d081884c7d65 0.- default/reviews
//! 9f86d081884c7d65 -
//! ```

use crate::digest::Digest;
use crate::policy::{Applied, Outcome, Policy, RuleId};

/// The key of the filter state that holds the published outcome.
pub const ROUTE_KEY: &str = "serin.route";

/// What the names of the filters' own headers begin with.
pub const OWN_PREFIX: &str = "x-serin-";

/// The header that names the cluster, for a route with `cluster_header`.
pub const CLUSTER_HEADER: &str = "x-serin-cluster";

/// The header that names the subset.
pub const SUBSET_HEADER: &str = "x-serin-subset";

impl Policy {
    /// The text that says `outcome` to the filters behind this one.
    pub fn publish(&self, outcome: Outcome) -> String {
        // Every request asks for such a text: it is put together without the formatting machinery.
        let mut text = String::with_capacity(96);
        text.push_str(&self.digest_text);
        text.push(' ');
        match outcome {
            Outcome::NoHost => text.push('-'),
            Outcome::NoRule(place) => {
                push_number(&mut text, place);
                text.push_str(".- ");
            }
            Outcome::Rule(Applied { rule: RuleId { virtual_service, rule }, by }) => {
                push_number(&mut text, virtual_service);
                text.push('.');
                push_number(&mut text, rule);
                text.push('.');
                push_number(&mut text, by);
                text.push(' ');
            }
        }
        self.push_name(&mut text, outcome);
        text
    }

    /// What people call the outcome: `namespace/name` of the VirtualService and the rule's name, as far as there are any.
    pub fn name_of(&self, outcome: Outcome) -> String {
        let mut text = String::new();
        self.push_name(&mut text, outcome);
        text
    }

    /// What people call the rule: `namespace/name` of its VirtualService, and its own name.
    pub fn name_of_rule(&self, rule: RuleId) -> String {
        self.name_of(Outcome::Rule(Applied { rule, by: 0 }))
    }

    fn push_name(&self, text: &mut String, outcome: Outcome) {
        let (place, rule) = match outcome {
            Outcome::NoHost => return,
            Outcome::NoRule(place) => (place, None),
            Outcome::Rule(Applied { rule: id, .. }) => (id.virtual_service, self.rule(id)),
        };
        text.push_str(self.virtual_services.get(place).map_or("", |found| found.name.as_str()));
        if let Some(rule) = rule {
            text.push('/');
            text.push_str(&rule.name);
        }
    }

    /// The outcome that `text` says; `None` if it was published under another configuration, or is no such text.
    pub fn read_published(&self, text: &[u8]) -> Option<Outcome> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        if Digest::parse(words.next()?)? != self.digest {
            return None;
        }
        let place = words.next()?;
        if place == "-" {
            return Some(Outcome::NoHost);
        }
        let (virtual_service, rule) = place.split_once('.')?;
        let virtual_service = virtual_service.parse().ok()?;
        if rule == "-" {
            return self.virtual_services.get(virtual_service).map(|_| Outcome::NoRule(virtual_service));
        }
        let (rule, by) = rule.split_once('.')?;
        let id = RuleId { virtual_service, rule: rule.parse().ok()? };
        let applied = Applied { rule: id, by: by.parse().ok()? };
        self.conditions(applied).map(|_| Outcome::Rule(applied))
    }
}

/// Writes `number` in decimal.
fn push_number(text: &mut String, mut number: usize) {
    let start = text.len();
    loop {
        let digit = u8::try_from(number % 10).unwrap_or_default();
        text.insert(start, char::from(b'0' + digit));
        number /= 10;
        if number == 0 {
            return;
        }
    }
}

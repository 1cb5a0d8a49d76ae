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

impl Policy {
    /// The text that says `outcome` to the filters behind this one.
    pub fn publish(&self, outcome: Outcome) -> String {
        let digest = self.digest;
        let virtual_service = |place: usize| self.virtual_services.get(place).map_or("", |found| found.name.as_str());
        match outcome {
            Outcome::NoHost => format!("{digest} -"),
            Outcome::NoRule(place) => format!("{digest} {place}.- {}", virtual_service(place)),
            Outcome::Rule(Applied { rule: id, by }) => {
                let RuleId { virtual_service: place, rule } = id;
                let name = self.rule(id).map_or("", |rule| rule.name.as_str());
                format!("{digest} {place}.{rule}.{by} {}/{name}", virtual_service(place))
            }
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

//! The rules of a VirtualService, and the order of their matches.

use crate::policy::{Applied, Rule, RuleId};
use crate::refusal::Warning;

/// The rules of a VirtualService, and in which order their matches are asked.
pub(super) struct RuleList {
    virtual_service: usize,
    pub(super) rules: Vec<Rule>,
    /// The matches that requests may meet, and whether they hold always.
    pub(super) entries: Vec<(Applied, bool)>,
    /// What people know the first rule by that applies to every request.
    pub(super) applies_always: Option<String>,
}

impl RuleList {
    pub(super) fn of(virtual_service: usize) -> Self {
        Self { virtual_service, rules: Vec::new(), entries: Vec::new(), applies_always: None }
    }

    /// Adds the rule at `path`, called `known_as` in warnings; a rule that can never apply is warned of.
    pub(super) fn push(&mut self, rule: Rule, known_as: String, path: &str) -> Option<Warning> {
        let before = self.applies_always.clone();
        for (by, condition) in rule.matches.iter().enumerate() {
            if self.applies_always.is_none() {
                let id = RuleId { virtual_service: self.virtual_service, rule: self.rules.len() };
                let always = condition.hold_always();
                self.entries.push((Applied { rule: id, by }, always));
                self.applies_always = always.then(|| known_as.clone());
            }
        }
        self.rules.push(rule);
        before.map(|before| Warning::new(path, format!("can never apply: {before} applies to every request")))
    }
}

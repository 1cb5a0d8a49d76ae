//! subset-picker's part in a request: what a worker of the proxy brings to a split, and what it learns from the answer.

use crate::guards::Guarded;
use crate::hostcall;
use crate::metrics::Counter;
use crate::root::Plugin;
use serin_traffic::guard::{Answer, Epoch, Failover, Guard, Unavailable, is_unavailable};
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::{Applied, Choice, Rotation, Rule, RuleId, Share, Ticket, Worker};

/// This worker, as a split of `rule` sees it.
pub(crate) struct Picker<'p> {
    pub(crate) plugin: &'p Plugin,
    pub(crate) applied: Applied,
    pub(crate) rule: &'p Rule,
}

/// A request of which the answer tells something about its destination.
#[derive(Debug)]
pub(crate) struct Watched {
    rule: RuleId,
    place: usize,
    /// When the request was sent, if its destination is guarded.
    epoch: Option<Epoch>,
}

impl Picker<'_> {
    /// What is to be remembered of a request that got that destination.
    pub(crate) fn watched(&self, choice: &Choice<'_>) -> Option<Watched> {
        let rule = self.applied.rule;
        let guard = self.rule.guard().filter(|(place, _)| *place == choice.place);
        let epoch = guard.map(|_| self.plugin.guards.epoch(rule));
        if let Some(place) = choice.passed_over {
            count_failover(self.plugin, rule, place);
        }
        let is_watched = epoch.is_some() || self.rule.failover().is_some();
        is_watched.then_some(Watched { rule, place: choice.place, epoch })
    }
}

impl Worker for Picker<'_> {
    fn draw(&self) -> Ticket {
        self.plugin.draws.draw()
    }

    fn rotate(&self, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        self.plugin.rotations.rotate(self.applied.rule, turn)
    }

    fn guarded(&self, guard: &Guard) -> Share {
        let guarded = Guarded::of(&self.plugin.policy, self.applied.rule);
        self.plugin.guards.factor(self.applied.rule, guard, guarded)
    }

    fn passes_over(&self, place: usize, failover: &Failover) -> bool {
        let Some((name, now)) = unavailable_name(self.plugin, self.applied.rule, place).zip(hostcall::now().ok())
        else {
            return false;
        };
        let Ok((bytes, version)) = hostcall::shared_data(&name) else {
            return false;
        };
        let Some(unavailable) = Unavailable::read(&bytes) else {
            return false;
        };
        // Whose write succeeds is the one who tries the destination again; for all others it is passed over still.
        unavailable
            .try_again(failover, now)
            .is_none_or(|tried| hostcall::set_shared_data(&name, &tried.write(), version).is_err())
    }
}

impl Watched {
    /// Learns from how the request ended.
    pub(crate) fn end(&self, plugin: &Plugin) {
        let status = hostcall::property(&["response", "code"]).and_then(|bytes| bytes.try_into().ok());
        let status = status.and_then(|bytes| u16::try_from(i64::from_le_bytes(bytes)).ok());
        let details = hostcall::property(&["response", "code_details"]).unwrap_or_default();
        let Some(rule) = plugin.policy.rule(self.rule) else {
            return;
        };
        let answer = Answer::of(status, &details);
        if let (Some(epoch), Some(answer), Some((_, guard))) = (self.epoch, answer, rule.guard()) {
            let guarded = Guarded::of(&plugin.policy, self.rule);
            plugin.guards.count(self.rule, guard, epoch, answer, guarded);
        }
        if let (Some(failover), Some(status)) = (rule.failover(), status) {
            self.tell(plugin, failover, is_unavailable(status, &details), answer.is_some());
        }
    }

    /// Tells the other workers whether the destination is there.
    fn tell(&self, plugin: &Plugin, failover: &Failover, unavailable: bool, answered: bool) {
        let Some(name) = unavailable_name(plugin, self.rule, self.place) else {
            return;
        };
        if unavailable {
            let found = failover.found_unavailable(hostcall::now().unwrap_or_default());
            // Whoever wrote in between has found the same.
            let _ = hostcall::set_shared_data(&name, &found.write(), 0);
        } else if answered {
            if let Ok((bytes, version)) = hostcall::shared_data(&name) {
                if !bytes.is_empty() {
                    let _ = hostcall::set_shared_data(&name, &[], version);
                }
            }
        }
    }
}

/// Under which key workers share that a destination is not available.
fn unavailable_name(plugin: &Plugin, rule: RuleId, place: usize) -> Option<String> {
    let destination = plugin.policy.rule(rule)?.destinations().get(place)?;
    Some(format!("serin.unavailable {} {}", plugin.policy.name_of_rule(rule), destination.name))
}

/// Counts a request that another destination got than that at `place`.
fn count_failover(plugin: &Plugin, rule: RuleId, place: usize) {
    let policy = &plugin.policy;
    let [virtual_service, route] = policy.names_of_rule(rule);
    let destination = policy.rule(rule).and_then(|rule| rule.destinations().get(place));
    let subset = destination.map_or("", |destination| destination.title());
    let labels = [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::Subset, subset)];
    Counter::new(Metric::FailoverRequests, &labels).add(1);
}

//! What a worker of the proxy brings to a decision, and what it learns from how a request ends.

use crate::guards::Guarded;
use crate::hostcall;
use crate::metrics::{Counter, of_destination};
use crate::plugin::Plugin;
use serin_traffic::guard::{Answer, Epoch, Failover, Guard, Unavailable, is_unavailable};
use serin_traffic::metrics::Metric;
use serin_traffic::{Rotation, RuleId, Share, Ticket, Watch, Worker};

impl Worker for Plugin {
    fn draw(&self) -> Ticket {
        self.draws.draw()
    }

    fn rotate(&self, rule: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        self.rotations.rotate(rule, turn)
    }

    fn guarded(&self, rule: RuleId, guard: &Guard) -> Share {
        self.guards.factor(rule, guard, Guarded::of(&self.policy, rule))
    }

    fn epoch(&self, rule: RuleId) -> Epoch {
        self.guards.epoch(rule)
    }

    fn passes_over(&self, rule: RuleId, place: usize, failover: &Failover) -> bool {
        let Some((name, now)) = unavailable_name(self, rule, place).zip(hostcall::now().ok()) else {
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

    fn may_copy(&self, rule: RuleId, per_second: u32) -> bool {
        self.mirrored.may_copy(rule, per_second)
    }
}

/// Learns from how the current request has ended.
pub(crate) fn learn(plugin: &Plugin, watch: Watch) {
    let status = hostcall::property(&["response", "code"]).and_then(|bytes| bytes.try_into().ok());
    let status = status.and_then(|bytes| u16::try_from(i64::from_le_bytes(bytes)).ok());
    let details = hostcall::property(&["response", "code_details"]).unwrap_or_default();
    let Some(rule) = plugin.policy.rule(watch.rule) else {
        return;
    };
    let answer = Answer::of(status, &details);
    if let (Some(epoch), Some(answer), Some((_, guard))) = (watch.epoch, answer, rule.guard()) {
        let guarded = Guarded::of(&plugin.policy, watch.rule);
        plugin.guards.count(watch.rule, guard, epoch, answer, guarded);
    }
    if let (Some(failover), Some(status)) = (rule.failover(), status) {
        tell(plugin, watch, failover, is_unavailable(status, &details), answer.is_some());
    }
}

/// Tells the other workers whether the destination is there.
fn tell(plugin: &Plugin, watch: Watch, failover: &Failover, unavailable: bool, answered: bool) {
    let Some(name) = unavailable_name(plugin, watch.rule, watch.place) else {
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

/// Under which key workers share that a destination is not available.
fn unavailable_name(plugin: &Plugin, rule: RuleId, place: usize) -> Option<String> {
    let destination = plugin.policy.rule(rule)?.destinations().get(place)?;
    Some(format!("serin.unavailable {} {}", plugin.policy.name_of_rule(rule), destination.name))
}

/// Counts a request that another destination got than that at `place`.
pub(crate) fn count_failover(plugin: &Plugin, rule: RuleId, place: usize) {
    let policy = &plugin.policy;
    let destination = policy.rule(rule).and_then(|rule| rule.destinations().get(place));
    let subset = destination.map_or("", |destination| destination.title());
    Counter::new(Metric::FailoverRequests, &of_destination(policy.names_of_rule(rule), subset)).add(1);
}

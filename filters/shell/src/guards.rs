//! What the workers of one proxy know of guarded destinations: a record in shared data, and each worker's own tally.

use crate::hostcall;
use crate::metrics::{Counter, Gauge, of_destination};
use crate::shared;
use log::warn;
use serin_traffic::guard::{Answer, Epoch, Guard, Record, Step, Tally, Transition};
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::{Policy, RuleId, Share, Sorted};
use std::cell::RefCell;
use std::fmt;

/// The guarded destinations, by their rules, as this worker sees them.
#[derive(Debug, Default)]
pub(crate) struct Guards(RefCell<Sorted<RuleId, State>>);

/// What a guarded destination is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guarded<'p> {
    virtual_service: &'p str,
    route: &'p str,
    subset: &'p str,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// The record as it was last read.
    record: Record,
    /// What this worker has counted since.
    tally: Tally,
    /// When that was, in nanoseconds since 1970.
    read_at: u64,
}

impl Guards {
    /// The factor of its share that the destination has now. Time for telling each other passes as requests come.
    pub(crate) fn factor(&self, rule: RuleId, guard: &Guard, guarded: Guarded<'_>) -> Share {
        let now = hostcall::now().unwrap_or_default();
        let mut state = self.state(rule);
        // A clock that was set back is as good a reason to look.
        if now.wrapping_sub(state.read_at) >= guard.flush_after() {
            state.tell(guard, guarded, now);
            self.keep(rule, state);
        }
        state.record.factor(guard, now)
    }

    /// The epoch in which a request is sent now.
    pub(crate) fn epoch(&self, rule: RuleId) -> Epoch {
        self.state(rule).record.epoch(hostcall::now().unwrap_or_default())
    }

    /// Counts the answer to a request that was sent in `epoch`.
    pub(crate) fn count(&self, rule: RuleId, guard: &Guard, epoch: Epoch, answer: Answer, guarded: Guarded<'_>) {
        let mut state = self.state(rule);
        state.tally.count(epoch, answer);
        let now = hostcall::now().unwrap_or_default();
        if state.tally.is_urgent(guard) || now.wrapping_sub(state.read_at) >= guard.flush_after() {
            state.tell(guard, guarded, now);
        }
        self.keep(rule, state);
    }

    fn state(&self, rule: RuleId) -> State {
        self.0.try_borrow().ok().and_then(|states| states.get(&rule).copied()).unwrap_or_default()
    }

    fn keep(&self, rule: RuleId, state: State) {
        if let Ok(mut states) = self.0.try_borrow_mut() {
            states.insert(rule, state);
        }
    }
}

impl State {
    /// Tells the other workers what this one has counted, and learns what they have.
    fn tell(&mut self, guard: &Guard, guarded: Guarded<'_>, now: u64) {
        let key = format!("serin.guard {guarded}");
        let tally = self.tally;
        let mut learned = None;
        let told = shared::update(&key, &Record::default().write(), &mut |bytes| {
            let before = Record::read(bytes).unwrap_or_default();
            if before.is_steady() && tally.is_empty() {
                learned = Some((before, None));
                return None;
            }
            let (after, transition) = before.absorb(guard, tally, now);
            learned = Some((after, transition));
            Some(after.write().to_vec())
        });
        match learned.filter(|_| told) {
            Some((record, transition)) => {
                if let Some(transition) = transition {
                    guarded.tell(&transition, record.factor(guard, now));
                }
                *self = Self { record, tally: Tally::new(record.epoch(now)), read_at: now };
            }
            // What was counted waits for the next time; without shared data there is no guard.
            None => self.read_at = now,
        }
    }
}

impl<'p> Guarded<'p> {
    /// The guarded destination of `rule`.
    pub(crate) fn of(policy: &'p Policy, rule: RuleId) -> Self {
        let [virtual_service, route] = policy.names_of_rule(rule);
        let destination = policy.rule(rule).and_then(|rule| rule.destinations().get(rule.guard()?.0));
        Self { virtual_service, route, subset: destination.map_or("", |destination| destination.title()) }
    }

    fn labels(&self) -> [(Label, &'p str); 3] {
        of_destination([self.virtual_service, self.route], self.subset)
    }

    /// Logs and counts what has happened to the destination's share, which is that `share` now.
    fn tell(&self, transition: &Transition, share: Share) {
        warn!("{self}: {transition}");
        let step = match transition.step() {
            Step::Withdrawn | Step::WithdrawnAgain => "withdrawn",
            Step::Tried => "tried",
            Step::Restored => "restored",
        };
        let [virtual_service, route, subset] = self.labels();
        let labels = [virtual_service, route, subset, (Label::Transition, step)];
        Counter::new(Metric::GuardTransitions, &labels).add(1);
        Gauge::new(Metric::GuardShare, &self.labels()).set(u64::from(share.millionths() / 10_000));
    }
}

/// As logs and shared data have it: `default/reviews/jason v2`.
impl fmt::Display for Guarded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.virtual_service, self.route, self.subset)
    }
}

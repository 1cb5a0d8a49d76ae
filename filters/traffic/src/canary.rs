//! What a CanaryPolicy says of a rule, compiled: which destination a request gets.
//!
//! [`Rule`] holds its [`Canary`], and a [`Canary`] chooses among the rule's destinations: they name each other, because a policy
//! means nothing without its rule.

use crate::guard::{Epoch, Failover, Guard};
use crate::key::{Found, IssuedCookie, KeyChain, KeySource};
use crate::policy::{Destination, Rule, RuleId};
use crate::request::Request;
use crate::share::Share;
use crate::split::{History, Ramp, Rotation, Sticky, Ticket, Weights};
use crate::written::SplitMode;
use std::borrow::Cow;
use std::fmt;

/// What a CanaryPolicy says of a rule's destinations.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canary {
    pub(crate) split: Split,
    /// The destination whose share follows the clock, by its place.
    pub(crate) ramp: Option<(usize, Ramp)>,
    /// The destination that loses its share when it fails, by its place.
    pub(crate) guard: Option<(usize, Guard)>,
    pub(crate) failover: Option<Failover>,
}

/// In which way requests are split.
#[derive(Clone, Debug, Default)]
pub(crate) enum Split {
    #[default]
    Random,
    Exact,
    Sticky(Box<ByKey>),
}

/// A split by a key.
#[derive(Clone, Debug)]
pub(crate) struct ByKey {
    pub(crate) keys: KeyChain,
    pub(crate) sticky: Sticky,
    pub(crate) history: History,
}

/// What a worker of the proxy brings to a decision beside the request.
///
/// Each question is asked only if the answer counts, and at most once or twice a request. Unless a worker says otherwise, all
/// is well there: nothing is withdrawn, gone or too much.
pub trait Worker {
    /// Chance: another ticket each time.
    fn draw(&self) -> Ticket;

    /// What `turn` says of the rule's rotation on this worker; `None` if there is none.
    fn rotate(&self, rule: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize>;

    /// The factor of its own share that the guarded destination has now ([`crate::guard::Record::factor`]).
    fn guarded(&self, _rule: RuleId, _guard: &Guard) -> Share {
        Share::ALL
    }

    /// The epoch in which a request to the guarded destination is sent now ([`crate::guard::Record::epoch`]).
    fn epoch(&self, _rule: RuleId) -> Epoch {
        Epoch::default()
    }

    /// Whether the destination at `place` is passed over now ([`crate::guard::Unavailable`]).
    fn passes_over(&self, _rule: RuleId, _place: usize, _failover: &Failover) -> bool {
        false
    }

    /// Whether one more copy may be sent of so many a second ([`crate::shadow::Allowance`]).
    fn may_copy(&self, _rule: RuleId, _per_second: u32) -> bool {
        true
    }
}

/// The destination that a request gets, and why.
#[derive(Debug)]
pub struct Choice<'r> {
    /// The destination.
    pub destination: &'r Destination,
    /// Its place among the rule's destinations.
    pub place: usize,
    /// Its share of all requests at that time, from 0 to 1.
    pub share: f64,
    /// In which way it was found.
    pub way: PickedBy<'r>,
    /// The destination that would have been chosen if it had a healthy host, by its place.
    pub passed_over: Option<usize>,
}

/// In which way a destination was found.
#[derive(Debug)]
pub enum PickedBy<'r> {
    /// There is no other.
    Only,
    /// By chance.
    Random,
    /// In turn.
    Exact,
    /// By a key.
    Sticky {
        /// Where the key was found.
        source: &'r KeySource,
        /// The share that the destination must have more of to get the key; none if the split has a history.
        ticket: Option<f64>,
    },
    /// By a key that the client is given with the answer.
    Issued {
        /// The cookie.
        cookie: &'r IssuedCookie,
        /// Its value.
        value: String,
        /// As of a key that was found.
        ticket: Option<f64>,
    },
}

/// What decides about a request, whatever the weights.
enum Draw<'r, 'q> {
    Chance,
    Turn,
    Key { by_key: &'r ByKey, key: Cow<'q, [u8]>, source: &'r KeySource },
    Issued { by_key: &'r ByKey, cookie: &'r IssuedCookie, value: String },
}

impl<'r, 'q> Draw<'r, 'q> {
    fn of(canary: &'r Canary, request: &'q impl Request, worker: &impl Worker) -> Self {
        match &canary.split {
            Split::Random => Draw::Chance,
            Split::Exact => Draw::Turn,
            Split::Sticky(by_key) => match by_key.keys.read(request) {
                Found::Key { key, source } => Draw::Key { by_key, key, source },
                Found::Issue(cookie) => {
                    Draw::Issued { by_key, cookie, value: cookie.value([worker.draw().0, worker.draw().0]) }
                }
                Found::None => Draw::Chance,
            },
        }
    }

    fn way(self, ticket: Option<f64>) -> PickedBy<'r> {
        match self {
            Draw::Chance => PickedBy::Random,
            Draw::Turn => PickedBy::Exact,
            Draw::Key { source, .. } => PickedBy::Sticky { source, ticket },
            Draw::Issued { cookie, value, .. } => PickedBy::Issued { cookie, value, ticket },
        }
    }
}

impl Rule {
    /// The weights of the rule's destinations at `now`, in nanoseconds since 1970, if nothing is withdrawn.
    pub fn weights(&self, now: impl FnOnce() -> u64) -> Weights {
        let weights = Weights::new(self.destinations.iter().map(|destination| destination.weight));
        match self.canary().and_then(|canary| canary.ramp.as_ref()) {
            Some((place, ramp)) => weights.ramped(*place, ramp.share_at(now())),
            None => weights,
        }
    }

    /// The guarded destination, by its place, and its guard.
    pub fn guard(&self) -> Option<(usize, &Guard)> {
        self.canary()?.guard.as_ref().map(|(place, guard)| (*place, guard))
    }

    /// In which way requests are split between the rule's destinations.
    pub fn split_mode(&self) -> SplitMode {
        match self.canary().map(|canary| &canary.split) {
            None | Some(Split::Random) => SplitMode::Random,
            Some(Split::Exact) => SplitMode::Exact,
            Some(Split::Sticky(_)) => SplitMode::Sticky,
        }
    }

    /// Where requests go while a destination is not available.
    pub fn failover(&self) -> Option<&Failover> {
        self.canary()?.failover.as_ref()
    }

    pub(crate) fn canary(&self) -> Option<&Canary> {
        self.canary.as_deref()
    }

    /// The destination, if there is nothing to choose.
    pub(crate) fn only_choice(&self) -> Option<Choice<'_>> {
        let destination = self.only_destination()?;
        Some(Choice { destination, place: 0, share: 1.0, way: PickedBy::Only, passed_over: None })
    }

    /// The destination of `request`; `None` if the rule, whose id is `id`, has none.
    pub fn choose(&self, id: RuleId, request: &impl Request, worker: &impl Worker) -> Option<Choice<'_>> {
        if let Some(only) = self.only_choice() {
            return Some(only);
        }
        let Some(canary) = &self.canary else {
            let weights = Weights::new(self.destinations.iter().map(|destination| destination.weight));
            return self.chosen(weights.split(worker.draw())?, &weights, PickedBy::Random);
        };
        let due = self.weights(|| request.now());
        let mut weights = due.clone();
        if let Some((place, guard)) = &canary.guard {
            weights = self.withdrawn(weights, *place, worker.guarded(id, guard));
        }
        let draw = Draw::of(canary, request, worker);
        let (first, ticket) = self.place(id, &draw, worker, &due, &weights)?;
        let Some(failover) = canary.failover.as_ref().filter(|failover| worker.passes_over(id, first, failover)) else {
            return self.chosen(first, &weights, draw.way(ticket));
        };
        let mut gone = vec![first];
        while gone.len() < self.destinations.len() {
            let left = self.without(&weights, &gone);
            let (next, ticket) = self.place(id, &draw, worker, &due, &left)?;
            if gone.contains(&next) {
                break;
            }
            if !worker.passes_over(id, next, failover) {
                let chosen = self.chosen(next, &left, draw.way(ticket))?;
                return Some(Choice { passed_over: Some(first), ..chosen });
            }
            gone.push(next);
        }
        // Nobody is there: it may as well be the one whose turn it was.
        self.chosen(first, &weights, draw.way(ticket))
    }

    /// The weights while the destination at `place` has only `factor` of its share.
    fn withdrawn(&self, weights: Weights, place: usize, factor: Share) -> Weights {
        if factor == Share::ALL {
            weights
        } else if weights.share(place) < 1.0 {
            weights.scaled(place, factor)
        } else {
            self.without(&weights, &[place]).ramped(place, factor)
        }
    }

    /// The weights without those at the places `gone`. If they have everything, the others get it by the weights that are
    /// written, or evenly if theirs are all 0.
    fn without(&self, weights: &Weights, gone: &[usize]) -> Weights {
        let stays = |place: &usize| !gone.contains(place);
        if weights.as_slice().iter().enumerate().any(|(place, weight)| *weight > 0 && stays(&place)) {
            return gone.iter().fold(weights.clone(), |weights, place| weights.scaled(*place, Share::NONE));
        }
        let all = || self.destinations.iter().enumerate();
        let nothing = all().all(|(place, destination)| destination.weight == 0 || !stays(&place));
        Weights::new(all().map(|(place, destination)| match stays(&place) {
            false => 0,
            true if nothing => 1,
            true => destination.weight,
        }))
    }

    fn chosen<'r>(&'r self, place: usize, weights: &Weights, way: PickedBy<'r>) -> Option<Choice<'r>> {
        let destination = self.destinations.get(place)?;
        Some(Choice { destination, place, share: weights.share(place), way, passed_over: None })
    }

    /// The place that `weights` give the draw; `due` are those without what is withdrawn.
    fn place(
        &self,
        id: RuleId,
        draw: &Draw<'_, '_>,
        worker: &impl Worker,
        due: &Weights,
        weights: &Weights,
    ) -> Option<(usize, Option<f64>)> {
        match draw {
            Draw::Chance => Some((weights.split(worker.draw())?, None)),
            Draw::Turn => Some((worker.rotate(id, &mut |rotation| rotation.next(weights))?, None)),
            Draw::Key { by_key, key, .. } => self.by_key(by_key, key, due, weights),
            Draw::Issued { by_key, value, .. } => self.by_key(by_key, value.as_bytes(), due, weights),
        }
    }

    fn by_key(&self, by_key: &ByKey, key: &[u8], due: &Weights, weights: &Weights) -> Option<(usize, Option<f64>)> {
        let names = self.destinations.iter().map(|destination| destination.name.as_bytes());
        if by_key.history.is_empty() {
            return by_key.sticky.pick(key, names, weights).map(|pick| (pick.place, Some(pick.ticket)));
        }
        let withdrawn = (weights != due).then_some(weights);
        by_key.history.pick(&by_key.sticky, key, names, due, withdrawn).map(|place| (place, None))
    }
}

/// As the header `x-serin-decision` says it: `v2 sticky=header:end-user ticket=0.0731 weight=10`.
impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.destination.title())?;
        let ticket = match &self.way {
            PickedBy::Only => return Ok(()),
            PickedBy::Random => {
                f.write_str(" random")?;
                None
            }
            PickedBy::Exact => {
                f.write_str(" exact")?;
                None
            }
            PickedBy::Sticky { source, ticket } => {
                write!(f, " sticky={source}")?;
                *ticket
            }
            PickedBy::Issued { cookie, ticket, .. } => {
                write!(f, " sticky=issueCookie:{}", cookie.name())?;
                *ticket
            }
        };
        if let Some(ticket) = ticket {
            write!(f, " ticket={ticket:.4}")?;
        }
        // Four decimals are what a weight is counted in.
        write!(f, " weight={}", (self.share * 1_000_000.0).round() / 10_000.0)
    }
}

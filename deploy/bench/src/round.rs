//! Rounds: all subjects of an Envoy have a turn in each.

use crate::cores::Worker;
use crate::results::Requests;
use crate::shop::SUBSETS;
use crate::turn::{Turn, turn};
use crate::upstream::Upstream;
use serin::envoy::Process;
use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;

/// Who has turns, and what has to come of them.
pub struct Subject {
    /// What requests and rules are like.
    pub scene: &'static str,
    /// How many rules there are.
    pub rules: usize,
    /// What tables call the subject.
    pub name: &'static str,
    /// The name of its listener.
    pub listener: String,
    /// The requests.
    pub requests: Vec<Vec<u8>>,
    /// What has to come of them.
    pub expected: Expected,
    /// Whether a tenth of them has to be copied; the others must not be.
    pub copied: bool,
}

/// What has to come of the requests of all turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// All say this.
    All(&'static str),
    /// Most say the first of [`SUBSETS`], about a tenth the second.
    Split,
}

/// About a tenth: wide enough for chance, and for the few keys that there are.
const ABOUT_A_TENTH: Range<f64> = 0.02..0.25;

/// What part of the requests is copied: none but a few of the turn before that come late, or a tenth, as chance has it.
const COPIED: [Range<f64>; 2] = [0.0..0.03, 0.07..0.13];

/// What has come of the requests of a subject.
#[derive(Clone, Debug, Default)]
struct Outcome {
    /// How many responses there were of each.
    tally: BTreeMap<String, u64>,
    /// How many requests were sent.
    sent: u64,
    /// How many of them were copied.
    copied: u64,
}

impl Outcome {
    fn add(&mut self, turn: &Turn, copied: u64) {
        for (said, count) in &turn.ran.tally {
            *self.tally.entry(String::from_utf8_lossy(said).into_owned()).or_default() += count;
        }
        self.sent += turn.sent;
        self.copied += copied;
    }

    /// Says what is not as it should be.
    fn check(&self, subject: &Subject) -> Result<(), String> {
        let of = |said: &str| self.tally.get(said).copied().unwrap_or_default();
        let responses: u64 = self.tally.values().sum();
        let is_so = match subject.expected {
            Expected::All(body) => of(body) == responses,
            Expected::Split => {
                let second = of(SUBSETS[1]);
                of(SUBSETS[0]) + second == responses && ABOUT_A_TENTH.contains(&(second as f64 / responses as f64))
            }
        };
        let copied = self.copied as f64 / self.sent as f64;
        if is_so && COPIED[usize::from(subject.copied)].contains(&copied) {
            return Ok(());
        }
        let tally = &self.tally;
        Err(format!("responses are not as the rules say: {tally:?}, {:.1} % copied", copied * 100.0))
    }
}

/// Gives each of `subjects` a turn in each round; the first round is a warm-up. Each round begins with another subject.
///
/// # Errors
///
/// What the system says, and requests of which something else came than the rules say.
pub fn rounds(
    envoy: &Process,
    worker: &Worker,
    upstream: &Upstream,
    subjects: &[Subject],
    rounds: usize,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Requests>, Box<dyn Error>> {
    let of = |subject: &Subject| Requests::of(subject.scene, subject.rules, subject.name);
    let mut measured: Vec<Requests> = subjects.iter().map(of).collect();
    let mut outcomes = vec![Outcome::default(); subjects.len()];
    let failed = |subject: &Subject, reason: String| {
        format!("{}, {} rules, {}: {reason}", subject.scene, subject.rules, subject.name)
    };
    for round in 0..=rounds {
        progress(round);
        for place in 0..subjects.len() {
            let place = (place + round) % subjects.len();
            let subject = &subjects[place];
            let target = envoy.listeners().get(&subject.listener);
            let target = target.ok_or_else(|| failed(subject, "has no listener".to_owned()))?;
            let before = copies(upstream);
            let turn = turn(*target, worker, &subject.requests).map_err(|error| failed(subject, error.to_string()))?;
            outcomes[place].add(&turn, copies(upstream) - before);
            if round > 0 {
                measured[place].push(turn.cpu, turn.rate, turn.busy);
            }
        }
    }
    for (subject, outcome) in subjects.iter().zip(&outcomes) {
        outcome.check(subject).map_err(|reason| failed(subject, reason))?;
    }
    Ok(measured)
}

/// How many copies have arrived.
fn copies(upstream: &Upstream) -> u64 {
    upstream.arrivals().last().copied().unwrap_or_default()
}

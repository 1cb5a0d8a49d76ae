//! Rounds: all subjects of an Envoy have a turn in each.

use crate::cores::Worker;
use crate::results::Requests;
use crate::stage::SUBSETS;
use crate::turn::{Turn, turn};
use crate::upstream::Upstream;
use serin::envoy::Process;
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

/// What has to come of the requests of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// All say this.
    All(&'static str),
    /// Most say the first of [`SUBSETS`], about a tenth the second.
    Split,
}

/// A tenth, wide enough for chance, and for keys that are few.
const ABOUT_A_TENTH: Range<f64> = 0.02..0.25;

/// A tenth of the requests of a turn, and none but a few of the turn before that come late.
const COPIED: [Range<f64>; 2] = [0.0..0.01, 0.05..0.15];

impl Expected {
    fn check(self, turn: &Turn) -> Result<(), String> {
        let responses = turn.ran.responses;
        let is_so = match self {
            Self::All(body) => turn.ran.of(body) == responses,
            Self::Split => {
                let [first, second, _] = SUBSETS.map(|subset| turn.ran.of(subset));
                first + second == responses && ABOUT_A_TENTH.contains(&(second as f64 / responses as f64))
            }
        };
        let said = || turn.ran.tally.iter().map(|(said, count)| format!("{count} {}", String::from_utf8_lossy(said)));
        if is_so { Ok(()) } else { Err(said().collect::<Vec<_>>().join(", ")) }
    }
}

/// Gives each of `subjects` a turn in each round; the first round is a warm-up. Each round begins with another subject.
///
/// # Errors
///
/// What the system says, and a turn of which something else came than it should.
pub fn rounds(
    envoy: &Process,
    worker: &Worker,
    upstream: &Upstream,
    subjects: &[Subject],
    rounds: usize,
    mut progress: impl FnMut(usize),
) -> Result<Vec<Requests>, Box<dyn Error>> {
    let mut measured: Vec<Requests> =
        subjects.iter().map(|subject| Requests::of(subject.scene, subject.rules, subject.name)).collect();
    for round in 0..=rounds {
        progress(round);
        for place in 0..subjects.len() {
            let place = (place + round) % subjects.len();
            let subject = &subjects[place];
            let failed =
                |reason: String| format!("{}, {} rules, {}: {reason}", subject.scene, subject.rules, subject.name);
            let target = envoy.listeners().get(&subject.listener).ok_or_else(|| failed("has no listener".into()))?;
            let before = copies(upstream);
            let turn = turn(*target, worker, &subject.requests).map_err(|error| failed(error.to_string()))?;
            subject.expected.check(&turn).map_err(failed)?;
            let copied = (copies(upstream) - before) as f64 / turn.sent as f64;
            if !COPIED[usize::from(subject.copied)].contains(&copied) {
                return Err(failed(format!("{copied:.3} of its requests are copied")).into());
            }
            if round > 0 {
                measured[place].push(turn.cpu, turn.rate, turn.busy);
            }
        }
    }
    Ok(measured)
}

/// How many copies have arrived.
fn copies(upstream: &Upstream) -> u64 {
    upstream.arrivals().last().copied().unwrap_or_default()
}

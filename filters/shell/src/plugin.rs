//! What makes one module different from the others, and what its streams share.

use crate::collections::Collections;
use crate::counts::Counts;
use crate::delays::Delays;
use crate::draws::Draws;
use crate::guards::Guards;
use crate::mirrored::Mirrored;
use crate::outbox::Outbox;
use crate::requests::Requests;
use crate::rotations::Rotations;
use crate::timer::Timer;
use serin_traffic::{Part, Policy};
use std::rc::Rc;

/// What makes one module different from the others.
pub trait Filter: 'static {
    /// The module's name; the proxy puts the plug-in's before each line of the log, which may be another.
    const NAME: &'static str;

    /// What it carries out of all that the rules say.
    const PART: Part;
}

/// What the streams of one configuration share on one worker.
#[derive(Debug)]
pub(crate) struct Plugin {
    /// The rules.
    pub(crate) policy: Policy,
    /// Chance.
    pub(crate) draws: Draws,
    /// Whose turn it is, of the rules that are split exactly.
    pub(crate) rotations: Rotations,
    /// What is known of guarded destinations.
    pub(crate) guards: Guards,
    /// How many requests each destination got.
    pub(crate) requests: Requests,
    /// What of it the proxy has not been told yet.
    pub(crate) counts: Counts,
    /// What is known of the copies of each rule.
    pub(crate) mirrored: Mirrored,
    /// The requests whose bodies are being collected.
    pub(crate) collections: Rc<Collections>,
    /// The copies that are on their way.
    pub(crate) outbox: Rc<Outbox>,
    /// The requests that wait.
    pub(crate) delays: Rc<Delays>,
    pub(crate) timer: Rc<Timer>,
}

impl Default for Plugin {
    fn default() -> Self {
        let timer = Rc::new(Timer::default());
        Self {
            policy: Policy::default(),
            draws: Draws::default(),
            rotations: Rotations::default(),
            guards: Guards::default(),
            requests: Requests::default(),
            counts: Counts::new(Rc::clone(&timer)),
            mirrored: Mirrored::default(),
            collections: Rc::new(Collections::new(Rc::clone(&timer))),
            outbox: Rc::new(Outbox::new(Rc::clone(&timer))),
            delays: Rc::new(Delays::new(Rc::clone(&timer))),
            timer,
        }
    }
}

impl Plugin {
    /// The same with another policy: what is under way stays so.
    pub(crate) fn with(&self, policy: Policy) -> Self {
        self.counts.end();
        Self {
            policy,
            counts: Counts::new(Rc::clone(&self.timer)),
            collections: Rc::clone(&self.collections),
            outbox: Rc::clone(&self.outbox),
            delays: Rc::clone(&self.delays),
            timer: Rc::clone(&self.timer),
            ..Self::default()
        }
    }
}

//! How a destination's share grows by the clock.

use crate::refusal::{Place, Refusal};
use crate::share::Share;
use crate::{duration, instant, written};

/// A share that goes from one value to another between two instants.
///
/// Before the start it is `from`, from the end on it is `to`; between, it grows (or shrinks) evenly. With N steps the time
/// is cut into N parts of one length, and each part begins with a step of one Nth of the way: the first step is made at
/// the start, as an Argo Rollout begins with its first `setWeight`, and the last part is all at `to`. From 0 to 100 % in
/// two hours and four steps: 25 % at the start, 50 % after half an hour, 75 % after an hour, 100 % after one and a half.
///
/// The share is cut off to millionths, on the side of `from`. As the clock goes on it never goes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ramp {
    subset: String,
    from: Share,
    to: Share,
    start: u64,
    duration: u64,
    steps: Option<u32>,
}

impl Ramp {
    /// The ramp that stands at `place`.
    pub(crate) fn compile(place: &Place<'_>, written: &written::Ramp) -> Result<Self, Refusal> {
        let from = Share::compile(&place.field("from"), written.from)?;
        let to = Share::compile(&place.field("to"), written.to)?;
        let start = instant::parse(&written.start).map_err(|reason| place.field("start").refuse(reason))?;
        let duration = duration::positive(&place.field("duration"), &written.duration)?;
        let duration = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        if written.steps == Some(0) {
            return Err(place.field("steps").refuse("must be at least 1"));
        }
        Ok(Self { subset: written.subset.clone(), from, to, start, duration, steps: written.steps })
    }

    /// The destination whose share it is, by its subset.
    pub fn subset(&self) -> &str {
        &self.subset
    }

    /// The share before the start.
    pub fn from(&self) -> Share {
        self.from
    }

    /// The share at `now`, in nanoseconds since 1970.
    pub fn share_at(&self, now: u64) -> Share {
        let Some(elapsed) = now.checked_sub(self.start) else { return self.from };
        if elapsed >= self.duration {
            return self.to;
        }
        let (elapsed, duration) = (u128::from(elapsed), u128::from(self.duration));
        let (made, all) = match self.steps.map(u128::from) {
            None => (elapsed, duration),
            Some(steps) => (elapsed * steps / duration + 1, steps),
        };
        let (from, to) = (self.from.millionths(), self.to.millionths());
        // Not more than the way from one to the other, because `made` is at most `all`.
        let way = (u128::from(from.abs_diff(to)) * made / all) as u32;
        Share::from_millionths(if from < to { from + way } else { from - way })
    }
}

#[cfg(test)]
mod tests;

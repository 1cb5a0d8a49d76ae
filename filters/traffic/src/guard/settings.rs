//! When a destination loses its share because it fails: a policy's `guard`, compiled.

use super::window::{BUCKETS, Counts};
use crate::duration;
use crate::refusal::{Place, Refusal, Warning};
use crate::share::Share;
use crate::written;
use std::time::Duration;

/// How much of its share a destination has in a trial, in millionths: a tenth.
const TRIAL: u32 = Share::MILLION / 10;

/// How many errors it takes to end a trial before [`Guard::min_requests`] answers are there. A destination with one error
/// in a hundred has so many in less than one of three hundred trials with a bound of 5 %.
const TRIAL_ERRORS: u32 = 5;

const MIN_REQUESTS: u32 = 100;
const WINDOW: Duration = Duration::from_secs(30);
const HOLD: Duration = Duration::from_secs(300);

/// When a destination loses its share: compiled from [`written::Guard`].
///
/// ```
/// use serde_json::json;
/// use serin_traffic::{guard::Guard, written};
///
/// let written: written::Guard = written::read("guard", json!({"subset": "v2", "maxErrorPercent": 5})).unwrap();
/// let guard = Guard::try_from(&written).unwrap();
/// assert_eq!(guard.flush_after(), 1_500_000_000);
///
/// let refusal = Guard::try_from(&written::Guard { max_error_percent: 100.0, ..written }).unwrap_err();
/// assert_eq!(refusal.to_string(), "guard.maxErrorPercent: 100 is not less than 100");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// How many of the responses may be errors.
    pub(super) max_error: Share,
    /// How many answers it takes to judge.
    pub(super) min_requests: u32,
    /// How long answers count, in nanoseconds.
    pub(super) window: u64,
    /// How long the share is withdrawn, in nanoseconds.
    pub(super) hold: u64,
    /// How much of its share the destination has in a trial.
    pub(super) trial: Share,
}

impl Guard {
    pub(crate) fn compile(place: &Place<'_>, written: &written::Guard) -> Result<Self, Refusal> {
        let window = match &written.window {
            None => WINDOW,
            Some(text) => window(&place.field("window"), text)?,
        };
        let hold =
            written.hold.as_deref().map(|text| duration::milliseconds(&place.field("hold"), text)).transpose()?;
        let min_requests = written.min_requests.unwrap_or(MIN_REQUESTS);
        if min_requests == 0 {
            return Err(place.field("minRequests").refuse("must be at least 1"));
        }
        Ok(Self {
            max_error: max_error(&place.field("maxErrorPercent"), written.max_error_percent)?,
            min_requests,
            window: nanoseconds(window),
            hold: nanoseconds(hold.unwrap_or(HOLD)),
            trial: Share::from_millionths(TRIAL),
        })
    }

    /// What is legal and yet suspect of the guard at `place`.
    pub(crate) fn warning(&self, place: &Place<'_>) -> Option<Warning> {
        let (hold, window) = (Spoken(self.hold), Spoken(self.window));
        let reason = || {
            format!("{hold} is shorter than the window, {window}: errors are punished for less time than they count")
        };
        (self.hold < self.window).then(|| place.field("hold").warn(reason()))
    }

    /// How long a worker may count on its own before it tells the others, in nanoseconds: a twentieth of the window, but no
    /// longer than 5 s, so that a long window delays no trial.
    pub fn flush_after(&self) -> u64 {
        (self.window / 20).clamp(50_000_000, 5_000_000_000)
    }

    /// Whether more of these answers were errors than may be.
    pub(super) fn is_passed(&self, seen: Counts) -> bool {
        u64::from(seen.errors) * u64::from(Share::MILLION)
            > u64::from(self.max_error.millionths()) * u64::from(seen.answers)
    }

    /// Whether answers that came within a window are enough to judge by.
    pub(super) fn can_judge(&self, seen: Counts) -> bool {
        seen.answers >= self.min_requests
    }

    /// Whether the answers of a trial are enough to fail it, if they pass the bound.
    pub(super) fn can_fail(&self, seen: Counts, trial_is_over: bool) -> bool {
        self.can_judge(seen) || seen.errors >= if trial_is_over { 2 } else { TRIAL_ERRORS }
    }

    /// How long a trial waits for answers, in nanoseconds: at the least rate by which the guard can judge, a tenth of the
    /// share gives enough of them within ten windows.
    pub(super) fn longest_trial(&self) -> u64 {
        self.window.saturating_mul(10).max(self.hold)
    }

    /// How long one of the window's parts is, in nanoseconds.
    pub(super) fn bucket(&self) -> u64 {
        self.window / BUCKETS as u64
    }
}

impl TryFrom<&written::Guard> for Guard {
    type Error = Refusal;

    /// Compiles a guard that stands alone, at the path `guard`.
    fn try_from(written: &written::Guard) -> Result<Self, Refusal> {
        Self::compile(&Place::root("guard"), written)
    }
}

/// The bound: less than all.
fn max_error(place: &Place<'_>, percent: f64) -> Result<Share, Refusal> {
    if percent.is_nan() {
        return Err(place.refuse("is not a number"));
    }
    if percent < 0.0 {
        return Err(place.refuse(format!("{percent} is negative")));
    }
    if percent >= 100.0 {
        return Err(place.refuse(format!("{percent} is not less than 100")));
    }
    Ok(Share::compile(place, percent)?.min(Share::from_millionths(Share::MILLION - 1)))
}

fn window(place: &Place<'_>, text: &str) -> Result<Duration, Refusal> {
    let window = duration::milliseconds(place, text)?;
    if window < Duration::from_secs(1) {
        return Err(place.refuse(format!("{text} is less than a second: too short to judge by")));
    }
    if window > Duration::from_secs(3_600) {
        return Err(place.refuse(format!("{text} is more than an hour: what was so long ago says nothing of now")));
    }
    Ok(window)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// So many nanoseconds, as Go writes durations.
pub(super) struct Spoken(pub(super) u64);

impl std::fmt::Display for Spoken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (minutes, rest) = (self.0 / 60_000_000_000, self.0 % 60_000_000_000);
        let (hours, minutes) = (minutes / 60, minutes % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        if rest > 0 || self.0 == 0 {
            write!(f, "{}s", rest as f64 / 1e9)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;
    use super::*;
    use crate::wasm_test::test;

    fn refusal(written: &written::Guard) -> String {
        Guard::try_from(written).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let guard = Guard::try_from(&written()).unwrap();
        let expected = Guard {
            max_error: Share::from_percent(5.0).unwrap(),
            min_requests: 100,
            window: 30_000_000_000,
            hold: 300_000_000_000,
            trial: Share::from_percent(10.0).unwrap(),
        };
        assert_eq!(guard, expected);
    }

    #[test]
    fn a_bound_is_from_nought_to_below_a_hundred() {
        for (percent, reason) in [
            (-1.0, "-1 is negative"),
            (100.0, "100 is not less than 100"),
            (f64::INFINITY, "inf is not less than 100"),
            (f64::NAN, "is not a number"),
        ] {
            let written = written::Guard { max_error_percent: percent, ..written() };
            assert_eq!(refusal(&written), format!("guard.maxErrorPercent: {reason}"));
        }
        for (percent, millionths) in [(0.0, 0), (0.57, 5_700), (5.0, 50_000), (99.999_999_999_99, 999_999)] {
            let written = written::Guard { max_error_percent: percent, ..written() };
            assert_eq!(Guard::try_from(&written).unwrap().max_error.millionths(), millionths, "{percent}");
        }
    }

    #[test]
    fn a_guard_that_judges_by_nothing_is_refused() {
        let written = written::Guard { min_requests: Some(0), ..written() };
        assert_eq!(refusal(&written), "guard.minRequests: must be at least 1");
    }

    #[test]
    fn windows_and_holds_that_make_no_sense_are_refused() {
        for (window, reason) in [
            ("0s", "0s is less than a millisecond"),
            ("-1s", "`-1s` is not a duration such as 90s or 1h30m"),
            ("999ms", "999ms is less than a second: too short to judge by"),
            ("61m", "61m is more than an hour: what was so long ago says nothing of now"),
        ] {
            let written = written::Guard { window: Some(window.into()), ..written() };
            assert_eq!(refusal(&written), format!("guard.window: {reason}"));
        }
        let written = written::Guard { hold: Some("0".into()), ..written() };
        assert_eq!(refusal(&written), "guard.hold: 0 is less than a millisecond");
    }

    #[test]
    fn a_hold_shorter_than_the_window_is_suspect() {
        let place = Place::root("guard");
        let short = Guard::try_from(&written::Guard { hold: Some("2s".into()), ..written() }).unwrap();
        let expected =
            "guard.hold: 2s is shorter than the window, 30s: errors are punished for less time than they count";
        assert_eq!(short.warning(&place).unwrap().to_string(), expected);
        assert_eq!(Guard::try_from(&written()).unwrap().warning(&place), None);
    }

    #[test]
    fn workers_tell_each_other_many_times_a_window() {
        for (window, milliseconds) in [("1s", 50), ("30s", 1_500), ("1h", 5_000)] {
            let written = written::Guard { window: Some(window.into()), ..written() };
            assert_eq!(Guard::try_from(&written).unwrap().flush_after(), milliseconds * 1_000_000, "{window}");
        }
    }

    #[test]
    fn durations_are_spoken_as_go_writes_them() {
        for text in ["0s", "0.25s", "30s", "1m30.5s", "5m", "1h", "1h1s", "26h30m"] {
            let nanoseconds = nanoseconds(crate::duration::parse(text).unwrap());
            assert_eq!(Spoken(nanoseconds).to_string(), text);
        }
    }
}

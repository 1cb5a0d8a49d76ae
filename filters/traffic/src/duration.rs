//! Durations as Go writes them: `90s`, `1h30m`, `1.5s`, `250ms`.

use crate::refusal::{Place, Refusal};
use std::time::Duration;

/// The units, in nanoseconds; longer names first where one begins another.
const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
];

/// Reads a duration (Go, `time.ParseDuration`); `None` if it is none, is negative or does not fit 63 bits of nanoseconds.
///
/// ```
/// use serin_traffic::duration::parse;
/// use std::time::Duration;
///
/// assert_eq!(parse("1h30m"), Some(Duration::from_secs(5_400)));
/// assert_eq!(parse("90"), None);
/// ```
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: u64 = 0;
    while !rest.is_empty() {
        let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, behind) = rest.split_at_checked(number_end)?;
        let (unit, size) = UNITS.into_iter().find(|(unit, _)| behind.starts_with(unit))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanoseconds = nanoseconds.checked_add(whole.checked_mul(size)?)?;
        let mut scale = size;
        for digit in fraction.bytes() {
            scale /= 10;
            nanoseconds = nanoseconds.checked_add(u64::from(digit - b'0') * scale)?;
        }
        rest = behind.strip_prefix(unit)?;
    }
    i64::try_from(nanoseconds).ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Reads the duration written at `place`.
pub(crate) fn read(place: &Place<'_>, text: &str) -> Result<Duration, Refusal> {
    parse(text).ok_or_else(|| place.refuse(mistake_in(text)))
}

/// Reads the duration written at `place`, which is not to be nothing.
pub(crate) fn positive(place: &Place<'_>, text: &str) -> Result<Duration, Refusal> {
    match read(place, text)? {
        Duration::ZERO => Err(place.refuse("must be greater than zero")),
        duration => Ok(duration),
    }
}

/// Reads a duration of whole milliseconds, at least one: Istio's bound on every duration (`ValidateDuration`).
pub(crate) fn milliseconds(place: &Place<'_>, text: &str) -> Result<Duration, Refusal> {
    let duration = read(place, text)?;
    if duration < Duration::from_millis(1) {
        return Err(place.refuse(format!("{text} is less than a millisecond")));
    }
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err(place.refuse(format!("{text} is not a number of whole milliseconds")));
    }
    Ok(duration)
}

/// What is said of a text that [`parse`] does not read.
pub fn mistake_in(text: &str) -> String {
    format!("`{text}` is not a duration such as 90s or 1h30m")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn durations_are_gos() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("5s", 5_000),
            ("1.5s", 1_500),
            (".5s", 500),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("1m0.25s", 60_250),
            ("+2m", 120_000),
            ("1000us", 1),
            ("1000µs", 1),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for text in ["", "+", "5", "s", ".s", "-1s", "1d", "1.2.3s", "1 s", "1s ", "5S", "300000000h", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

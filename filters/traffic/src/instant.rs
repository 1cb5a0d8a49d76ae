//! Instants as RFC 3339 writes them: `2026-11-20T15:00:00Z`, `2026-11-20T16:00:00.5+01:00`.

use humantime::TimestampError;
use std::time::SystemTime;

const NANOSECONDS: u64 = 1_000_000_000;

/// Reads an instant, in nanoseconds since 1970.
///
/// ```
/// use serin_traffic::instant::parse;
///
/// assert_eq!(parse("2026-11-20T15:00:00Z"), Ok(1_795_186_800_000_000_000));
/// assert_eq!(parse("2026-11-20T16:00:00+01:00"), parse("2026-11-20T15:00:00Z"));
/// ```
///
/// # Errors
///
/// The reason, if it is none or does not fit `u64` (1970 to July of 2554).
pub fn parse(text: &str) -> Result<u64, String> {
    let none = || format!("`{text}` is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z");
    let early = || format!("{text} is before 1970");
    let (local, offset) = split(text).ok_or_else(none)?;
    // The calendar is humantime's, which knows UTC alone.
    let as_utc = format!("{}Z", local.to_ascii_uppercase());
    let instant = humantime::parse_rfc3339(&as_utc).map_err(|error| match error {
        TimestampError::OutOfRange if local < "1970" => early(),
        _ => none(),
    })?;
    let since = instant.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| early())?;
    // A leap second is counted as the second behind it; humantime counts it as the one before it.
    let leap = i64::from(local.get(17..19) == Some("60"));
    let seconds = i64::try_from(since.as_secs()).ok().and_then(|seconds| seconds.checked_add(leap - offset));
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).ok_or_else(early)?;
    let whole = seconds.checked_mul(NANOSECONDS);
    whole
        .and_then(|whole| whole.checked_add(u64::from(since.subsec_nanos())))
        .ok_or_else(|| format!("{text} is later than 2554-07-21T23:34:33Z"))
}

/// The local time, and by how many seconds it is ahead of UTC.
fn split(text: &str) -> Option<(&str, i64)> {
    let (local, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(local) => (local, 0),
        None => {
            let (local, offset) = text.split_at_checked(text.len().checked_sub("+00:00".len())?)?;
            (local, seconds_of(offset)?)
        }
    };
    let fraction = local.get("2026-11-20T15:00:00".len()..)?;
    let digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let is_fraction = fraction.is_empty() || fraction.strip_prefix('.').is_some_and(digits);
    is_fraction.then_some((local, offset))
}

/// The seconds of `+01:00`.
fn seconds_of(offset: &str) -> Option<i64> {
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let number = |text: &str, below: i64| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| digits && *number < below)
    };
    let seconds = number(hours, 24)? * 3_600 + number(minutes, 60)? * 60;
    match offset.as_bytes().first()? {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::text_of;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    #[test]
    fn instants_are_those_of_rfc_3339() {
        for (text, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("2026-11-20T15:00:00Z", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20t15:00:00z", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20T15:00:00-00:00", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20T09:30:00-05:30", 1_795_186_800 * NANOSECONDS),
            ("2026-11-21T14:59:00+23:59", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20T15:00:00.25Z", 1_795_186_800 * NANOSECONDS + NANOSECONDS / 4),
            ("2026-11-20T17:00:00.25+02:00", 1_795_186_800 * NANOSECONDS + NANOSECONDS / 4),
            ("2026-11-20T15:00:00.0000000019Z", 1_795_186_800 * NANOSECONDS + 1),
            ("2016-12-31T23:59:60Z", 1_483_228_800 * NANOSECONDS),
            ("2024-02-29T00:00:00Z", 1_709_164_800 * NANOSECONDS),
            ("2554-07-21T23:34:33.709551615Z", u64::MAX),
        ] {
            assert_eq!(parse(text), Ok(nanoseconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "Z",
            "now",
            "2026-11-20",
            "2026-11-20T15:00:00",
            "2026-11-20 15:00:00Z",
            "2026-11-20T15:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T15:00:00+0100",
            "2026-11-20T15:00:00+24:00",
            "2026-11-20T15:00:00+01:60",
            "2026-11-20T15:00:00+01:00Z",
            "2026-11-20T15:00:00.5+01:0Z",
            "2026-11-20T15:00:00++1:00",
            "2026-11-20T15:00:00.Z",
            "2026-11-20T15:00:00Z ",
            "2026-11-20T15:00:0éZ",
            "1795186800",
        ] {
            let reason = format!("`{text}` is not an instant of RFC 3339, such as 2026-11-20T15:00:00Z");
            assert_eq!(parse(text), Err(reason));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for early in ["1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "0000-01-01T00:00:00Z"] {
            assert_eq!(parse(early), Err(format!("{early} is before 1970")));
        }
        for late in ["2554-07-21T23:34:33.709551616Z", "2554-07-22T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(parse(late), Err(format!("{late} is later than 2554-07-21T23:34:33Z")));
        }
    }

    proptest! {
        #[test]
        fn every_instant_is_read_as_it_was_written(seconds in 0..18_446_744_073u64, nanoseconds in 0..1_000_000_000u64) {
            let since = std::time::Duration::new(seconds, nanoseconds as u32);
            let text = humantime::format_rfc3339_nanos(SystemTime::UNIX_EPOCH + since).to_string();
            prop_assert_eq!(parse(&text), Ok(seconds * NANOSECONDS + nanoseconds));
        }

        #[test]
        fn no_text_ever_panics(text in text_of("0123456789-:+.TZé", 0..40)) {
            let _ = parse(&text);
        }
    }
}

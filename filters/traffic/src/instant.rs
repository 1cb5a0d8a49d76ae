//! Instants as RFC 3339 writes them: `2026-11-20T15:00:00Z`, `2026-11-20T16:00:00.5+01:00`.

use chrono::DateTime;

const NANOSECONDS: u64 = 1_000_000_000;

/// Reads an instant, in nanoseconds since 1970; the reason if it is none or does not fit `u64` (1970 to July of 2554).
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let instant = DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("{text:?} is no instant of RFC 3339, such as 2026-11-20T15:00:00Z"))?;
    let seconds = u64::try_from(instant.timestamp()).map_err(|_| format!("{text} is before 1970"))?;
    let whole = seconds.checked_mul(NANOSECONDS);
    // In a leap second the part below the second is more than a second.
    whole
        .and_then(|whole| whole.checked_add(u64::from(instant.timestamp_subsec_nanos())))
        .ok_or_else(|| format!("{text} is later than 2554-07-21T23:34:33Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn instants_are_those_of_rfc_3339() {
        for (text, nanoseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1970-01-01T00:00:00.000000001Z", 1),
            ("2026-11-20T15:00:00Z", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20t15:00:00z", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20T09:30:00-05:30", 1_795_186_800 * NANOSECONDS),
            ("2026-11-20T15:00:00.25Z", 1_795_186_800 * NANOSECONDS + NANOSECONDS / 4),
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
            "now",
            "2026-11-20",
            "2026-11-20T15:00:00",
            "2026-11-20T15:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T15:00:00+0100",
            "2026-11-20T15:00:00.Z",
            "2026-11-20T15:00:00Z ",
            "1795186800",
        ] {
            let reason = format!("{text:?} is no instant of RFC 3339, such as 2026-11-20T15:00:00Z");
            assert_eq!(parse(text), Err(reason));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let early = "1969-12-31T23:59:59Z";
        assert_eq!(parse(early), Err(format!("{early} is before 1970")));
        for late in ["2554-07-21T23:34:33.709551616Z", "2554-07-22T00:00:00Z", "9999-12-31T23:59:59Z"] {
            assert_eq!(parse(late), Err(format!("{late} is later than 2554-07-21T23:34:33Z")));
        }
    }
}

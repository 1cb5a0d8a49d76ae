//! Durations: Go's on the way in, as Kubernetes has them, protobuf's on the way out.

/// `1h30m`, `250ms` or `1.5s` in seconds as Envoy's JSON has them: `5400s`, `0.25s`, `1.5s`.
pub(crate) fn in_seconds(text: &str) -> Option<String> {
    const NANOS: [(&str, u64); 6] = [
        // Longer units first: of `ms` and `m`, the first that fits is meant.
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, behind) = rest.split_at(end);
        let (unit, nanos) = NANOS.into_iter().find(|(unit, _)| behind.starts_with(unit))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(nanos)?)?;
        let mut step = nanos;
        for digit in fraction.bytes() {
            step /= 10;
            total = total.checked_add(step.checked_mul(u64::from(digit.checked_sub(b'0').filter(|it| *it < 10)?))?)?;
        }
        rest = &behind[unit.len()..];
    }
    let (seconds, nanos) = (total / 1_000_000_000, total % 1_000_000_000);
    if nanos == 0 {
        return Some(format!("{seconds}s"));
    }
    Some(format!("{seconds}.{}s", format!("{nanos:09}").trim_end_matches('0')))
}

#[cfg(test)]
mod tests {
    use super::in_seconds;

    #[test]
    fn go_durations_become_seconds() {
        let cases = [
            ("30ms", "0.03s"),
            ("1h30m", "5400s"),
            ("1.5s", "1.5s"),
            ("10s", "10s"),
            (".5s", "0.5s"),
            ("1m0.25s", "60.25s"),
        ];
        for (written, seconds) in cases {
            assert_eq!(in_seconds(written).as_deref(), Some(seconds), "{written}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        for written in ["", "10", "s", "ten s", "-1s", "1.2.3s", "1d", "99999999999999999999s"] {
            assert_eq!(in_seconds(written), None, "{written}");
        }
    }
}

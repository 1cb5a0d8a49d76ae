//! Durations: Go's on the way in, as Kubernetes has them, protobuf's on the way out.

use serin_traffic::Refusal;

/// The duration `text` of `field` at `path` in seconds, as Envoy's JSON has them.
pub(crate) fn duration(path: &str, field: &str, text: &str) -> Result<String, Refusal> {
    in_seconds(text).ok_or_else(|| mistaken(path, field, text))
}

/// The refusal of a `text` that is no duration.
pub(crate) fn mistaken(path: &str, field: &str, text: &str) -> Refusal {
    Refusal::new(format!("{path}.{field}"), serin_traffic::duration::mistake_in(text))
}

/// `1h30m`, `250ms` or `1.5s` in seconds as Envoy's JSON has them: `5400s`, `0.25s`, `1.5s`.
fn in_seconds(text: &str) -> Option<String> {
    let duration = serin_traffic::duration::parse(text.trim())?;
    let (seconds, nanos) = (duration.as_secs(), duration.subsec_nanos());
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

//! What a plain scalar means: `resolve` of `go.yaml.in/yaml/v2` (resolve.go), then JSON as `sigs.k8s.io/yaml` writes it.

use serde_json::{Number, Value};

/// The greatest whole number up to which Go writes a float without an exponent, and JSON has it as a whole number.
const GREATEST_PLAIN_FLOAT: f64 = 1e21;

/// The value of the plain scalar `text`.
///
/// # Errors
///
/// Why it has none: JSON knows no infinity.
pub(super) fn resolve(text: &str) -> Result<Value, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Ok(Value::Bool(true));
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Ok(Value::Bool(false));
        }
        ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf"
        | "-.INF" => return Err(format!("{text} is no number that JSON has")),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        Some(b'.') => float(text),
        Some(b'0'..=b'9' | b'+' | b'-') => {
            let text = text.replace('_', "");
            whole(&text).or_else(|| float(&text))
        }
        _ => None,
    };
    Ok(number.map_or_else(|| Value::String(text.to_owned()), Value::Number))
}

/// Go's `strconv.ParseInt` and `ParseUint` with base 0: `0x`, `0b`, `0o`, and octal after a plain `0`.
fn whole(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let lower = unsigned.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (lower.get(2..)?, 16),
        [b'0', b'b', ..] => (lower.get(2..)?, 2),
        [b'0', b'o', ..] => (lower.get(2..)?, 8),
        [b'0', _, ..] => (lower.get(1..)?, 8),
        _ => (lower.as_str(), 10),
    };
    if !digits.bytes().all(|digit| digit.is_ascii_alphanumeric()) {
        return None;
    }
    let size = u64::from_str_radix(digits, radix).ok()?;
    match text.as_bytes().first() {
        Some(b'-') => 0_i64.checked_sub_unsigned(size).map(Number::from),
        Some(b'+') => i64::try_from(size).ok().map(Number::from),
        _ => Some(Number::from(size)),
    }
}

/// A float of YAML, which JSON has as a whole number where it is one.
fn float(text: &str) -> Option<Number> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => unsigned.split_at_checked(at)?,
        None => (unsigned, ""),
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some(("", fraction)) => is_number(fraction),
        Some((whole, fraction)) => is_number(whole) && (fraction.is_empty() || is_number(fraction)),
        None => is_number(mantissa),
    };
    let exponent = exponent.strip_prefix(['e', 'E']);
    let is_exponent = exponent.is_none_or(|text| is_number(text.strip_prefix(['+', '-']).unwrap_or(text)));
    if !is_mantissa || !is_exponent {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    if value.fract() == 0.0 && value.abs() < GREATEST_PLAIN_FLOAT {
        // The conversion of a float that is whole and small enough loses nothing.
        let whole = value as i128;
        if let Some(number) = Number::from_i128(whole) {
            return Some(number);
        }
    }
    Number::from_f64(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// As `YAMLToJSON` of sigs.k8s.io/yaml v1.6.0 has it.
    #[test]
    fn plain_scalars_are_what_kubectl_takes_them_for() {
        let texts = [
            "yEs",
            "nO",
            "oN",
            "tRue",
            "nUll",
            "_1",
            "0b2",
            "1e",
            "12:30",
            "190:20:30",
            "1e400",
            "2001-01-01",
            "=",
            "2001-01-01T00:00:00Z",
            "0.1.2",
            "v1",
            "1,000",
            "0x",
            "0b",
            "+",
            ".",
            "..",
            "1e3.5",
            "Infinity",
            "NaN",
            "inf",
            ".e5",
            "._5",
            "<<",
            "0xg",
            "1.5.",
            "--1",
            "+-1",
            "1-",
            "é",
        ];
        for text in texts {
            assert_eq!(resolve(text), Ok(json!(text)), "{text}");
        }
        for text in ["y", "Yes", "ON", "TRUE"] {
            assert_eq!(resolve(text), Ok(json!(true)), "{text}");
        }
        for text in ["n", "No", "off", "False"] {
            assert_eq!(resolve(text), Ok(json!(false)), "{text}");
        }
        for text in ["", "~", "Null"] {
            assert_eq!(resolve(text), Ok(Value::Null), "{text}");
        }
        let numbers = [
            ("0777", json!(511)),
            ("0o17", json!(15)),
            ("0O17", json!(15)),
            ("017", json!(15)),
            ("08", json!(8)),
            ("0_8", json!(8)),
            ("1_000", json!(1000)),
            ("1_", json!(1)),
            ("0x1F", json!(31)),
            ("0x_1F", json!(31)),
            ("0b11", json!(3)),
            ("-0b11", json!(-3)),
            ("+12", json!(12)),
            ("-12", json!(-12)),
            ("00", json!(0)),
            ("-0", json!(0)),
            ("+1.5", json!(1.5)),
            ("1.", json!(1)),
            ("90.0", json!(90)),
            (".5", json!(0.5)),
            ("-.5", json!(-0.5)),
            ("1e3", json!(1000)),
            ("1E+3", json!(1000)),
            ("1e-3", json!(0.001)),
            ("0777.5", json!(777.5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("-9223372036854775808", json!(i64::MIN)),
            ("123456789012345678901234567890", json!(1.2345678901234568e29)),
        ];
        for (text, number) in numbers {
            assert_eq!(resolve(text), Ok(number), "{text}");
        }
        assert!(resolve(".inf").is_err() && resolve(".NaN").is_err());
    }
}

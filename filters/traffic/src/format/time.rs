//! Instants in the words of `strftime`, as Envoy writes them.

use std::fmt::Write;

/// How Envoy writes an instant where nothing is said: ISO 8601 with milliseconds.
const DEFAULT: &str = "%Y-%m-%dT%H:%M:%E3SZ";

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How an instant is written: in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TimeFormat(Vec<Item>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Text(String),
    /// A conversion of `strftime`.
    Field(char),
    /// So many digits of the fraction of the second.
    Fraction(usize),
    /// The second with so many digits of its fraction.
    Second(usize),
}

impl TimeFormat {
    pub(super) fn compile(text: Option<&str>) -> Result<Self, String> {
        let text = text.filter(|text| !text.is_empty()).unwrap_or(DEFAULT);
        let mut items = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                literal.push(c);
                continue;
            }
            let conversion = rest.next().ok_or("ends with a lone %")?;
            let item = match conversion {
                '%' => {
                    literal.push('%');
                    continue;
                }
                'f' => Item::Fraction(9),
                '1'..='9' if rest.clone().next() == Some('f') => {
                    rest.next();
                    Item::Fraction(conversion as usize - '0' as usize)
                }
                'E' => {
                    let digits = rest.next().and_then(|digit| digit.to_digit(10)).filter(|digits| *digits <= 9);
                    match (digits, rest.next()) {
                        (Some(digits), Some('S')) => Item::Second(digits as usize),
                        (Some(digits), Some('f')) => Item::Fraction(digits as usize),
                        _ => {
                            return Err(
                                "of the conversions with %E only %E3S and %E3f and the like are served".to_owned()
                            );
                        }
                    }
                }
                field if "aAbBhcCdDeFHIjklmMpRrSsTuwxXyYzZ".contains(field) => Item::Field(field),
                other => return Err(format!("the conversion %{other} is not served")),
            };
            if !literal.is_empty() {
                items.push(Item::Text(std::mem::take(&mut literal)));
            }
            items.push(item);
        }
        if !literal.is_empty() {
            items.push(Item::Text(literal));
        }
        Ok(Self(items))
    }

    /// The instant, in nanoseconds since 1970.
    pub(super) fn write(&self, nanoseconds: u64) -> String {
        let instant = Instant::of(nanoseconds);
        let mut text = String::new();
        for item in &self.0 {
            // Writing to a text does not fail.
            let _ = match item {
                Item::Text(literal) => write!(text, "{literal}"),
                Item::Field(field) => instant.field(&mut text, *field),
                Item::Fraction(digits) => write!(text, "{}", instant.fraction(*digits)),
                Item::Second(0) => write!(text, "{:02}", instant.second),
                Item::Second(digits) => write!(text, "{:02}.{}", instant.second, instant.fraction(*digits)),
            };
        }
        text
    }
}

/// An instant, taken apart.
struct Instant {
    seconds: u64,
    nanoseconds: u64,
    year: u64,
    /// From 0.
    month: usize,
    day: u64,
    /// From 1.
    day_of_year: u64,
    /// 0 is Sunday.
    day_of_week: usize,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Instant {
    fn of(nanoseconds: u64) -> Self {
        let (seconds, nanoseconds) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        let days = seconds / 86_400;
        let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days_of = |year| if is_leap(year) { 366 } else { 365 };
        // 64 bits of nanoseconds end in the year 2554.
        let (mut year, mut day) = (1970, days);
        while day >= days_of(year) {
            day -= days_of(year);
            year += 1;
        }
        let day_of_year = day + 1;
        let february = days_of(year) - 337;
        let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut month = 0;
        for length in lengths {
            if day < length {
                break;
            }
            day -= length;
            month += 1;
        }
        let of_day = seconds % 86_400;
        Self {
            seconds,
            nanoseconds,
            year,
            month,
            day: day + 1,
            day_of_year,
            // The first day of 1970 was a Thursday.
            day_of_week: usize::try_from((days + 4) % 7).unwrap_or(0),
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
        }
    }

    fn fraction(&self, digits: usize) -> String {
        let whole = format!("{:09}", self.nanoseconds);
        whole.get(..digits).unwrap_or(&whole).to_owned()
    }

    fn field(&self, text: &mut String, field: char) -> std::fmt::Result {
        let (month, weekday) = (MONTHS.get(self.month).unwrap_or(&""), DAYS.get(self.day_of_week).unwrap_or(&""));
        let short = |name: &str| name.get(..3).unwrap_or(name).to_owned();
        let twelve = (self.hour + 11) % 12 + 1;
        let half = if self.hour < 12 { "AM" } else { "PM" };
        let mut all = |fields: &str| {
            fields.chars().try_for_each(|field| match field {
                ' ' | ':' | '/' | '-' => text.write_char(field),
                field => self.field(text, field),
            })
        };
        match field {
            'a' => write!(text, "{}", short(weekday)),
            'A' => write!(text, "{weekday}"),
            'b' | 'h' => write!(text, "{}", short(month)),
            'B' => write!(text, "{month}"),
            'c' => all("a b e T Y"),
            'C' => write!(text, "{:02}", self.year / 100),
            'd' => write!(text, "{:02}", self.day),
            'D' | 'x' => all("m/d/y"),
            'e' => write!(text, "{:2}", self.day),
            'F' => all("Y-m-d"),
            'H' => write!(text, "{:02}", self.hour),
            'I' => write!(text, "{twelve:02}"),
            'j' => write!(text, "{:03}", self.day_of_year),
            'k' => write!(text, "{:2}", self.hour),
            'l' => write!(text, "{twelve:2}"),
            'm' => write!(text, "{:02}", self.month + 1),
            'M' => write!(text, "{:02}", self.minute),
            'p' => write!(text, "{half}"),
            'R' => all("H:M"),
            'r' => all("I:M:S p"),
            'S' => write!(text, "{:02}", self.second),
            's' => write!(text, "{}", self.seconds),
            'T' | 'X' => all("H:M:S"),
            'u' => write!(text, "{}", (self.day_of_week + 6) % 7 + 1),
            'w' => write!(text, "{}", self.day_of_week),
            'y' => write!(text, "{:02}", self.year % 100),
            'Y' => write!(text, "{}", self.year),
            'z' => write!(text, "+0000"),
            'Z' => write!(text, "UTC"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    /// 2026-11-27T09:27:35.033338 UTC, a Friday.
    const NOW: u64 = 1_795_771_655_033_338_000;

    fn written(format: &str) -> String {
        TimeFormat::compile(Some(format)).unwrap().write(NOW)
    }

    /// As Envoy 1.40 wrote that instant.
    #[test]
    fn an_instant_is_written_as_envoy_writes_it() {
        for (format, expected) in [
            ("", "2026-11-27T09:27:35.033Z"),
            ("%Y/%m/%dT%H:%M:%S%z %s", "2026/11/27T09:27:35+0000 1795771655"),
            ("%s.%3f", "1795771655.033"),
            ("%f|%3f|%6f|%9f|%1f|%E3S", "033338000|033|033338|033338000|0|35.033"),
            ("plain %%", "plain %"),
            ("%a %A %b %B %C %d %D %e %F", "Fri Friday Nov November 20 27 11/27/26 27 2026-11-27"),
            ("%h %H %I %j %k %l %m %M %p %r %R %S %T", "Nov 09 09 331  9  9 11 27 AM 09:27:35 AM 09:27 35 09:27:35"),
            ("%u %w %x %X %y %Y %z %Z %c", "5 5 11/27/26 09:27:35 26 2026 +0000 UTC Fri Nov 27 09:27:35 2026"),
        ] {
            assert_eq!(written(format), expected, "{format}");
        }
        assert_eq!(TimeFormat::compile(None).unwrap().write(0), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn leap_days_and_the_ends_of_years_are_days() {
        let day = |seconds: u64| TimeFormat::compile(Some("%F %j")).unwrap().write(seconds * 1_000_000_000);
        assert_eq!(day(951_782_400), "2000-02-29 060");
        assert_eq!(day(951_868_800), "2000-03-01 061");
        assert_eq!(day(978_220_800), "2000-12-31 366");
        assert_eq!(day(978_307_199), "2000-12-31 366");
        assert_eq!(day(4_107_542_400), "2100-03-01 060");
        assert_eq!(TimeFormat::compile(None).unwrap().write(u64::MAX), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn a_conversion_that_is_not_served_is_refused() {
        for format in ["%n", "%", "%E", "%Ez", "%Q", "%-d", "%EY"] {
            assert!(TimeFormat::compile(Some(format)).is_err(), "{format}");
        }
    }
}

//! The keys by which generated requests differ, and where requests carry them.

use crate::manifests::Text;
use hyper::header::HeaderName;
use serin_traffic::written;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// Where a request carries its key, written as `x-serin-decision` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyPlace {
    Header(String),
    Cookie(String),
    QueryParam(String),
    Baggage(String),
    SourceIp,
}

impl KeyPlace {
    /// Reads `header:end-user`, `cookie:session`, `queryParam:uid`, `baggage:user` or `sourceIp`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let none = || {
            let places = "header:NAME, cookie:NAME, queryParam:NAME, baggage:NAME or sourceIp";
            format!("{text:?} is no place of a key: it must be {places}")
        };
        if text == "sourceIp" {
            return Ok(Self::SourceIp);
        }
        let (kind, name) = text.split_once(':').filter(|(_, name)| !name.is_empty()).ok_or_else(none)?;
        // What is allowed in the name of a header is allowed in that of a cookie and of a baggage member.
        let token = |what| match HeaderName::from_bytes(name.as_bytes()) {
            Ok(_) => Ok(name.to_owned()),
            Err(_) => Err(format!("{name:?} is not the name of a {what}")),
        };
        match kind {
            "header" if name.eq_ignore_ascii_case("host") => Err("the host does not vary: see --host".to_owned()),
            "header" => Ok(Self::Header(token("header")?.to_ascii_lowercase())),
            "cookie" => Ok(Self::Cookie(token("cookie")?)),
            "queryParam" if name.contains(['&', '=', '#']) => Err(format!("{name:?} is not the name of a parameter")),
            "queryParam" => Ok(Self::QueryParam(name.to_owned())),
            "baggage" => Ok(Self::Baggage(token("member of baggage")?)),
            _ => Err(none()),
        }
    }

    /// The place that a policy names; `None` for one in which no keys are generated.
    pub(crate) fn of(written: &written::Key) -> Option<Self> {
        let written::Key { header, cookie, query_param, baggage, source_ip, .. } = written;
        let text = match (header, cookie, query_param, baggage) {
            (Some(name), ..) => format!("header:{name}"),
            (_, Some(name), ..) => format!("cookie:{name}"),
            (_, _, Some(name), _) => format!("queryParam:{name}"),
            (.., Some(name)) => format!("baggage:{name}"),
            _ if source_ip.is_some() => "sourceIp".to_owned(),
            _ => return None,
        };
        Self::parse(&text).ok()
    }

    /// Whether a split that found its key at `source` found the one that is carried here.
    pub(crate) fn is(&self, source: &str) -> bool {
        let own = self.to_string();
        // A cookie is the same whoever has given it out.
        source == own
            || source.strip_prefix("issueCookie:") == own.strip_prefix("cookie:") && own.starts_with("cookie:")
    }

    /// Why `key` cannot stand here, if it cannot.
    fn mistake_in(&self, key: &str) -> Option<&'static str> {
        let has = |what: &[char]| key.contains(what);
        let control = key.chars().any(char::is_control);
        match self {
            Self::SourceIp => key.parse::<IpAddr>().is_err().then_some("is not an address"),
            _ if control => Some("has a control character"),
            Self::Header(_) => None,
            Self::Cookie(_) => has(&[';']).then_some("has a semicolon, with which a cookie ends"),
            Self::QueryParam(_) => has(&['&', '#', ' ']).then_some("has a space, & or #, with which a parameter ends"),
            Self::Baggage(_) => {
                has(&[',', ';', '%']).then_some("has a comma, semicolon or %: write it as %2C, %3B or %25")
            }
        }
    }
}

impl fmt::Display for KeyPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::QueryParam(name) => write!(f, "queryParam:{name}"),
            Self::Baggage(name) => write!(f, "baggage:{name}"),
            Self::SourceIp => f.write_str("sourceIp"),
        }
    }
}

/// The keys, one for each request.
#[derive(Clone, Debug)]
pub(crate) enum Keys {
    /// `user-0`, `user-1`, …; of addresses 10.0.0.0, 10.0.0.1, …
    Numbered,
    /// Those of a file, and from the first again when they are over; with each, whether it was not there before.
    Listed(Vec<(String, bool)>),
}

impl Keys {
    /// Reads one key per line; empty lines do not count.
    pub(crate) fn read(text: &Text, place: &KeyPlace) -> Result<Self, String> {
        let (mut keys, mut seen) = (Vec::new(), BTreeSet::new());
        for (index, line) in text.text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() {
                continue;
            }
            if let Some(reason) = place.mistake_in(key) {
                return Err(format!("{}:{}: {key:?} {reason}; keys are for {place}", text.name, index + 1));
            }
            keys.push((key.to_owned(), seen.insert(key)));
        }
        if keys.is_empty() {
            Err(format!("{}: has no key: write one on each line", text.name))
        } else {
            Ok(Self::Listed(keys))
        }
    }

    /// The key of the request `index`, and whether no request before had it.
    pub(crate) fn at(&self, index: u64, place: &KeyPlace) -> (Cow<'_, str>, bool) {
        match (self, place) {
            (Self::Listed(keys), _) => {
                let (round, at) = (index / keys.len() as u64, (index % keys.len() as u64) as usize);
                let (key, first) = &keys[at];
                (key.into(), *first && round == 0)
            }
            (Self::Numbered, KeyPlace::SourceIp) => {
                let address = u32::from(Ipv4Addr::new(10, 0, 0, 0)).wrapping_add(index as u32);
                (Ipv4Addr::from(address).to_string().into(), true)
            }
            (Self::Numbered, _) => (format!("user-{index}").into(), true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for text in ["header:end-user", "cookie:session", "queryParam:uid", "baggage:user", "sourceIp"] {
            assert_eq!(KeyPlace::parse(text).map(|place| place.to_string()), Ok(text.to_owned()));
        }
        for wrong in ["", "end-user", "header", "header:", "header:a b", "cookie:a;b", "queryParam:a=b", "jwtClaim:a:b"]
        {
            assert!(KeyPlace::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_cookie_is_the_same_whoever_gave_it_out() {
        let cookie = KeyPlace::parse("cookie:serin").unwrap();
        assert!(cookie.is("cookie:serin") && cookie.is("issueCookie:serin"));
        assert!(!cookie.is("issueCookie:other") && !cookie.is("header:serin"));
        assert!(!KeyPlace::SourceIp.is("header:x"));
    }

    #[test]
    fn keys_of_a_file_begin_again_and_are_new_only_once() {
        let place = KeyPlace::parse("header:end-user").unwrap();
        let keys = Keys::read(&Text::new("users.txt", "mary\n\n john \r\nmary\n"), &place).unwrap();
        let four: Vec<_> = (0..4).map(|index| keys.at(index, &place)).collect();
        assert_eq!(
            four,
            [("mary".into(), true), ("john".into(), true), ("mary".into(), false), ("mary".into(), false)]
        );
    }

    #[test]
    fn a_key_that_cannot_stand_there_is_refused_with_its_line() {
        let cookie = KeyPlace::parse("cookie:session").unwrap();
        let refusal = Keys::read(&Text::new("users.txt", "a\nb;c\n"), &cookie).unwrap_err();
        assert_eq!(
            refusal,
            "users.txt:2: \"b;c\" has a semicolon, with which a cookie ends; keys are for cookie:session"
        );
        assert!(Keys::read(&Text::new("users.txt", "\n"), &cookie).unwrap_err().starts_with("users.txt: has no key"));
        assert!(Keys::read(&Text::new("users.txt", "mary"), &KeyPlace::SourceIp).is_err());
    }
}

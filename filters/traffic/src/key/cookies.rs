//! Cookies of a request (RFC 6265).

use crate::request::Headers;

/// The value of the first cookie called `name`, with its quotes if it has some (RFC 6265, section 4.2).
pub(crate) fn cookie<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    cookies(headers).find(|(its_name, _)| *its_name == name.as_bytes()).map(|(_, value)| value)
}

/// The names and values of the cookies, in order.
///
/// Over HTTP/2 a client may send each cookie in a header of its own (RFC 9113, section 8.2.3).
pub(crate) fn cookies(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    headers.values("cookie").flat_map(|line| line.split(|byte| *byte == b';')).filter_map(pair)
}

/// Name and value, if `text` is written `name=value`.
pub(super) fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    Some((text.get(..equals)?.trim_ascii(), text.get(equals + 1..)?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::text_of;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn read(lines: &[&[u8]], name: &str) -> Option<Vec<u8>> {
        let mut headers = Headers::default();
        lines.iter().for_each(|line| headers.push(b"cookie", line));
        cookie(&headers, name).map(<[u8]>::to_vec)
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let line = b"theme=dark; session=a1;lang=en ;  empty=";
        assert_eq!(read(&[line], "theme"), Some(b"dark".to_vec()));
        assert_eq!(read(&[line], "session"), Some(b"a1".to_vec()));
        assert_eq!(read(&[line], "lang"), Some(b"en".to_vec()));
        assert_eq!(read(&[line], "empty"), Some(b"".to_vec()));
        assert_eq!(read(&[line], "sess"), None);
        assert_eq!(read(&[line], "ession"), None);
        assert_eq!(read(&[], "session"), None);
    }

    #[test]
    fn upper_and_lower_case_are_two_names() {
        assert_eq!(read(&[b"Session=a"], "session"), None);
    }

    #[test]
    fn cookies_may_stand_in_several_headers() {
        assert_eq!(read(&[b"theme=dark", b"session=a1"], "session"), Some(b"a1".to_vec()));
    }

    #[test]
    fn of_several_cookies_of_one_name_the_first_counts() {
        assert_eq!(read(&[b"session=a; session=b", b"session=c"], "session"), Some(b"a".to_vec()));
    }

    #[test]
    fn a_value_is_kept_as_it_was_sent() {
        assert_eq!(read(&[b"a=\"x y\""], "a"), Some(b"\"x y\"".to_vec()));
        assert_eq!(read(&[b"a=b=c=="], "a"), Some(b"b=c==".to_vec()));
        assert_eq!(read(&[b"a=%41+b"], "a"), Some(b"%41+b".to_vec()));
        assert_eq!(read(&[b"a=caf\xe9"], "a"), Some(b"caf\xe9".to_vec()));
    }

    #[test]
    fn what_has_no_name_is_no_cookie() {
        assert_eq!(read(&[b"session", b";;session;=x; =session"], "session"), None);
    }

    proptest! {
        #[test]
        fn a_cookie_is_always_found_behind_others(
            before in prop::collection::vec(text_of("sesion=\"", 0..8), 0..4), value in text_of("ab=\"%,é", 0..12), split: bool,
        ) {
            let pair = format!("SESSION={value}");
            let mut lines = vec![before.join("; ")];
            if split { lines.push(pair) } else { lines[0] = format!("{}; {pair}", lines[0]) }
            let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
            prop_assert_eq!(read(&lines, "SESSION"), Some(value.into_bytes()));
        }

        #[test]
        fn no_bytes_ever_panic(line: Vec<u8>) {
            read(&[&line], "a");
        }
    }
}

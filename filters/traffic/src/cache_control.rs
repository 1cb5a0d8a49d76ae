//! What shared caches may do with an answer that gives one client a cookie.

/// Directives that let a shared cache keep an answer and give it to others (RFC 9111 5.2.2.9 and 5.2.2.10), and the one that
/// says which headers it must not keep, which the same without headers replaces.
const REPLACED: [&[u8]; 3] = [b"public", b"s-maxage", b"private"];

/// The `cache-control` that keeps an answer with a cookie for one client out of shared caches, where `values` are those that
/// it has; `None` if they do already.
///
/// Caches keep `set-cookie` with the answer (RFC 9111 7.3), so that everybody behind a cache would be the same user. What
/// the answer says for its own client (`max-age`, `must-revalidate`) stays; what it says for shared caches goes.
///
/// ```
/// use serin_traffic::private;
///
/// let for_client = |values: &[&[u8]]| private(values.iter().copied()).map(|value| String::from_utf8(value).unwrap());
/// assert_eq!(for_client(&[]).as_deref(), Some("private"));
/// assert_eq!(for_client(&[b"public, max-age=60"]).as_deref(), Some("private, max-age=60"));
/// assert_eq!(for_client(&[b"no-store"]), None);
/// ```
pub fn private<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let directives: Vec<&[u8]> = values.flat_map(directives).collect();
    if directives.iter().any(|directive| keeps_out(directive)) {
        return None;
    }
    let is_replaced = |directive: &&[u8]| {
        let (name, _) = name_and_value(directive);
        REPLACED.iter().any(|replaced| name.eq_ignore_ascii_case(replaced))
    };
    // In front, where no quote that the answer does not close can swallow it.
    let mut kept: Vec<&[u8]> = vec![b"private"];
    kept.extend(directives.into_iter().filter(|directive| !is_replaced(directive)));
    Some(kept.join(&b", "[..]))
}

/// Whether the directive alone keeps the cookie from others: `no-store`, `private`, or either of `private` and `no-cache` that
/// names `set-cookie`. `no-cache` without names does not: a 304 brings the cookie of the one who came first.
fn keeps_out(directive: &[u8]) -> bool {
    let (name, value) = name_and_value(directive);
    let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
    match value {
        None => is(b"no-store") || is(b"private"),
        Some(fields) => {
            let fields = fields.strip_prefix(b"\"").unwrap_or(fields);
            let fields = fields.strip_suffix(b"\"").unwrap_or(fields);
            let mut names = fields.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            (is(b"private") || is(b"no-cache")) && names.any(|name| name.eq_ignore_ascii_case(b"set-cookie"))
        }
    }
}

fn name_and_value(directive: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut halves = directive.splitn(2, |byte| *byte == b'=');
    let name = halves.next().unwrap_or_default().trim_ascii();
    (name, halves.next().map(<[u8]>::trim_ascii))
}

/// The directives of one value; a comma in quotes is none between directives.
fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    let between = move |byte: &u8| {
        let ends = *byte == b',' && !quoted;
        quoted ^= *byte == b'"' && !escaped;
        escaped = quoted && *byte == b'\\' && !escaped;
        ends
    };
    value.split(between).map(<[u8]>::trim_ascii).filter(|directive| !directive.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn after(values: &[&str]) -> Option<String> {
        private(values.iter().map(|value| value.as_bytes())).map(|value| String::from_utf8(value).unwrap())
    }

    #[test]
    fn an_answer_that_shared_caches_leave_alone_stays_as_it_is() {
        for value in [
            "no-store",
            "No-Store",
            "private",
            "max-age=60, PRIVATE",
            "no-cache=\"set-cookie\"",
            "no-cache=\"x-a, Set-Cookie\", max-age=60",
            "private=\"set-cookie\"",
            "no-cache=set-cookie",
            "public, no-store",
        ] {
            assert_eq!(after(&[value]), None, "{value}");
        }
        assert_eq!(after(&["public", "no-store"]), None);
    }

    #[test]
    fn what_is_for_shared_caches_gives_way_and_the_rest_stays() {
        for (value, expected) in [
            ("", "private"),
            ("no-cache", "private, no-cache"),
            ("public", "private"),
            ("max-age=60", "private, max-age=60"),
            ("Public, Max-Age=60, S-MaxAge=600, must-revalidate", "private, Max-Age=60, must-revalidate"),
            ("private=\"x-user\", max-age=1", "private, max-age=1"),
            ("no-cache=\"x-a\"", "private, no-cache=\"x-a\""),
            ("x=\"a, no-store\", public", "private, x=\"a, no-store\""),
            ("x=\"a\\\", no-store\"", "private, x=\"a\\\", no-store\""),
            (",, max-age = 5 ,", "private, max-age = 5"),
        ] {
            assert_eq!(after(&[value]).as_deref(), Some(expected), "{value}");
        }
        assert_eq!(after(&["public", "max-age=60"]).as_deref(), Some("private, max-age=60"));
    }

    const PIECES: [&str; 10] = ["public", "no-cache", "private=\"x\"", "a", "max", "=", "\"", ",", "\\", " "];

    proptest! {
        #[test]
        fn whatever_an_answer_says_once_is_enough(
            values in prop::collection::vec(prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12), 0..3),
        ) {
            let values: Vec<String> = values.iter().map(|pieces| pieces.concat()).collect();
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            if let Some(value) = private(values.iter().copied()) {
                prop_assert_eq!(private(std::iter::once(&value[..])), None, "{:?}", String::from_utf8_lossy(&value));
            }
        }
    }
}

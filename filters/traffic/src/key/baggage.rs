//! Members of the `baggage` header (W3C Baggage, section 3).

use super::cookies::pair;
use crate::request::Headers;
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// The value of the first member whose key is `key`, decoded; its properties are left out.
pub(crate) fn member<'a>(headers: &'a Headers, key: &str) -> Option<Cow<'a, [u8]>> {
    members(headers).find(|(its_key, _)| *its_key == key.as_bytes()).map(|(_, value)| decoded(value))
}

/// The keys and values of the members, in order, the values as they were sent.
pub(crate) fn members(headers: &Headers) -> impl Iterator<Item = (&[u8], &[u8])> {
    let members = headers.values("baggage").flat_map(|line| line.split(|byte| *byte == b','));
    members.map(without_properties).filter_map(pair)
}

fn without_properties(member: &[u8]) -> &[u8] {
    member.split(|byte| *byte == b';').next().unwrap_or_default()
}

/// The value of a member, decoded.
///
/// What is percent-encoded and no UTF-8 becomes U+FFFD (W3C Baggage, section 3.3.1.3).
pub(crate) fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    match Cow::from(percent_decode(value)) {
        Cow::Borrowed(plain) => Cow::Borrowed(plain),
        Cow::Owned(decoded) => Cow::Owned(String::from_utf8_lossy(&decoded).into_owned().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::any_text;
    use crate::wasm_test::test;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    fn read(lines: &[&[u8]], key: &str) -> Option<Vec<u8>> {
        let mut headers = Headers::default();
        lines.iter().for_each(|line| headers.push(b"baggage", line));
        member(&headers, key).map(Cow::into_owned)
    }

    #[test]
    fn the_members_of_the_specification_are_read() {
        let line = b"key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue";
        assert_eq!(read(&[line], "key1"), Some(b"value1".to_vec()));
        assert_eq!(read(&[line], "key2"), Some(b"value2".to_vec()));
        assert_eq!(read(&[line], "key3"), Some(b"value3".to_vec()));
        assert_eq!(read(&[line], "property1"), None);
        assert_eq!(read(&[line], "propertyKey"), None);
        assert_eq!(read(&[b"serverNode=DF%2028,isProduction=false"], "serverNode"), Some(b"DF 28".to_vec()));
        assert_eq!(read(&[b"userId=Am%C3%A9lie"], "userId"), Some("Amélie".into()));
    }

    #[test]
    fn members_may_stand_in_several_headers_and_the_first_counts() {
        assert_eq!(read(&[b"a=1", b"user=x,user=y", b"user=z"], "user"), Some(b"x".to_vec()));
    }

    #[test]
    fn tabs_and_spaces_around_are_no_part_of_a_value() {
        assert_eq!(read(&[b"\tuser\t=\t x \t; p"], "user"), Some(b"x".to_vec()));
    }

    #[test]
    fn a_value_may_have_equals_signs_and_be_empty() {
        assert_eq!(read(&[b"user=a=b==,x=1"], "user"), Some(b"a=b==".to_vec()));
        assert_eq!(read(&[b"user=,x=1"], "user"), Some(b"".to_vec()));
        assert_eq!(read(&[b"user,x=1"], "user"), None);
    }

    #[test]
    fn upper_and_lower_case_are_two_keys_and_keys_are_not_decoded() {
        assert_eq!(read(&[b"User=a,%75ser=b"], "user"), None);
    }

    #[test]
    fn what_is_wrongly_encoded_is_kept_and_what_is_no_text_replaced() {
        assert_eq!(read(&[b"user=100%,x=1"], "user"), Some(b"100%".to_vec()));
        assert_eq!(read(&[b"user=%zz"], "user"), Some(b"%zz".to_vec()));
        assert_eq!(read(&[b"user=a%FFb"], "user"), Some("a\u{fffd}b".into()));
        assert_eq!(read(&[b"user=caf\xe9"], "user"), Some(b"caf\xe9".to_vec()));
        assert_eq!(read(&[b"user=a+b"], "user"), Some(b"a+b".to_vec()));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_always_read_back(value in any_text()) {
            let line = format!("a=b;c=d , user = {};p=q,user=other", utf8_percent_encode(&value, NON_ALPHANUMERIC));
            prop_assert_eq!(read(&[line.as_bytes()], "user"), Some(value.into_bytes()));
        }

        #[test]
        fn no_bytes_ever_panic(line: Vec<u8>) {
            read(&[&line], "a");
        }
    }
}

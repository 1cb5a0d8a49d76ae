//! The specification's serialization of pairs, read in place.
//!
//! A count, then the sizes of each name and value, then the bytes, each name and value with a zero behind it; numbers
//! are 32 bits, little-endian (proxy-wasm specification, "Serialization").

use serin_traffic::{Field, Headers};

/// The headers in `bytes`; what does not fit is cut off.
pub(crate) fn headers(bytes: Vec<u8>) -> Headers {
    let fields = fields(&bytes);
    Headers::within(bytes, fields)
}

/// The entries of the mapping in `bytes`, which unlike headers tells upper from lower case.
pub(crate) fn mapping(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let entry = |field: Field| Some((bytes.get(field.name)?, bytes.get(field.value)?));
    fields(bytes).into_iter().filter_map(entry).collect()
}

fn fields(bytes: &[u8]) -> Vec<Field> {
    let count = number(bytes, 0).unwrap_or(0);
    // A pair takes eight bytes of sizes at the least: a count beyond that is a lie.
    let count = count.min(bytes.len() / 8);
    let mut fields = Vec::with_capacity(count);
    let mut at = 4 + count * 8;
    for pair in 0..count {
        let sizes = number(bytes, 4 + pair * 8).zip(number(bytes, 8 + pair * 8));
        let Some((name, value)) = sizes.and_then(|(name, value)| Some((at.checked_add(name)?, value))) else {
            break;
        };
        let value_start = name.saturating_add(1);
        let Some(end) = value_start.checked_add(value).filter(|end| *end <= bytes.len()) else {
            break;
        };
        fields.push(Field { name: at..name, value: value_start..end });
        at = end + 1;
    }
    fields
}

/// The items of a list, which Envoy serializes as pairs of which one half is always empty; `None` if `bytes` are not one,
/// to the last byte.
pub(crate) fn list(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let pairs = mapping(bytes);
    let counted = number(bytes, 0) == Some(pairs.len());
    let whole =
        counted && pairs.iter().fold(4, |size, (name, value)| size + 10 + name.len() + value.len()) == bytes.len();
    let halves: Option<Vec<Vec<u8>>> = pairs
        .into_iter()
        .map(|pair| match pair {
            (item, b"") | (b"", item) => Some(item.to_vec()),
            _ => None,
        })
        .collect();
    halves.filter(|_| whole)
}

/// The pairs, serialized.
pub(crate) fn serialized(pairs: &[(String, Vec<u8>)]) -> Vec<u8> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = u32::try_from(pairs.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend(size(name.as_bytes()));
        bytes.extend(size(value));
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    bytes
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    let number = u32::from_le_bytes(four.try_into().ok()?);
    usize::try_from(number).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        headers(bytes.to_vec()).iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
    }

    #[test]
    fn pairs_are_read_in_order() {
        let bytes = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\0\0\0\0a\0\xff\xfe\0b\0\0";
        assert_eq!(read(bytes), [(b"a".to_vec(), b"\xff\xfe".to_vec()), (b"b".to_vec(), Vec::new())]);
    }

    #[test]
    fn pairs_are_read_as_they_were_serialized() {
        let pairs = [("a".to_owned(), b"\xff".to_vec()), ("location".to_owned(), Vec::new())];
        let read = read(&serialized(&pairs));
        assert_eq!(read, pairs.map(|(name, value)| (name.into_bytes(), value)));
    }

    #[test]
    fn names_of_headers_are_lower_case_and_those_of_a_mapping_as_they_are() {
        let bytes = serialized(&[("App".to_owned(), b"Reviews".to_vec())]);
        assert_eq!(read(&bytes), [(b"app".to_vec(), b"Reviews".to_vec())]);
        assert_eq!(mapping(&bytes), [(&b"App"[..], &b"Reviews"[..])]);
    }

    #[test]
    fn a_list_is_told_from_a_text() {
        let items = [(String::new(), b"a".to_vec()), (String::new(), b"b".to_vec())];
        assert_eq!(list(&serialized(&items)), Some(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(list(&serialized(&[("a".to_owned(), Vec::new())])), Some(vec![b"a".to_vec()]));
        assert_eq!(list(b"beta"), None);
        assert_eq!(list(b""), None);
        assert_eq!(list(&serialized(&[("a".to_owned(), b"b".to_vec())])), None, "it is a mapping");
    }

    #[test]
    fn no_bytes_are_no_pairs() {
        assert!(read(b"").is_empty());
        assert!(read(b"\0\0\0\0").is_empty());
    }

    #[test]
    fn pairs_cut_short_are_read_as_far_as_they_go() {
        let whole = b"\x02\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\0\0\x01\0\0\0a\0\xff\xfe\0b\0c\0";
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).len() <= 2);
        }
        assert!(read(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff").is_empty());
    }
}

//! The codec of maps (spec: "Serialization"; cpp-host `pairs_util.cc`).
//!
//! A map is a count, then two lengths for each pair, then each name and value with a zero byte after it; all numbers
//! are 32 bits, little endian. Both sides of the boundary use it for headers, trailers, metadata and map properties.

/// Why bytes are not a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// A map as it lies in memory: names and values in order, any bytes.
pub type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Writes pairs as the guest reads them. No pairs are no bytes, as in cpp-host.
pub fn encode<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: &[(N, V)]) -> Vec<u8> {
    if pairs.is_empty() {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    bytes.extend((pairs.len() as u32).to_le_bytes());
    for (name, value) in pairs {
        bytes.extend((name.as_ref().len() as u32).to_le_bytes());
        bytes.extend((value.as_ref().len() as u32).to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend(name.as_ref());
        bytes.push(0);
        bytes.extend(value.as_ref());
        bytes.push(0);
    }
    bytes
}

/// Reads pairs as the guest wrote them. No bytes are no pairs.
///
/// # Errors
///
/// [`Malformed`] if a length points past the end, or a name or value is not followed by a zero byte.
pub fn decode(bytes: &[u8]) -> Result<Pairs, Malformed> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let count = number(bytes, 0)?;
    // The two lengths of each pair must fit before anything is allocated for them.
    let mut at =
        count.checked_mul(8).and_then(|n| n.checked_add(4)).filter(|end| *end <= bytes.len()).ok_or(Malformed)?;
    let mut pairs = Vec::with_capacity(count);
    for i in 0..count {
        let name = text(bytes, &mut at, number(bytes, 4 + 8 * i)?)?;
        let value = text(bytes, &mut at, number(bytes, 8 + 8 * i)?)?;
        pairs.push((name, value));
    }
    Ok(pairs)
}

fn number(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(Malformed)?;
    Ok(u32::from_le_bytes(*four) as usize)
}

fn text(bytes: &[u8], at: &mut usize, len: usize) -> Result<Vec<u8>, Malformed> {
    let end = at.checked_add(len).ok_or(Malformed)?;
    let text = bytes.get(*at..end).ok_or(Malformed)?;
    if bytes.get(end) != Some(&0) {
        return Err(Malformed);
    }
    *at = end + 1;
    Ok(text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs: Vec<(Vec<u8>, Vec<u8>)>) {
            prop_assert_eq!(decode(&encode(&pairs)), Ok(pairs));
        }

        #[test]
        fn no_bytes_make_the_host_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_map_cut_short_is_malformed(pairs in prop::collection::vec((".*", ".*"), 1..4), lost in 1usize..64) {
            let whole = encode(&pairs);
            let kept = whole.len().saturating_sub(lost).max(1);
            prop_assert_eq!(decode(&whole[..kept]), Err(Malformed));
        }
    }

    #[test]
    fn the_layout_is_the_one_of_the_specification() {
        let bytes = encode(&[("a", "bc")]);
        assert_eq!(bytes, b"\x01\0\0\0\x01\0\0\0\x02\0\0\0a\0bc\0");
    }

    #[test]
    fn a_count_that_the_bytes_cannot_hold_is_malformed() {
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0, 0]), Err(Malformed));
    }
}

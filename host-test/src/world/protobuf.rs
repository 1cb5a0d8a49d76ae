//! The little of protobuf's wire format that foreign functions and gRPC services need.

/// The last value of a field: the bytes of a length-delimited one.
pub(crate) fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().rev().find_map(|(known, value)| match value {
        Wire::Bytes(bytes) if known == number => Some(bytes),
        _ => None,
    })
}

/// The last value of a numeric field; 0, protobuf's default, if it is absent.
pub(crate) fn number(message: &[u8], number: u64) -> Option<u64> {
    let fields = fields(message)?;
    Some(
        fields
            .into_iter()
            .rev()
            .find_map(|(known, value)| match value {
                Wire::Number(value) if known == number => Some(value),
                _ => None,
            })
            .unwrap_or_default(),
    )
}

/// Whether the bytes are a message at all.
pub(crate) fn is_message(message: &[u8]) -> bool {
    fields(message).is_some()
}

enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Wire<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Wire::Number(varint(&mut rest)?),
            1 => Wire::Bytes(take(&mut rest, 8)?),
            2 => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                Wire::Bytes(take(&mut rest, len)?)
            }
            5 => Wire::Bytes(take(&mut rest, 4)?),
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(len)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_the_host_panic(bytes: Vec<u8>) {
            let _ = (field(&bytes, 1), number(&bytes, 1));
        }
    }

    #[test]
    fn a_text_field_is_found_by_its_number() {
        assert_eq!(field(b"\x0a\x01a\x12\x02bc", 2), Some(&b"bc"[..]));
    }
}

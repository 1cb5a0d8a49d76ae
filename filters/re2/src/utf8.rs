//! Sets of code points as sequences of bytes, the way RE2 encodes them.

use super::code_points::LAST;
use crate::Encoding;

/// A range of bytes, both ends included.
pub(super) type Bytes = (u8, u8);

const CONTINUATION: Bytes = (0x80, 0xbf);

/// The sequences of ranges of bytes that together are the code points of `ranges`.
pub(super) fn sequences(ranges: &[(u32, u32)], encoding: Encoding) -> Vec<Vec<Bytes>> {
    let mut sequences = Vec::new();
    for &(from, to) in ranges {
        match encoding {
            Encoding::Utf8 => encode(from, to, &mut |sequence| sequences.push(sequence.to_vec())),
            // Characters are bytes, and those that are none do not occur.
            Encoding::Latin1 => {
                if let Ok(from) = u8::try_from(from) {
                    sequences.push(vec![(from, u8::try_from(to).unwrap_or(u8::MAX))]);
                }
            }
        }
    }
    sequences
}

/// Calls `emit` with sequences of ranges of bytes, in order, that together are the code points from `from` to `to`.
///
/// Surrogates are encoded like any others, and 80–10FFFF together is everything that has the form of an encoded
/// character (RE2, `Add_80_10ffff`): `.` and `[^/]` match overlong E0 80 80, too.
fn encode(from: u32, to: u32, emit: &mut impl FnMut(&[Bytes])) {
    if from > to {
        return;
    }
    if from == 0x80 && to == LAST {
        emit(&[(0xc2, 0xdf), CONTINUATION]);
        emit(&[(0xe0, 0xef), CONTINUATION, CONTINUATION]);
        emit(&[(0xf0, 0xf4), CONTINUATION, CONTINUATION, CONTINUATION]);
        return;
    }
    let mut split = |last| {
        encode(from, last, emit);
        encode(last + 1, to, emit);
    };
    for longest in [0x7f, 0x7ff, 0xffff] {
        if from <= longest && longest < to {
            return split(longest);
        }
    }
    if to > 0x7f {
        for bits in [6, 12, 18] {
            let low = (1 << bits) - 1;
            if from & !low != to & !low {
                if from & low != 0 {
                    return split(from | low);
                }
                if to & low != low {
                    return split((to & !low) - 1);
                }
            }
        }
    }
    let (from, length) = bytes(from);
    let (to, _) = bytes(to);
    let mut sequence = [(0, 0); 4];
    for (range, ends) in sequence.iter_mut().zip(from.into_iter().zip(to)) {
        *range = ends;
    }
    emit(sequence.get(..length).unwrap_or_default());
}

/// A code point, encoded, and how many bytes that takes.
fn bytes(code_point: u32) -> ([u8; 4], usize) {
    let continuation = |bits: u32| 0x80 | low_byte(code_point >> bits) & 0x3f;
    match code_point {
        ..0x80 => ([low_byte(code_point), 0, 0, 0], 1),
        0x80..0x800 => ([0xc0 | low_byte(code_point >> 6), continuation(0), 0, 0], 2),
        0x800..0x1_0000 => ([0xe0 | low_byte(code_point >> 12), continuation(6), continuation(0), 0], 3),
        _ => ([0xf0 | low_byte(code_point >> 18), continuation(12), continuation(6), continuation(0)], 4),
    }
}

fn low_byte(number: u32) -> u8 {
    let [byte, ..] = number.to_le_bytes();
    byte
}

/// How many bytes the character takes that `text` begins with: 1 for what is none (Plan 9's `chartorune`, in RE2).
pub(super) fn first_len(text: &[u8]) -> usize {
    match text {
        [0xc2..=0xdf, 0x80..=0xbf, ..] => 2,
        [0xe0, 0xa0..=0xbf, 0x80..=0xbf, ..] | [0xe1..=0xef, 0x80..=0xbf, 0x80..=0xbf, ..] => 3,
        [0xf0, 0x90..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf1..=0xf3, 0x80..=0xbf, 0x80..=0xbf, 0x80..=0xbf, ..]
        | [0xf4, 0x80..=0x8f, 0x80..=0xbf, 0x80..=0xbf, ..] => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn encoded(from: u32, to: u32) -> Vec<Vec<Bytes>> {
        let mut all = Vec::new();
        encode(from, to, &mut |sequence| all.push(sequence.to_vec()));
        all
    }

    #[test]
    fn every_character_is_encoded_as_rust_does() {
        for character in ('\0'..=char::MAX).step_by(7) {
            let mut buffer = [0; 4];
            let expected: Vec<_> = character.encode_utf8(&mut buffer).bytes().map(|byte| (byte, byte)).collect();
            assert_eq!(encoded(character.into(), character.into()), [expected]);
            assert_eq!(first_len(&buffer), character.len_utf8());
        }
    }

    #[test]
    fn a_range_is_as_few_sequences_as_agree_on_their_first_bytes() {
        assert_eq!(encoded(0x61, 0x7a), [[(0x61, 0x7a)]]);
        assert_eq!(encoded(0xd800, 0xdfff), [[(0xed, 0xed), (0xa0, 0xbf), CONTINUATION]]);
        assert_eq!(
            encoded(0x7f, 0x801),
            [vec![(0x7f, 0x7f)], vec![(0xc2, 0xdf), CONTINUATION], vec![(0xe0, 0xe0), (0xa0, 0xa0), (0x80, 0x81)]]
        );
        assert_eq!(encoded(0x80, LAST).len(), 3);
        assert_eq!(encoded(0x81, LAST).first(), Some(&vec![(0xc2, 0xc2), (0x81, 0xbf)]));
    }
}

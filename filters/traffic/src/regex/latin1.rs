//! Text of which each byte is a character: the one of its number, up to U+00FF (RE2, `EncodingLatin1`).

use super::utf8::Bytes;

/// The last character.
pub(super) const LAST: u32 = 0xff;

/// What the bytes of `pattern` say, in UTF-8 (RE2, `ConvertLatin1ToUTF8`).
pub(super) fn characters(pattern: &str) -> String {
    pattern.bytes().map(char::from).collect()
}

/// The bytes that are the code points from `from` to `to`, if any are: what is beyond the last is dropped
/// (RE2, `AddRuneRangeLatin1`).
pub(super) fn encode(from: u32, to: u32) -> Option<Bytes> {
    Some((u8::try_from(from).ok()?, u8::try_from(to).unwrap_or(u8::MAX)))
}

/// `reason`, which quotes what [`characters`] gave, with each byte in it that is not ASCII as an escape.
pub(super) fn escaped(reason: &str) -> String {
    let mut escaped = String::with_capacity(reason.len());
    for character in reason.chars() {
        match u32::from(character) {
            byte @ 0x80..=LAST => escaped.push_str(&format!(r"\x{byte:02x}")),
            _ => escaped.push(character),
        }
    }
    escaped
}

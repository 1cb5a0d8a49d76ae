//! What the answers of primary and shadow say beside each other.

use super::settings::Compared;
use std::fmt;
use xxhash_rust::xxh64::Xxh64;

/// The body of an answer, as it passes: nothing of it is kept but a digest and its length.
#[derive(Clone)]
pub struct Body {
    hash: Xxh64,
    bytes: u64,
}

impl Default for Body {
    fn default() -> Self {
        Self { hash: Xxh64::new(0), bytes: 0 }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Body {
    /// Takes the next part of the body in.
    pub fn push(&mut self, part: &[u8]) {
        self.hash.update(part);
        self.bytes = self.bytes.saturating_add(part.len() as u64);
    }
}

/// An answer, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The status.
    pub status: u16,
    /// The digest of the body: XXH64, seed 0.
    pub digest: u64,
    /// The length of the body.
    pub bytes: u64,
    /// How long the whole answer took, in milliseconds.
    pub milliseconds: u64,
}

impl Seen {
    /// An answer of `status` with that body, which took from `start` to `end`, in nanoseconds since 1970.
    pub fn new(status: u16, body: &Body, start: u64, end: u64) -> Self {
        let milliseconds = end.saturating_sub(start) / 1_000_000;
        Self { status, digest: body.hash.digest(), bytes: body.bytes, milliseconds }
    }
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answers are alike.
    Match,
    /// They have different statuses.
    StatusMismatch,
    /// They have different bodies.
    BodyMismatch,
    /// The shadow was not answered, or not in time.
    ShadowError,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 4] = [Self::Match, Self::StatusMismatch, Self::BodyMismatch, Self::ShadowError];

    /// The verdict in one word, as metrics have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::StatusMismatch => "status_mismatch",
            Self::BodyMismatch => "body_mismatch",
            Self::ShadowError => "shadow_error",
        }
    }
}

/// The answers of a primary and its shadow.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// The primary's.
    pub primary: Seen,
    /// The shadow's; none if the proxy got none.
    pub shadow: Option<Seen>,
}

impl Comparison {
    /// What it says of what is to be compared.
    pub fn verdict(&self, compared: &Compared) -> Verdict {
        let Some(shadow) = self.shadow else {
            return Verdict::ShadowError;
        };
        if compared.status && shadow.status != self.primary.status {
            return Verdict::StatusMismatch;
        }
        let body = |seen: Seen| (seen.digest, seen.bytes);
        if compared.body && body(shadow) != body(self.primary) {
            return Verdict::BodyMismatch;
        }
        Verdict::Match
    }
}

/// As the log says it: `primary 200, 12 bytes 4e9d…, 3 ms; shadow 500, …`.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "primary {}; shadow ", self.primary)?;
        match self.shadow {
            Some(shadow) => shadow.fmt(f),
            None => f.write_str("no answer"),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, digest, bytes, milliseconds } = self;
        write!(f, "{status}, {bytes} bytes {digest:016x}, {milliseconds} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::Share;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    fn seen(status: u16, body: &[u8]) -> Seen {
        let mut whole = Body::default();
        whole.push(body);
        Seen::new(status, &whole, 5_000_000, 8_000_000)
    }

    fn verdict(primary: Seen, shadow: Option<Seen>, status: bool, body: bool) -> Verdict {
        Comparison { primary, shadow }.verdict(&Compared { status, body, logged: Share::NONE })
    }

    #[test]
    fn what_is_not_to_be_compared_may_differ() {
        let (one, other) = (seen(200, b"one"), seen(500, b"other"));
        assert_eq!(verdict(one, Some(other), true, true), Verdict::StatusMismatch);
        assert_eq!(verdict(one, Some(other), false, true), Verdict::BodyMismatch);
        assert_eq!(verdict(one, Some(seen(200, b"other")), true, false), Verdict::Match);
        assert_eq!(verdict(one, Some(seen(200, b"one")), true, true), Verdict::Match);
        assert_eq!(verdict(one, None, true, true), Verdict::ShadowError);
    }

    #[test]
    fn latency_is_no_difference() {
        let slow = Seen { milliseconds: 9_000, ..seen(200, b"") };
        assert_eq!(verdict(seen(200, b""), Some(slow), true, true), Verdict::Match);
    }

    #[test]
    fn a_comparison_says_both_sides() {
        let comparison = Comparison { primary: seen(200, b""), shadow: Some(seen(503, b"abc")) };
        assert_eq!(
            comparison.to_string(),
            "primary 200, 0 bytes ef46db3751d8e999, 3 ms; shadow 503, 3 bytes 44bc2cf5ad770999, 3 ms"
        );
        assert!(Comparison { shadow: None, ..comparison }.to_string().ends_with("; shadow no answer"));
    }

    proptest! {
        #[test]
        fn a_body_in_parts_is_always_the_same_body(parts in prop::collection::vec(any::<Vec<u8>>(), 0..6)) {
            let mut in_parts = Body::default();
            parts.iter().for_each(|part| in_parts.push(part));
            prop_assert_eq!(Seen::new(200, &in_parts, 0, 0), Seen { milliseconds: 0, ..seen(200, &parts.concat()) });
        }
    }
}

//! Records as bytes in shared data: numbers with their low bytes first, behind the number of the version.

use super::record::{Phase, Record};
use super::tally::Epoch;
use super::window::{BUCKETS, Counts, Window};

/// The version of the encoding; it goes up with every change, so that modules of two versions beside each other (a rollout
/// is half done) take each other's bytes for unreadable instead of for something else.
const VERSION: u8 = 1;

const STEADY: u8 = 0;
const WITHDRAWN: u8 = 1;
const TRIAL: u8 = 2;

impl Record {
    /// Reads what [`write`](Self::write) has written; `None` of other bytes, and of those of another version: start with
    /// `Record::default()` then.
    ///
    /// ```
    /// use serin_traffic::guard::Record;
    ///
    /// assert_eq!(Record::read(b"whatever"), None);
    /// assert_eq!(Record::read(b"").unwrap_or_default(), Record::default());
    /// ```
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        if rest.u8()? != VERSION {
            return None;
        }
        let phase = rest.u8()?;
        let epoch = Epoch(rest.u32()?);
        let phase = match phase {
            STEADY => {
                let (width, newest) = (rest.u64()?, rest.u64()?);
                let mut buckets = [Counts::NONE; BUCKETS];
                for bucket in &mut buckets {
                    *bucket = rest.counts()?;
                }
                Phase::Steady(Window { width, newest, buckets })
            }
            WITHDRAWN => Phase::Withdrawn { until: rest.u64()? },
            TRIAL => Phase::Trial { since: rest.u64()?, seen: rest.counts()? },
            _ => return None,
        };
        rest.is_empty().then_some(Self { epoch, phase })
    }

    /// The record as bytes.
    pub fn write(&self) -> Vec<u8> {
        let phase = match self.phase {
            Phase::Steady(_) => STEADY,
            Phase::Withdrawn { .. } => WITHDRAWN,
            Phase::Trial { .. } => TRIAL,
        };
        let mut bytes = vec![VERSION, phase];
        bytes.extend(self.epoch.0.to_le_bytes());
        let counts = |bytes: &mut Vec<u8>, counts: &Counts| {
            bytes.extend(counts.answers.to_le_bytes());
            bytes.extend(counts.errors.to_le_bytes());
        };
        match &self.phase {
            Phase::Steady(window) => {
                bytes.extend(window.width.to_le_bytes());
                bytes.extend(window.newest.to_le_bytes());
                window.buckets.iter().for_each(|bucket| counts(&mut bytes, bucket));
            }
            Phase::Withdrawn { until } => bytes.extend(until.to_le_bytes()),
            Phase::Trial { since, seen } => {
                bytes.extend(since.to_le_bytes());
                counts(&mut bytes, seen);
            }
        }
        bytes
    }
}

/// What is left to read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// More errors than answers are none.
    fn counts(&mut self) -> Option<Counts> {
        let counts = Counts { answers: self.u32()?, errors: self.u32()? };
        (counts.errors <= counts.answers).then_some(counts)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::record;
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    #[test]
    fn bytes_of_another_version_or_length_are_not_read() {
        let bytes = Record::default().write();
        let other_version = [&[VERSION + 1], &bytes[1..]].concat();
        let other_phase = [&[VERSION, 3], &bytes[2..]].concat();
        let longer = [bytes.as_slice(), &[0]].concat();
        for bytes in [&other_version, &other_phase, &longer, &bytes[..bytes.len() - 1], b""] {
            assert_eq!(Record::read(bytes), None);
        }
    }

    /// Workers of one version must agree on it for ever.
    #[test]
    fn the_bytes_are_fixed() {
        let withdrawn = Record { epoch: Epoch(3), phase: Phase::Withdrawn { until: 0x0102 } };
        assert_eq!(withdrawn.write(), [1, 1, 3, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0]);
        let seen = Counts { answers: 258, errors: 1 };
        let trial = Record { epoch: Epoch(4), phase: Phase::Trial { since: 5, seen } };
        assert_eq!(trial.write(), [1, 2, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 1, 0, 0, 0]);
        assert_eq!(Record::default().write().len(), 102);
    }

    proptest! {
        #[test]
        fn what_is_written_is_always_read_again(record in record()) {
            prop_assert_eq!(Record::read(&record.write()), Some(record));
        }

        #[test]
        fn no_bytes_ever_panic_and_what_is_read_is_what_is_written(
            record in record(), noise in prop::collection::vec(any::<(u8, u8)>(), 0..4), cut in 0usize..120,
            more in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut bytes = record.write();
            for (place, value) in noise {
                let place = usize::from(place) % bytes.len();
                bytes[place] = value;
            }
            bytes.truncate(cut.max(2));
            bytes.extend(more);
            if let Some(record) = Record::read(&bytes) {
                prop_assert_eq!(record.write(), bytes);
            }
        }
    }
}

//! How much memory the requests of clients may take in one VM.
//!
//! A VM has [1 GiB of linear memory](https://github.com/proxy-wasm/proxy-wasm-cpp-host/blob/main/include/proxy-wasm/limits.h)
//! (`PROXY_WASM_HOST_MAX_WASM_MEMORY_SIZE_BYTES`), which all rules and all plugin configurations of a worker share. A module
//! that asks for more traps, and a VM that has trapped serves nobody. So everything that grows by what clients send is
//! bounded here, by numbers that leave the most of it free.

/// How many bytes the requests may take whose bodies are being collected: twice the largest body, since a buffer that grows
/// is copied into a larger one.
pub const COLLECTED_BYTES: usize = 128 << 20;

/// How many bytes copies may take that wait to be sent, or whose answers are still to come. What was sent is in the proxy's
/// memory, not in the VM's; it is as finite.
pub const UNDER_WAY_BYTES: usize = 256 << 20;

/// How many bytes the answers may take that are kept for requests that wait, or that changes to answers may have.
pub const ANSWER_BYTES: usize = 64 << 20;

/// What an entry costs that has nothing in it, more or less.
pub const ENTRY_BYTES: usize = 512;

/// The least that a buffer is given.
const FIRST_BYTES: usize = 4 << 10;

/// So many bytes, of which some are taken.
///
/// ```
/// use serin_traffic::shadow::Budget;
///
/// let mut budget = Budget::new(10);
/// assert!(budget.take(7) && !budget.take(4));
/// budget.give_back(2);
/// assert!(budget.take(4));
/// assert_eq!(budget.taken(), 9);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    most: usize,
    taken: usize,
}

impl Budget {
    /// `most` bytes, of which none is taken.
    pub const fn new(most: usize) -> Self {
        Self { most, taken: 0 }
    }

    /// Takes so many, if they are there: all or nothing.
    pub fn take(&mut self, bytes: usize) -> bool {
        let there = bytes <= self.most.saturating_sub(self.taken);
        if there {
            self.taken += bytes;
        }
        there
    }

    /// Gives so many back.
    pub fn give_back(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_sub(bytes);
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

/// How large a buffer of `capacity` bytes becomes that is to hold `needed`, and will never hold more than `most`: at least
/// twice as large, so that a body that comes in many parts is not copied with each of them.
///
/// ```
/// use serin_traffic::shadow::grown;
///
/// assert_eq!(grown(0, 10, 1 << 20), 4096);
/// assert_eq!(grown(4096, 4097, 1 << 20), 8192);
/// assert_eq!(grown(4096, 4097, 5000), 5000);
/// assert_eq!(grown(4096, 100_000, 1 << 20), 100_000);
/// ```
pub fn grown(capacity: usize, needed: usize, most: usize) -> usize {
    capacity.saturating_mul(2).max(FIRST_BYTES).min(most).max(needed)
}

/// How many bytes headers or trailers take, more or less.
pub fn bytes_of(headers: &[(String, Vec<u8>)]) -> usize {
    const PAIR: usize = size_of::<(String, Vec<u8>)>();
    headers.iter().map(|(name, value)| PAIR + name.len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::super::settings::LARGEST_BODY;
    use super::*;
    use crate::wasm_test::test;
    use proptest::prelude::*;

    /// All of a VM's linear memory.
    const LINEAR_MEMORY: usize = 1 << 30;

    const _: () =
        assert!(COLLECTED_BYTES + UNDER_WAY_BYTES + ANSWER_BYTES <= LINEAR_MEMORY / 2, "half of it stays free");

    #[test]
    fn the_largest_body_can_be_collected_in_parts_of_any_size() {
        let largest = LARGEST_BODY as usize;
        for part in [1 << 10, 16 << 10, (1 << 20) + 1, 40 << 20, largest] {
            let (mut budget, mut length, mut capacity) = (Budget::new(COLLECTED_BYTES), 0, 0);
            while length < largest {
                length = largest.min(length + part);
                if length > capacity {
                    let larger = grown(capacity, length, largest);
                    // Both are there while the one is copied into the other.
                    assert!(budget.take(larger), "{part}: {capacity}, then {larger}");
                    budget.give_back(capacity);
                    capacity = larger;
                }
            }
            assert_eq!(budget.taken(), largest);
        }
    }

    proptest! {
        #[test]
        fn no_more_is_ever_taken_than_there_is(steps in prop::collection::vec((any::<bool>(), any::<usize>()), 0..50)) {
            let (mut budget, mut held) = (Budget::new(1_000), Vec::new());
            for (takes, bytes) in steps {
                // Small ones and absurd ones.
                let bytes = if bytes % 8 == 0 { bytes } else { bytes % 700 };
                if takes && budget.take(bytes) {
                    held.push(bytes);
                } else if let Some(bytes) = held.pop() {
                    budget.give_back(bytes);
                }
                prop_assert_eq!(budget.taken(), held.iter().sum::<usize>());
                prop_assert!(budget.taken() <= 1_000);
            }
        }

        #[test]
        fn a_buffer_always_grows_to_what_it_needs(capacity in 0..1_usize << 27, needed in 0..1_usize << 27, most in 0..1_usize << 27) {
            let grown = grown(capacity, needed, most);
            prop_assert!(grown >= needed);
            prop_assert!(grown <= needed.max(most.min((2 * capacity).max(FIRST_BYTES))));
        }
    }
}

//! Whose turn it is, of the rules that are split exactly: a rotation for each, on each worker.

use crate::shared;
use serin_traffic::{Rotation, RuleId, Sorted};
use std::cell::{Cell, RefCell};

/// Under which key the workers of one proxy count themselves.
const WORKERS: &str = "serin.workers";

/// Far from any small number's multiple, so that workers begin far from each other: 2^32 divided by the golden ratio.
const STRIDE: u64 = 0x9e37_79b9;

/// The rotations of one worker, by their rules.
#[derive(Debug, Default)]
pub(crate) struct Rotations {
    by_rule: RefCell<Sorted<RuleId, Rotation>>,
    /// Which of the proxy's workers this is, once it has asked.
    worker: Cell<Option<u64>>,
}

impl Rotations {
    /// What `turn` says of the rule's rotation.
    pub(crate) fn rotate(&self, rule: RuleId, turn: &mut dyn FnMut(&mut Rotation) -> Option<usize>) -> Option<usize> {
        let start = self.worker().wrapping_mul(STRIDE);
        turn(self.by_rule.try_borrow_mut().ok()?.get_or_insert_with(rule, || Rotation::starting_at(start))?)
    }

    /// Which of the proxy's workers this is: 0, 1, 2 and so on, in the order in which they first ask.
    fn worker(&self) -> u64 {
        if let Some(worker) = self.worker.get() {
            return worker;
        }
        let worker = count_in();
        self.worker.set(Some(worker));
        worker
    }
}

/// Counts this worker in, and says how many there were before; 0 where workers share nothing.
fn count_in() -> u64 {
    let mut count = 0_u64;
    let counted = shared::update(WORKERS, &0_u64.to_le_bytes(), &mut |bytes| {
        count = bytes.try_into().map_or(0, u64::from_le_bytes);
        Some(count.wrapping_add(1).to_le_bytes().to_vec())
    });
    if counted { count } else { 0 }
}

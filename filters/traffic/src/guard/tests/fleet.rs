//! The workers of one Envoy, and the shared data between them.

use super::Chance;
use crate::Share;
use crate::guard::{Answer, Guard, Record, Tally, Transition};

/// Shared data with the number by which it is compared and swapped, and who works on it.
pub(super) struct Fleet {
    pub(super) guard: Guard,
    bytes: Vec<u8>,
    cas: u32,
    workers: Vec<Worker>,
    pub(super) chance: Chance,
    /// What was logged, and when.
    pub(super) log: Vec<(u64, Transition)>,
    /// How many answers the destination gave.
    pub(super) answers: u32,
    /// How often a worker could not write because another one was faster.
    pub(super) lost_races: u32,
}

#[derive(Clone, Default)]
struct Worker {
    known: Record,
    tally: Tally,
    flushed: u64,
    /// What the worker has read and is about to write.
    read: Option<(Record, u32)>,
}

impl Fleet {
    pub(super) fn new(guard: Guard, workers: usize, seed: u64) -> Self {
        let workers = vec![Worker::default(); workers];
        Self {
            guard,
            bytes: Vec::new(),
            cas: 0,
            workers,
            chance: Chance(seed),
            log: Vec::new(),
            answers: 0,
            lost_races: 0,
        }
    }

    pub(super) fn record(&self) -> Record {
        Record::read(&self.bytes).unwrap_or_default()
    }

    /// Somebody writes over the record.
    pub(super) fn lose_record(&mut self) {
        (self.bytes, self.cas) = (b"something else".to_vec(), self.cas + 1);
    }

    /// At `now` a worker gets a request of the guarded destination's share, and the answer at once if it sends it there.
    pub(super) fn request(&mut self, now: u64, answer: impl FnOnce(&mut Chance) -> Answer) {
        let place = self.chance.below(self.workers.len());
        let drawn = self.chance.next() % u64::from(Share::MILLION);
        let worker = &mut self.workers[place];
        if drawn < u64::from(worker.known.factor(&self.guard, now).millionths()) {
            self.answers += 1;
            worker.tally.count(worker.known.epoch(now), answer(&mut self.chance));
        }
        self.turn(place, now);
    }

    /// Every worker's timer fires at `now`, in any order.
    pub(super) fn tick(&mut self, now: u64) {
        for _ in 0..self.workers.len() * 4 {
            let place = self.chance.below(self.workers.len());
            self.turn(place, now);
        }
    }

    /// A worker does the next thing that it has to do: between its reading and its writing others have their turns.
    fn turn(&mut self, place: usize, now: u64) {
        let worker = &mut self.workers[place];
        let Some((read, cas)) = worker.read.take() else {
            let is_due = now.saturating_sub(worker.flushed) >= self.guard.flush_after();
            if is_due || worker.tally.is_urgent(&self.guard) {
                worker.read = Some((Record::read(&self.bytes).unwrap_or_default(), self.cas));
            }
            return;
        };
        if read.is_steady() && worker.tally.is_empty() {
            *worker = Worker { known: read, tally: Tally::new(read.epoch(now)), flushed: now, read: None };
            return;
        }
        let (next, transition) = read.absorb(&self.guard, worker.tally, now);
        if cas != self.cas {
            self.lost_races += 1;
            worker.read = Some((Record::read(&self.bytes).unwrap_or_default(), self.cas));
            return;
        }
        (self.bytes, self.cas) = (next.write(), self.cas + 1);
        *worker = Worker { known: next, tally: Tally::new(next.epoch(now)), flushed: now, read: None };
        self.log.extend(transition.map(|transition| (now, transition)));
    }
}

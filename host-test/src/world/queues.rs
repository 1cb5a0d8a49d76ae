//! Shared queues, each known by its VM's id and its name.

use super::context::RootId;
use crate::status::Status;
use std::collections::VecDeque;

/// Every queue; its token is its place plus one (cpp-host `shared_queue.cc`).
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    owner: RootId,
    items: VecDeque<Vec<u8>>,
}

impl Queues {
    /// Makes a queue, or takes over the one that is there: its plugin context is told of every new item.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], owner: RootId) -> u32 {
        if let Ok(token) = self.resolve(vm_id, name) {
            self.queues[token as usize - 1].owner = owner;
            return token;
        }
        self.queues.push(Queue { vm_id: vm_id.to_owned(), name: name.to_vec(), owner, items: VecDeque::new() });
        self.queues.len() as u32
    }

    pub(crate) fn resolve(&self, vm_id: &str, name: &[u8]) -> Result<u32, Status> {
        let found = self.queues.iter().position(|queue| queue.vm_id == vm_id && queue.name == name);
        found.map(|place| place as u32 + 1).ok_or(Status::NotFound)
    }

    pub(crate) fn dequeue(&mut self, token: u32) -> Result<Vec<u8>, Status> {
        self.queue(token)?.items.pop_front().ok_or(Status::Empty)
    }

    /// Adds an item; returns whom to tell.
    pub(crate) fn enqueue(&mut self, token: u32, item: Vec<u8>) -> Result<RootId, Status> {
        let queue = self.queue(token)?;
        queue.items.push_back(item);
        Ok(queue.owner)
    }

    fn queue(&mut self, token: u32) -> Result<&mut Queue, Status> {
        (token as usize).checked_sub(1).and_then(|place| self.queues.get_mut(place)).ok_or(Status::NotFound)
    }
}

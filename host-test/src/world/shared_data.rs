//! The shared key-value store: one map for each `vm_id`, shared by all workers.

use crate::status::Status;
use std::collections::BTreeMap;

/// The values of every VM, each with its compare-and-swap number (cpp-host `shared_data.cc`).
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    values: BTreeMap<(String, Vec<u8>), (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    pub(crate) fn get(&self, vm_id: &str, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.values.get(&(vm_id.to_owned(), key.to_vec())).cloned().ok_or(Status::NotFound)
    }

    /// Sets a value; `cas` 0 sets it whatever was there.
    pub(crate) fn set(&mut self, vm_id: &str, key: &[u8], value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let entry = self.values.entry((vm_id.to_owned(), key.to_vec()));
        if let std::collections::btree_map::Entry::Occupied(known) = &entry
            && cas != 0
            && cas != known.get().1
        {
            return Err(Status::CasMismatch);
        }
        // 0 means "no number" and is never given out.
        self.last_cas = self.last_cas.checked_add(1).unwrap_or(1);
        entry.insert_entry((value, self.last_cas));
        Ok(())
    }

    /// The value of `key` in whichever VM has one.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&[u8]> {
        self.values.iter().find(|((_, known), _)| known == key).map(|(_, (value, _))| value.as_slice())
    }
}

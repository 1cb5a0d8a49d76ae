//! Memory management: reading the guest's memory, and handing it memory of its own.

use super::{Call, Fault, Outcome};
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::World;
use crate::world::context::Context;
use std::sync::MutexGuard;
use wasmtime::{AsContext, Memory};

/// The guest that has called.
pub(super) struct Guest<'a>(pub(super) Call<'a>);

impl Guest<'_> {
    pub(super) fn sandbox(&self) -> &Sandbox {
        self.0.data()
    }

    pub(super) fn sandbox_mut(&mut self) -> &mut Sandbox {
        self.0.data_mut()
    }

    /// The world; let go of it before touching the guest again, which the borrow checker sees to.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.data().shared.world()
    }

    /// The context that the call speaks for.
    pub(super) fn speaker(&self) -> Context {
        self.0.data().speaker().clone()
    }

    fn memory(&mut self) -> Outcome<Memory> {
        let known = self.0.data().memory;
        let memory = known.or_else(|| self.0.get_export("memory")?.into_memory());
        memory.ok_or(Fault::Status(Status::InvalidMemoryAccess))
    }

    /// The bytes at a pointer.
    pub(super) fn bytes(&mut self, at: u32, len: u32) -> Outcome<Vec<u8>> {
        let memory = self.memory()?;
        let data = memory.data(self.0.as_context());
        let bytes = (at as usize).checked_add(len as usize).and_then(|end| data.get(at as usize..end));
        Ok(bytes.ok_or(Status::InvalidMemoryAccess)?.to_vec())
    }

    /// The text at a pointer; bytes that are not UTF-8 are replaced.
    pub(super) fn text(&mut self, at: u32, len: u32) -> Outcome<String> {
        Ok(String::from_utf8_lossy(&self.bytes(at, len)?).into_owned())
    }

    /// Writes bytes to a pointer.
    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Outcome {
        let memory = self.memory()?;
        memory.write(&mut self.0, at as usize, bytes).map_err(|_| Fault::Status(Status::InvalidMemoryAccess))
    }

    /// Writes a 32-bit number to a pointer.
    pub(super) fn write_u32(&mut self, at: u32, number: u32) -> Outcome {
        self.write(at, &number.to_le_bytes())
    }

    /// Writes a 64-bit number to a pointer.
    pub(super) fn write_u64(&mut self, at: u32, number: u64) -> Outcome {
        self.write(at, &number.to_le_bytes())
    }

    /// Gives bytes to the guest, in memory that the guest allocates and owns from then on; the pointer and the length
    /// go to the two places. No bytes are a null pointer and no allocation (cpp-host `copyToPointerSize`).
    pub(super) fn give(&mut self, bytes: &[u8], pointer_at: u32, len_at: u32) -> Outcome {
        let mut pointer = 0;
        if !bytes.is_empty() {
            pointer = self.allocate(bytes.len())?;
            self.write(pointer, bytes)?;
        }
        self.write_u32(pointer_at, pointer)?;
        self.write_u32(len_at, bytes.len() as u32)
    }

    fn allocate(&mut self, len: usize) -> Outcome<u32> {
        let len = u32::try_from(len).map_err(|_| Status::InvalidMemoryAccess)?;
        let allocate = self.0.data().allocate.clone().ok_or(Status::InvalidMemoryAccess)?;
        match allocate.call(&mut self.0, len).map_err(Fault::Trap)? {
            0 => Err(Status::InvalidMemoryAccess.into()),
            pointer => Ok(pointer),
        }
    }
}

//! Context lifecycle: speaking for another context, and being done later.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::After;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_set_effective_context" => set_effective_context(context: u32);
        "proxy_done" => done();
    }
    Ok(())
}

/// Holds until the callback returns.
fn set_effective_context(guest: &mut Guest, context: u32) -> Outcome {
    if !guest.sandbox().contexts.contains_key(&context) {
        return Err(Status::BadArgument.into());
    }
    guest.sandbox_mut().effective = context;
    Ok(())
}

/// For a plugin context that answered `proxy_on_done` with "not yet"; for any other, not found.
fn done(guest: &mut Guest) -> Outcome {
    let root = guest.speaker().root;
    let mut world = guest.world();
    if !world.pending_done.remove(&root) {
        return Err(Status::NotFound.into());
    }
    world.after.push(After::Done(root));
    Ok(())
}

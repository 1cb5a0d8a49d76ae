//! Shared queues.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::world::After;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_register_shared_queue" => register(name: u32, name_len: u32, token_at: u32);
        "proxy_resolve_shared_queue" => resolve(vm_id: u32, vm_id_len: u32, name: u32, name_len: u32, token_at: u32);
        "proxy_enqueue_shared_queue" => enqueue(token: u32, item: u32, item_len: u32);
        "proxy_dequeue_shared_queue" => dequeue(token: u32, data_at: u32, len_at: u32);
    }
    Ok(())
}

fn register(guest: &mut Guest, name: u32, name_len: u32, token_at: u32) -> Outcome {
    let name = guest.bytes(name, name_len)?;
    let who = guest.speaker();
    let token = guest.world().queues.register(&who.plugin.vm_id, &name, who.root);
    guest.write_u32(token_at, token)
}

/// An empty id means the guest's own VM.
fn resolve(guest: &mut Guest, vm_id: u32, vm_id_len: u32, name: u32, name_len: u32, token_at: u32) -> Outcome {
    let vm_id = guest.text(vm_id, vm_id_len)?;
    let name = guest.bytes(name, name_len)?;
    let who = guest.speaker();
    let vm_id = if vm_id.is_empty() { &who.plugin.vm_id } else { &vm_id };
    let token = guest.world().queues.resolve(vm_id, &name)?;
    guest.write_u32(token_at, token)
}

fn enqueue(guest: &mut Guest, token: u32, item: u32, item_len: u32) -> Outcome {
    let item = guest.bytes(item, item_len)?;
    let mut world = guest.world();
    let owner = world.queues.enqueue(token, item)?;
    world.after.push(After::QueueReady(owner, token));
    Ok(())
}

fn dequeue(guest: &mut Guest, token: u32, data_at: u32, len_at: u32) -> Outcome {
    let item = guest.world().queues.dequeue(token)?;
    guest.give(&item, data_at, len_at)
}

//! Shared key-value store.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_get_shared_data" => get_shared_data(key: u32, key_len: u32, data_at: u32, len_at: u32, cas_at: u32);
        "proxy_set_shared_data" => set_shared_data(key: u32, key_len: u32, value: u32, value_len: u32, cas: u32);
    }
    Ok(())
}

fn get_shared_data(guest: &mut Guest, key: u32, key_len: u32, data_at: u32, len_at: u32, cas_at: u32) -> Outcome {
    let key = guest.bytes(key, key_len)?;
    let who = guest.speaker();
    let (value, cas) = guest.world().shared_data.get(&who.plugin.vm_id, &key)?;
    guest.give(&value, data_at, len_at)?;
    guest.write_u32(cas_at, cas)
}

fn set_shared_data(guest: &mut Guest, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32) -> Outcome {
    let key = guest.bytes(key, key_len)?;
    let value = guest.bytes(value, value_len)?;
    let who = guest.speaker();
    Ok(guest.world().shared_data.set(&who.plugin.vm_id, &key, value, cas)?)
}

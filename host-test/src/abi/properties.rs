//! Properties.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_get_property" => get_property(path: u32, path_len: u32, data_at: u32, len_at: u32);
        "proxy_set_property" => set_property(path: u32, path_len: u32, value: u32, value_len: u32);
    }
    Ok(())
}

fn get_property(guest: &mut Guest, path: u32, path_len: u32, data_at: u32, len_at: u32) -> Outcome {
    let path = guest.bytes(path, path_len)?;
    let who = guest.speaker();
    let value = guest.world().property(&who, &path)?;
    guest.give(&value, data_at, len_at)
}

fn set_property(guest: &mut Guest, path: u32, path_len: u32, value: u32, value_len: u32) -> Outcome {
    let path = guest.bytes(path, path_len)?;
    let value = guest.bytes(value, value_len)?;
    let who = guest.speaker();
    Ok(guest.world().set_property(&who, &path, value)?)
}

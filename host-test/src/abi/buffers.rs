//! Buffers.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::buffers::Buffer;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_get_buffer_bytes" => get_buffer_bytes(buffer: u32, start: u32, len: u32, data_at: u32, len_at: u32);
        "proxy_get_buffer_status" => get_buffer_status(buffer: u32, len_at: u32, flags_at: u32);
        "proxy_set_buffer_bytes" => set_buffer_bytes(buffer: u32, start: u32, len: u32, at: u32, data_len: u32);
        "proxy_get_configuration" => get_configuration(data_at: u32, len_at: u32);
    }
    Ok(())
}

fn contents(guest: &Guest, buffer: Buffer) -> Option<Vec<u8>> {
    if buffer == Buffer::VmConfiguration {
        return Some(guest.sandbox().vm_configuration.clone());
    }
    guest.world().buffer(&guest.speaker(), buffer).map(<[u8]>::to_vec)
}

/// A length that reaches past the end is cut; nothing left to read writes nothing, as in cpp-host.
fn get_buffer_bytes(guest: &mut Guest, buffer: u32, start: u32, len: u32, data_at: u32, len_at: u32) -> Outcome {
    let contents = contents(guest, Buffer::from_number(buffer)?).ok_or(Status::NotFound)?;
    let end = start.checked_add(len).ok_or(Status::BadArgument)? as usize;
    let wanted = contents.get(start as usize..end.min(contents.len())).unwrap_or_default();
    if wanted.is_empty() {
        return Ok(());
    }
    guest.give(wanted, data_at, len_at)
}

fn get_buffer_status(guest: &mut Guest, buffer: u32, len_at: u32, flags_at: u32) -> Outcome {
    let contents = contents(guest, Buffer::from_number(buffer)?).ok_or(Status::NotFound)?;
    guest.write_u32(len_at, contents.len() as u32)?;
    guest.write_u32(flags_at, 0)
}

fn set_buffer_bytes(guest: &mut Guest, buffer: u32, start: u32, len: u32, at: u32, data_len: u32) -> Outcome {
    let buffer = Buffer::from_number(buffer)?;
    let data = guest.bytes(at, data_len)?;
    let who = guest.speaker();
    Ok(guest.world().set_buffer(&who, buffer, start as usize, len as usize, &data)?)
}

/// ABI 0.1.0: the configuration of the callback that runs, the VM's or the plug-in's.
fn get_configuration(guest: &mut Guest, data_at: u32, len_at: u32) -> Outcome {
    let plugin = contents(guest, Buffer::PluginConfiguration);
    let configuration = plugin.or_else(|| contents(guest, Buffer::VmConfiguration)).unwrap_or_default();
    guest.give(&configuration, data_at, len_at)
}

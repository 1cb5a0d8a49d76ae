//! HTTP fields: header maps of requests, responses and calls.

use super::{Guest, Outcome, hostcalls};
use crate::pairs;
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::fields::Fields;
use crate::world::http_fields::Map;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_get_header_map_pairs" => get_pairs(map: u32, data_at: u32, len_at: u32);
        "proxy_set_header_map_pairs" => set_pairs(map: u32, at: u32, len: u32);
        "proxy_get_header_map_size" => get_size(map: u32, size_at: u32);
        "proxy_get_header_map_value" => get_value(map: u32, name: u32, name_len: u32, data_at: u32, len_at: u32);
        "proxy_add_header_map_value" => add_value(map: u32, name: u32, name_len: u32, value: u32, value_len: u32);
        "proxy_replace_header_map_value" => replace_value(map: u32, name: u32, name_len: u32, value: u32, value_len: u32);
        "proxy_remove_header_map_value" => remove_value(map: u32, name: u32, name_len: u32);
    }
    Ok(())
}

/// Pairs that a guest wrote; a malformed map is a bad argument.
pub(super) fn fields(guest: &mut Guest, at: u32, len: u32) -> Outcome<Fields> {
    let bytes = guest.bytes(at, len)?;
    let pairs = pairs::decode(&bytes).map_err(|_| Status::BadArgument)?;
    Ok(pairs.into_iter().collect())
}

/// A map that is not there has no pairs; reading all of it is no mistake (Envoy `getHeaderMapPairs`).
fn get_pairs(guest: &mut Guest, map: u32, data_at: u32, len_at: u32) -> Outcome {
    let map = Map::from_number(map)?;
    let who = guest.speaker();
    let pairs = guest.world().fields(&who, map).map(|fields| pairs::encode(fields.lines())).unwrap_or_default();
    guest.give(&pairs, data_at, len_at)
}

fn set_pairs(guest: &mut Guest, map: u32, at: u32, len: u32) -> Outcome {
    let map = Map::from_number(map)?;
    let new = fields(guest, at, len)?;
    change(guest, map, |fields| *fields = new)
}

fn get_size(guest: &mut Guest, map: u32, size_at: u32) -> Outcome {
    let map = Map::from_number(map)?;
    let who = guest.speaker();
    let size = guest.world().fields(&who, map).ok_or(Status::BadArgument)?.byte_size();
    guest.write_u32(size_at, size as u32)
}

/// The first value alone, as Envoy has it. ABI 0.1.0 knows no "not found": there an absent value is empty.
fn get_value(guest: &mut Guest, map: u32, name: u32, name_len: u32, data_at: u32, len_at: u32) -> Outcome {
    let map = Map::from_number(map)?;
    let name = guest.text(name, name_len)?;
    let who = guest.speaker();
    let value = guest.world().fields(&who, map).ok_or(Status::BadArgument)?.get(&name).map(<[u8]>::to_vec);
    let value = value.or_else(|| guest.sandbox().absent_is_empty.then(Vec::new));
    guest.give(&value.ok_or(Status::NotFound)?, data_at, len_at)
}

fn add_value(guest: &mut Guest, map: u32, name: u32, name_len: u32, value: u32, value_len: u32) -> Outcome {
    let (map, name) = (Map::from_number(map)?, guest.text(name, name_len)?);
    let value = guest.bytes(value, value_len)?;
    change(guest, map, |fields| fields.add(&name, value))
}

fn replace_value(guest: &mut Guest, map: u32, name: u32, name_len: u32, value: u32, value_len: u32) -> Outcome {
    let (map, name) = (Map::from_number(map)?, guest.text(name, name_len)?);
    let value = guest.bytes(value, value_len)?;
    change(guest, map, |fields| fields.replace(&name, value))
}

fn remove_value(guest: &mut Guest, map: u32, name: u32, name_len: u32) -> Outcome {
    let (map, name) = (Map::from_number(map)?, guest.text(name, name_len)?);
    change(guest, map, |fields| fields.remove(&name))
}

fn change(guest: &mut Guest, map: Map, change: impl FnOnce(&mut Fields)) -> Outcome {
    let who = guest.speaker();
    Ok(guest.world().change_fields(&who, map, change)?)
}

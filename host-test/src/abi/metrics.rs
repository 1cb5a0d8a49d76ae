//! Metrics.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_define_metric" => define_metric(kind: u32, name: u32, name_len: u32, id_at: u32);
        "proxy_get_metric" => get_metric(id: u32, value_at: u32);
        "proxy_record_metric" => record_metric(id: u32, value: u64);
        "proxy_increment_metric" => increment_metric(id: u32, offset: i64);
    }
    Ok(())
}

fn define_metric(guest: &mut Guest, kind: u32, name: u32, name_len: u32, id_at: u32) -> Outcome {
    let name = guest.bytes(name, name_len)?;
    let id = guest.world().metrics.define(kind, &name)?;
    guest.write_u32(id_at, id)
}

fn get_metric(guest: &mut Guest, id: u32, value_at: u32) -> Outcome {
    let value = guest.world().metrics.get(id)?;
    guest.write_u64(value_at, value)
}

fn record_metric(guest: &mut Guest, id: u32, value: u64) -> Outcome {
    Ok(guest.world().metrics.record(id, value)?)
}

fn increment_metric(guest: &mut Guest, id: u32, offset: i64) -> Outcome {
    Ok(guest.world().metrics.increment(id, offset)?)
}

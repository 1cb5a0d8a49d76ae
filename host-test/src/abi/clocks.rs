//! Clocks.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_get_current_time_nanoseconds" => get_current_time_nanoseconds(time_at: u32);
    }
    Ok(())
}

fn get_current_time_nanoseconds(guest: &mut Guest, time_at: u32) -> Outcome {
    let now = guest.world().now.nanoseconds();
    guest.write_u64(time_at, now)
}

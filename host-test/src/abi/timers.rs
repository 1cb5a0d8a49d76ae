//! Timers.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use std::time::Duration;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_set_tick_period_milliseconds" => set_tick_period_milliseconds(period: u32);
    }
    Ok(())
}

/// The timer is the plugin context's, even if a stream context sets it.
fn set_tick_period_milliseconds(guest: &mut Guest, period: u32) -> Outcome {
    let root = guest.speaker().root;
    let mut world = guest.world();
    let now = world.now;
    world.timers.set(root, Duration::from_millis(period.into()), now);
    Ok(())
}

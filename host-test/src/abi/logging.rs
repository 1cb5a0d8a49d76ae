//! Logging.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::logging::Level;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_log" => log(level: u32, at: u32, len: u32);
        "proxy_get_log_level" => get_log_level(level_at: u32);
    }
    Ok(())
}

fn log(guest: &mut Guest, level: u32, at: u32, len: u32) -> Outcome {
    let level = Level::from_number(level).ok_or(Status::BadArgument)?;
    let message = guest.text(at, len)?;
    let who = guest.speaker();
    guest.world().say(&who, level, message);
    Ok(())
}

fn get_log_level(guest: &mut Guest, level_at: u32) -> Outcome {
    let level = guest.world().log_level as u32;
    guest.write_u32(level_at, level)
}

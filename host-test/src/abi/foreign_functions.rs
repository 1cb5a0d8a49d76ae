//! Foreign functions.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_call_foreign_function" => call_foreign_function(
            name: u32, name_len: u32, argument: u32, argument_len: u32, data_at: u32, len_at: u32,
        );
    }
    Ok(())
}

/// Null pointers for the result say that the caller does not want it.
fn call_foreign_function(
    guest: &mut Guest,
    name: u32,
    name_len: u32,
    argument: u32,
    argument_len: u32,
    data_at: u32,
    len_at: u32,
) -> Outcome {
    let name = guest.bytes(name, name_len)?;
    let argument = guest.bytes(argument, argument_len)?;
    let who = guest.speaker();
    let result = guest.world().foreign_function(&who, &name, &argument)?;
    match (data_at, len_at) {
        (0, 0) => Ok(()),
        (0, _) => guest.write_u32(len_at, result.len() as u32),
        _ => guest.give(&result, data_at, len_at),
    }
}

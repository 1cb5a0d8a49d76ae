//! The binary interface: pointers in, values to the world, a status out. One file for each chapter of the specification.

mod buffers;
mod clocks;
mod context_lifecycle;
mod foreign_functions;
mod grpc_calls;
mod http_calls;
mod http_fields;
mod http_streams;
pub(crate) mod integration;
mod logging;
mod memory;
mod metrics;
mod properties;
mod shared_data;
mod shared_queues;
mod stream_operations;
mod timers;
mod wasi;

use crate::sandbox::Sandbox;
use crate::status::Status;
use memory::Guest;
use wasmtime::{Caller, Linker};

/// What a hostcall comes to: fine, a status for the guest, or the end of the VM.
type Outcome<T = ()> = Result<T, Fault>;

/// Why a hostcall did not do what it was asked.
enum Fault {
    /// The guest's mistake, or a plain "no": it is told, and goes on.
    Status(Status),
    /// The guest trapped while the host had called back into it for memory, or asked to end.
    Trap(wasmtime::Error),
}

impl From<Status> for Fault {
    fn from(status: Status) -> Fault {
        Fault::Status(status)
    }
}

/// Turns an outcome into what wasm sees.
fn answer(outcome: Outcome) -> wasmtime::Result<u32> {
    match outcome {
        Ok(()) => Ok(Status::Ok as u32),
        Err(Fault::Status(status)) => Ok(status as u32),
        Err(Fault::Trap(trap)) => Err(trap),
    }
}

/// Links functions of a chapter by their names in `env`.
macro_rules! hostcalls {
    ($linker:ident: $($name:literal => $function:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        $linker.func_wrap("env", $name, |mut caller: wasmtime::Caller<'_, crate::sandbox::Sandbox>, $($argument: $type),*| {
            caller.data_mut().called.push($name);
            super::answer($function(&mut super::Guest(caller), $($argument),*))
        })?;
    )*};
}
use hostcalls;

/// Links every hostcall of the ABIs 0.1.0, 0.2.0 and 0.2.1, and WASI preview 1.
pub(crate) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    buffers::link(linker)?;
    clocks::link(linker)?;
    context_lifecycle::link(linker)?;
    foreign_functions::link(linker)?;
    grpc_calls::link(linker)?;
    http_calls::link(linker)?;
    http_fields::link(linker)?;
    http_streams::link(linker)?;
    integration::link(linker)?;
    logging::link(linker)?;
    metrics::link(linker)?;
    properties::link(linker)?;
    shared_data::link(linker)?;
    shared_queues::link(linker)?;
    stream_operations::link(linker)?;
    timers::link(linker)?;
    wasi::link(linker)
}

type Call<'a> = Caller<'a, Sandbox>;

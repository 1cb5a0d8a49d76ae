//! WASI preview 1, the part that modules of a proxy need: environment, arguments, clocks, randomness and log lines.
//! There are no files. As in cpp-host, standard output is logged at info and standard error at error.

use super::{Call, Fault, Guest, Outcome};
use crate::sandbox::Sandbox;
use crate::world::logging::Level;
use wasmtime::Linker;

/// The error numbers of WASI that the host answers.
const SUCCESS: u32 = 0;
const BAD_FILE: u32 = 8;
const FAULT: u32 = 21;
const NOT_SUPPORTED: u32 = 58;

/// The most that one write takes, so that a wrong length is a short write and not a full memory.
const MAX_WRITE: u32 = 64 * 1024;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    for module in ["wasi_snapshot_preview1", "wasi_unstable"] {
        linker.func_wrap(module, "environ_sizes_get", |caller: Call<'_>, count_at: u32, len_at: u32| {
            errno(environ_sizes_get(&mut Guest(caller), count_at, len_at))
        })?;
        linker.func_wrap(module, "environ_get", |caller: Call<'_>, pointers_at: u32, texts_at: u32| {
            errno(environ_get(&mut Guest(caller), pointers_at, texts_at))
        })?;
        linker.func_wrap(module, "args_sizes_get", |caller: Call<'_>, count_at: u32, len_at: u32| {
            let mut guest = Guest(caller);
            errno(guest.write_u32(count_at, 0).and_then(|()| guest.write_u32(len_at, 0)).map(|()| SUCCESS))
        })?;
        linker.func_wrap(module, "args_get", |_: u32, _: u32| SUCCESS)?;
        linker.func_wrap(module, "clock_time_get", |caller: Call<'_>, clock: u32, _precision: u64, time_at: u32| {
            errno(clock_time_get(&mut Guest(caller), clock, time_at))
        })?;
        linker.func_wrap(module, "random_get", |caller: Call<'_>, at: u32, len: u32| {
            errno(random_get(&mut Guest(caller), at, len))
        })?;
        linker.func_wrap(
            module,
            "fd_write",
            |caller: Call<'_>, fd: u32, parts: u32, count: u32, written_at: u32| {
                errno(fd_write(&mut Guest(caller), fd, parts, count, written_at))
            },
        )?;
        linker.func_wrap(module, "fd_read", |_: u32, _: u32, _: u32, _: u32| BAD_FILE)?;
        linker.func_wrap(module, "fd_seek", |_: u32, _: i64, _: u32, _: u32| BAD_FILE)?;
        linker.func_wrap(module, "fd_close", |_: u32| SUCCESS)?;
        linker.func_wrap(module, "fd_fdstat_get", |caller: Call<'_>, fd: u32, at: u32| {
            errno(fd_fdstat_get(&mut Guest(caller), fd, at))
        })?;
        // No directory is open, which is how a module's start-up learns that there are no files.
        linker.func_wrap(module, "fd_prestat_get", |_: u32, _: u32| BAD_FILE)?;
        linker.func_wrap(module, "fd_prestat_dir_name", |_: u32, _: u32, _: u32| BAD_FILE)?;
        linker.func_wrap(module, "sched_yield", || SUCCESS)?;
        linker.func_wrap(module, "proc_exit", |code: u32| -> wasmtime::Result<()> {
            Err(wasmtime::Error::msg(format!("the module called proc_exit({code})")))
        })?;
    }
    Ok(())
}

/// Turns an outcome into an error number; a pointer outside the memory is WASI's fault number.
fn errno(outcome: Outcome<u32>) -> wasmtime::Result<u32> {
    match outcome {
        Ok(errno) => Ok(errno),
        Err(Fault::Status(_)) => Ok(FAULT),
        Err(Fault::Trap(trap)) => Err(trap),
    }
}

/// Each variable as `NAME=value` and a zero byte.
fn environment(guest: &Guest) -> Vec<Vec<u8>> {
    guest.sandbox().environment.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}

fn environ_sizes_get(guest: &mut Guest, count_at: u32, len_at: u32) -> Outcome<u32> {
    let texts = environment(guest);
    guest.write_u32(count_at, texts.len() as u32)?;
    guest.write_u32(len_at, texts.iter().map(Vec::len).sum::<usize>() as u32)?;
    Ok(SUCCESS)
}

fn environ_get(guest: &mut Guest, pointers_at: u32, texts_at: u32) -> Outcome<u32> {
    let (mut pointer_at, mut text_at) = (pointers_at, texts_at);
    for text in environment(guest) {
        guest.write_u32(pointer_at, text_at)?;
        guest.write(text_at, &text)?;
        pointer_at = pointer_at.wrapping_add(4);
        text_at = text_at.wrapping_add(text.len() as u32);
    }
    Ok(SUCCESS)
}

/// The realtime clock (0) and the monotonic one (1) are both the virtual clock.
fn clock_time_get(guest: &mut Guest, clock: u32, time_at: u32) -> Outcome<u32> {
    if clock > 1 {
        return Ok(NOT_SUPPORTED);
    }
    let now = guest.world().now.nanoseconds();
    guest.write_u64(time_at, now)?;
    Ok(SUCCESS)
}

fn random_get(guest: &mut Guest, at: u32, len: u32) -> Outcome<u32> {
    // Reading first checks the length against the memory before anything is made for it.
    let mut bytes = guest.bytes(at, len)?;
    for eight in bytes.chunks_mut(8) {
        let random = guest.world().random();
        eight.copy_from_slice(&random[..eight.len()]);
    }
    guest.write(at, &bytes)?;
    Ok(SUCCESS)
}

fn fd_write(guest: &mut Guest, fd: u32, parts: u32, count: u32, written_at: u32) -> Outcome<u32> {
    let level = match fd {
        1 => Level::Info,
        2 => Level::Error,
        _ => return Ok(BAD_FILE),
    };
    let mut text = Vec::new();
    for part in 0..count {
        let vector = guest.bytes(parts.wrapping_add(part.wrapping_mul(8)), 8)?;
        let number = |at: usize| u32::from_le_bytes([vector[at], vector[at + 1], vector[at + 2], vector[at + 3]]);
        let room = MAX_WRITE - text.len() as u32;
        text.extend(guest.bytes(number(0), number(4).min(room))?);
        if text.len() as u32 == MAX_WRITE {
            break;
        }
    }
    guest.write_u32(written_at, text.len() as u32)?;
    if !text.is_empty() {
        let line = String::from_utf8_lossy(text.strip_suffix(b"\n").unwrap_or(&text)).into_owned();
        let who = guest.speaker();
        guest.world().say(&who, level, line);
    }
    Ok(SUCCESS)
}

/// Standard output and standard error can be written to, and that is all.
fn fd_fdstat_get(guest: &mut Guest, fd: u32, at: u32) -> Outcome<u32> {
    if fd != 1 && fd != 2 {
        return Ok(BAD_FILE);
    }
    let mut stat = [0; 24];
    stat[8] = 64;
    guest.write(at, &stat)?;
    Ok(SUCCESS)
}

//! Stream operations: continuing and closing.

use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::status::Status;
use crate::world::After;
use crate::world::streams::Direction;
use wasmtime::Linker;

/// The stream types of the specification (`proxy_stream_type_t`).
const HTTP_REQUEST: u32 = 0;
const HTTP_RESPONSE: u32 = 1;
const UPSTREAM: u32 = 3;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_continue_stream" => continue_stream(kind: u32);
        "proxy_close_stream" => close_stream(kind: u32);
        // ABI 0.1.0.
        "proxy_continue_request" => continue_request();
        "proxy_continue_response" => continue_response();
        "proxy_clear_route_cache" => clear_route_cache();
    }
    Ok(())
}

/// Without an HTTP stream, as after its end, there is nothing to continue and no mistake (Envoy `continueStream`).
fn continue_stream(guest: &mut Guest, kind: u32) -> Outcome {
    let direction = match kind {
        HTTP_REQUEST => Direction::Request,
        HTTP_RESPONSE => Direction::Response,
        _ => return Err(Status::BadArgument.into()),
    };
    if let Some((stream, place)) = guest.speaker().stream {
        guest.world().after.push(After::Continue(stream, place, direction));
    }
    Ok(())
}

fn close_stream(guest: &mut Guest, kind: u32) -> Outcome {
    match (kind, guest.speaker().stream) {
        (HTTP_REQUEST | HTTP_RESPONSE, Some((stream, _))) => guest.world().after.push(After::Reset(stream)),
        (..=UPSTREAM, _) => {}
        _ => return Err(Status::BadArgument.into()),
    }
    Ok(())
}

fn continue_request(guest: &mut Guest) -> Outcome {
    continue_stream(guest, HTTP_REQUEST)
}

fn continue_response(guest: &mut Guest) -> Outcome {
    continue_stream(guest, HTTP_RESPONSE)
}

fn clear_route_cache(guest: &mut Guest) -> Outcome {
    let who = guest.speaker();
    guest.world().foreign_function(&who, b"clear_route_cache", &[])?;
    Ok(())
}

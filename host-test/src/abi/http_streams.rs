//! HTTP streams: answering in the upstream's place.

use super::http_fields::fields;
use super::{Guest, Outcome, hostcalls};
use crate::response::Reply;
use crate::sandbox::Sandbox;
use crate::world::After;
use crate::world::fields::Fields;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_send_local_response" => send_local_response(
            status: u32, details: u32, details_len: u32, body: u32, body_len: u32, headers: u32, headers_len: u32,
            grpc_status: i32,
        );
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the signature is the specification's")]
fn send_local_response(
    guest: &mut Guest,
    status: u32,
    details: u32,
    details_len: u32,
    body: u32,
    body_len: u32,
    headers: u32,
    headers_len: u32,
    grpc_status: i32,
) -> Outcome {
    let details = guest.text(details, details_len)?;
    let body = guest.bytes(body, body_len)?;
    let headers = fields(guest, headers, headers_len)?;
    let mut reply = Reply { status, headers, body, details };
    let who = guest.speaker();
    let Some((id, _)) = who.stream else { return Ok(()) };
    let mut world = guest.world();
    let content_type = world.streams.get(&id).and_then(|stream| stream.request.headers.text("content-type"));
    if content_type.is_some_and(|kind| kind.starts_with("application/grpc")) {
        reply = in_grpc(reply, grpc_status);
    }
    world.after.push(After::Reply(id, reply));
    Ok(())
}

/// A gRPC client learns everything from headers: HTTP is always 200 (Envoy `Utility::prepareLocalReply`).
fn in_grpc(reply: Reply, grpc_status: i32) -> Reply {
    let code = u32::try_from(grpc_status).unwrap_or_else(|_| grpc_status_of(reply.status));
    let mut headers: Fields =
        [("content-type", "application/grpc"), ("grpc-status", &code.to_string())].into_iter().collect();
    if !reply.body.is_empty() {
        headers.add("grpc-message", reply.body);
    }
    for (name, value) in reply.headers.iter() {
        headers.add(name, value);
    }
    Reply { status: 200, headers, body: Vec::new(), details: reply.details }
}

/// The gRPC status for an HTTP status (gRPC's `http-grpc-status-mapping.md`).
fn grpc_status_of(http: u32) -> u32 {
    match http {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502..=504 => 14,
        _ => 2,
    }
}

//! HTTP calls.

use super::http_fields::fields;
use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::world::CallKind;
use crate::world::http_calls::Outgoing;
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_http_call" => http_call(
            cluster: u32, cluster_len: u32, headers: u32, headers_len: u32, body: u32, body_len: u32, trailers: u32,
            trailers_len: u32, timeout_ms: i32, token_at: u32,
        );
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the signature is the specification's")]
fn http_call(
    guest: &mut Guest,
    cluster: u32,
    cluster_len: u32,
    headers: u32,
    headers_len: u32,
    body: u32,
    body_len: u32,
    trailers: u32,
    trailers_len: u32,
    timeout_ms: i32,
    token_at: u32,
) -> Outcome {
    let cluster = guest.text(cluster, cluster_len)?;
    let headers = fields(guest, headers, headers_len)?;
    let body = guest.bytes(body, body_len)?;
    let trailers = fields(guest, trailers, trailers_len)?;
    // Written first, so that no call leaves whose token the guest can never learn.
    guest.write_u32(token_at, 0)?;
    let who = guest.speaker();
    let token = {
        let mut world = guest.world();
        let token = world.next_token(CallKind::Http);
        let now = world.now;
        world.http_calls.send(&who, Outgoing { cluster, headers, body, trailers, timeout_ms }, token, now)?;
        token
    };
    guest.write_u32(token_at, token)
}

//! gRPC calls.

use super::http_fields::fields;
use super::{Guest, Outcome, hostcalls};
use crate::sandbox::Sandbox;
use crate::world::CallKind;
use crate::world::grpc_calls::{GrpcCall, cluster_of};
use wasmtime::Linker;

pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    hostcalls! { linker:
        "proxy_grpc_call" => grpc_call(
            upstream: u32, upstream_len: u32, service: u32, service_len: u32, method: u32, method_len: u32,
            metadata: u32, metadata_len: u32, message: u32, message_len: u32, _timeout_ms: u32, token_at: u32,
        );
        "proxy_grpc_stream" => grpc_stream(
            upstream: u32, upstream_len: u32, service: u32, service_len: u32, method: u32, method_len: u32,
            metadata: u32, metadata_len: u32, token_at: u32,
        );
        "proxy_grpc_send" => grpc_send(token: u32, message: u32, message_len: u32, end: u32);
        "proxy_grpc_cancel" => grpc_cancel(token: u32);
        "proxy_grpc_close" => grpc_close(token: u32);
        "proxy_get_status" => get_status(code_at: u32, data_at: u32, len_at: u32);
    }
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the signature is the specification's")]
fn grpc_call(
    guest: &mut Guest,
    upstream: u32,
    upstream_len: u32,
    service: u32,
    service_len: u32,
    method: u32,
    method_len: u32,
    metadata: u32,
    metadata_len: u32,
    message: u32,
    message_len: u32,
    _timeout_ms: u32,
    token_at: u32,
) -> Outcome {
    let texts = [(upstream, upstream_len), (service, service_len), (method, method_len), (metadata, metadata_len)];
    let message = guest.bytes(message, message_len)?;
    start(guest, texts, vec![message], CallKind::Grpc, token_at)
}

#[allow(clippy::too_many_arguments, reason = "the signature is the specification's")]
fn grpc_stream(
    guest: &mut Guest,
    upstream: u32,
    upstream_len: u32,
    service: u32,
    service_len: u32,
    method: u32,
    method_len: u32,
    metadata: u32,
    metadata_len: u32,
    token_at: u32,
) -> Outcome {
    let texts = [(upstream, upstream_len), (service, service_len), (method, method_len), (metadata, metadata_len)];
    start(guest, texts, Vec::new(), CallKind::GrpcStream, token_at)
}

fn start(guest: &mut Guest, texts: [(u32, u32); 4], messages: Vec<Vec<u8>>, kind: CallKind, token_at: u32) -> Outcome {
    let [upstream, service, method, metadata] = texts;
    let cluster = cluster_of(&guest.bytes(upstream.0, upstream.1)?)?;
    let service = guest.text(service.0, service.1)?;
    let method = guest.text(method.0, method.1)?;
    let metadata = fields(guest, metadata.0, metadata.1)?;
    guest.write_u32(token_at, 0)?;
    let who = guest.speaker();
    let streaming = matches!(kind, CallKind::GrpcStream);
    let token = {
        let mut world = guest.world();
        let token = world.next_token(kind);
        let root = who.root;
        let half_closed = !streaming;
        let call = GrpcCall { cluster, service, method, metadata, messages, streaming, half_closed, token, root };
        world.grpc_calls.start(&who, call)
    };
    guest.write_u32(token_at, token)
}

fn grpc_send(guest: &mut Guest, token: u32, message: u32, message_len: u32, end: u32) -> Outcome {
    let message = guest.bytes(message, message_len)?;
    Ok(guest.world().grpc_calls.send(token, message, end != 0)?)
}

fn grpc_cancel(guest: &mut Guest, token: u32) -> Outcome {
    Ok(guest.world().grpc_calls.cancel(token)?)
}

fn grpc_close(guest: &mut Guest, token: u32) -> Outcome {
    Ok(guest.world().grpc_calls.close(token)?)
}

fn get_status(guest: &mut Guest, code_at: u32, data_at: u32, len_at: u32) -> Outcome {
    let (code, message) = guest.world().delivery.status.clone();
    guest.write_u32(code_at, code)?;
    guest.give(message.as_bytes(), data_at, len_at)
}

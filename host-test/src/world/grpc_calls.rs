//! gRPC calls: unary calls and streams that a filter opens itself; as HTTP calls, they belong to the plugin context.

use super::context::{Context, RootId};
use super::fields::Fields;
use super::protobuf;
use crate::status::Status;

/// A gRPC call or stream that a filter has opened.
#[derive(Clone, Debug, PartialEq)]
pub struct GrpcCall {
    /// The cluster it was sent to.
    pub cluster: String,
    /// The full name of the service.
    pub service: String,
    /// The method.
    pub method: String,
    /// The initial metadata.
    pub metadata: Fields,
    /// The messages sent so far, without gRPC framing.
    pub messages: Vec<Vec<u8>>,
    /// Whether it is a stream (`proxy_grpc_stream`) or one call (`proxy_grpc_call`).
    pub streaming: bool,
    /// Whether the filter has said that it will send no more.
    pub half_closed: bool,
    pub(crate) token: u32,
    pub(crate) root: RootId,
}

/// The calls and streams that are open.
#[derive(Debug, Default)]
pub(crate) struct GrpcCalls {
    pub(crate) open: Vec<GrpcCall>,
}

/// The cluster in a serialised `envoy.config.core.v3.GrpcService` (`envoy_grpc.cluster_name`), or plain text, which
/// Envoy takes for a cluster's name too.
pub(crate) fn cluster_of(service: &[u8]) -> Result<String, Status> {
    let nested = protobuf::field(service, 1).and_then(|envoy_grpc| protobuf::field(envoy_grpc, 1));
    let name = nested.unwrap_or(service);
    let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    if printable { Ok(String::from_utf8_lossy(name).into_owned()) } else { Err(Status::ParseFailure) }
}

impl GrpcCalls {
    pub(crate) fn start(&mut self, who: &Context, mut call: GrpcCall) -> u32 {
        call.root = who.root;
        let token = call.token;
        self.open.push(call);
        token
    }

    /// Sends a message on a stream that is still open to the filter.
    pub(crate) fn send(&mut self, token: u32, message: Vec<u8>, end: bool) -> Result<(), Status> {
        let call = self.find(token)?;
        if !call.streaming || call.half_closed {
            return Err(Status::BadArgument);
        }
        call.messages.push(message);
        call.half_closed = end;
        Ok(())
    }

    /// Closes the filter's side of a stream; a single call is over.
    pub(crate) fn close(&mut self, token: u32) -> Result<(), Status> {
        let call = self.find(token)?;
        if call.streaming {
            call.half_closed = true;
            return Ok(());
        }
        self.cancel(token)
    }

    pub(crate) fn cancel(&mut self, token: u32) -> Result<(), Status> {
        self.find(token)?;
        self.open.retain(|call| call.token != token);
        Ok(())
    }

    pub(crate) fn find(&mut self, token: u32) -> Result<&mut GrpcCall, Status> {
        self.open.iter_mut().find(|call| call.token == token).ok_or(Status::NotFound)
    }

    pub(crate) fn cancel_all(&mut self, root: RootId) {
        self.open.retain(|call| call.root != root);
    }
}

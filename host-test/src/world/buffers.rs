//! Buffers: bodies, configurations and what a callback was handed.

use super::World;
use super::context::Context;
use super::streams::Direction;
use crate::status::Status;

/// Which buffer (spec: `proxy_buffer_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    RequestBody,
    ResponseBody,
    DownstreamData,
    UpstreamData,
    CallResponseBody,
    GrpcMessage,
    VmConfiguration,
    PluginConfiguration,
    CallData,
}

impl Buffer {
    pub(crate) fn from_number(number: u32) -> Result<Buffer, Status> {
        use Buffer::*;
        let known = [
            RequestBody,
            ResponseBody,
            DownstreamData,
            UpstreamData,
            CallResponseBody,
            GrpcMessage,
            VmConfiguration,
            PluginConfiguration,
            CallData,
        ];
        known.get(number as usize).copied().ok_or(Status::BadArgument)
    }
}

impl World {
    /// The bytes of a buffer; `None` if it is not there now. (The VM configuration is the VM's, not the world's.)
    pub(crate) fn buffer(&self, who: &Context, buffer: Buffer) -> Option<&[u8]> {
        let stream = who.stream.and_then(|(id, place)| Some((self.streams.get(&id)?, place)));
        match buffer {
            Buffer::RequestBody => stream.and_then(|(stream, place)| stream.body(Direction::Request, place)),
            Buffer::ResponseBody => stream.and_then(|(stream, place)| stream.body(Direction::Response, place)),
            Buffer::CallResponseBody => self.delivery.response.as_ref().map(|response| response.body.as_slice()),
            Buffer::GrpcMessage => self.delivery.grpc_message.as_deref(),
            Buffer::PluginConfiguration => self.delivery.configuration.as_deref(),
            Buffer::CallData => Some(&[]),
            Buffer::DownstreamData | Buffer::UpstreamData | Buffer::VmConfiguration => None,
        }
    }

    /// Changes a body as Envoy allows: prepend (0, 0), replace (0, all of it), append (from the end). Anything else, or
    /// any other buffer, is a bad argument (Envoy `Buffer::copyFrom`).
    pub(crate) fn set_buffer(
        &mut self,
        who: &Context,
        buffer: Buffer,
        start: usize,
        len: usize,
        data: &[u8],
    ) -> Result<(), Status> {
        let direction = match buffer {
            Buffer::RequestBody => Direction::Request,
            Buffer::ResponseBody => Direction::Response,
            Buffer::VmConfiguration => return Err(Status::BadArgument),
            _ => return self.buffer(who, buffer).map_or(Err(Status::NotFound), |_| Err(Status::BadArgument)),
        };
        let place = who.stream.ok_or(Status::NotFound)?.1;
        let stream = self.stream_of(who).ok_or(Status::NotFound)?;
        let body = stream.body_mut(direction, place).ok_or(Status::NotFound)?;
        match (start, len) {
            (0, 0) => drop(body.splice(0..0, data.iter().copied())),
            (0, len) if len >= body.len() => *body = data.to_vec(),
            (0, _) => return Err(Status::BadArgument),
            (start, _) if start >= body.len() => body.extend(data),
            _ => return Err(Status::BadArgument),
        }
        Ok(())
    }
}

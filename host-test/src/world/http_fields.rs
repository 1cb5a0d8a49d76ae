//! HTTP fields as a filter reaches them: which map is there now, and what changing it does.

use super::World;
use super::context::Context;
use super::fields::Fields;
use crate::status::Status;

/// Which map (spec: `proxy_header_map_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
    GrpcInitialMetadata,
    GrpcTrailingMetadata,
    CallResponseHeaders,
    CallResponseTrailers,
}

impl Map {
    pub(crate) fn from_number(number: u32) -> Result<Map, Status> {
        use Map::*;
        let known = [
            RequestHeaders,
            RequestTrailers,
            ResponseHeaders,
            ResponseTrailers,
            GrpcInitialMetadata,
            GrpcTrailingMetadata,
            CallResponseHeaders,
            CallResponseTrailers,
        ];
        known.get(number as usize).copied().ok_or(Status::BadArgument)
    }
}

impl World {
    /// The map, if Envoy would show it to this context now; in the log, headers can be read again.
    pub(crate) fn fields(&self, who: &Context, map: Map) -> Option<&Fields> {
        match map {
            Map::GrpcInitialMetadata => return self.delivery.grpc_initial_metadata.as_ref(),
            Map::GrpcTrailingMetadata => return self.delivery.grpc_trailing_metadata.as_ref(),
            Map::CallResponseHeaders => return self.delivery.response.as_ref().map(|response| &response.headers),
            Map::CallResponseTrailers => return self.delivery.response.as_ref().map(|response| &response.trailers),
            _ => {}
        }
        let (id, place) = who.stream?;
        let stream = self.streams.get(&id)?;
        let stage = stream.stages.get(place)?;
        let response = stream.response.as_ref();
        match map {
            Map::RequestHeaders => (stage.request.headers_open || stream.logging).then_some(&stream.request.headers),
            Map::RequestTrailers => stage.request.trailers_open.then_some(&stream.request.trailers),
            Map::ResponseHeaders => {
                response.filter(|_| stage.response.headers_open || stream.logging).map(|it| &it.headers)
            }
            _ => response.filter(|_| stage.response.trailers_open || stream.logging).map(|it| &it.trailers),
        }
    }

    /// Changes a map that the filter holds. A change of the request's headers clears the route cache, which Envoy does
    /// for every ABI up to 0.2.1; it is counted apart from what the filter asks for itself.
    pub(crate) fn change_fields(
        &mut self,
        who: &Context,
        map: Map,
        change: impl FnOnce(&mut Fields),
    ) -> Result<(), Status> {
        let place = who.stream.ok_or(Status::BadArgument)?.1;
        let stream = self.stream_of(who).ok_or(Status::BadArgument)?;
        let stage = stream.stages.get(place).ok_or(Status::BadArgument)?;
        let response = stream.response.as_mut();
        let fields = match map {
            Map::RequestHeaders if stage.request.headers_open => &mut stream.request.headers,
            Map::RequestTrailers if stage.request.trailers_open => &mut stream.request.trailers,
            Map::ResponseHeaders if stage.response.headers_open => &mut response.ok_or(Status::BadArgument)?.headers,
            Map::ResponseTrailers if stage.response.trailers_open => &mut response.ok_or(Status::BadArgument)?.trailers,
            _ => return Err(Status::BadArgument),
        };
        change(fields);
        if map == Map::RequestHeaders {
            stream.automatic_clears += 1;
        }
        Ok(())
    }
}

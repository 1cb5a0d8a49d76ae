//! Foreign functions: what Envoy offers beyond the specification, by name (Envoy `foreign.cc`).

use super::context::{Context, RootId};
use super::{World, protobuf};
use crate::status::Status;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// The most that `uncompress` makes of its argument, so that a small bomb cannot fill the test's memory.
const MAX_UNCOMPRESSED: u64 = 64 << 20;

/// The filter state keys that Envoy 1.40 has a factory for and that a filter may write (Envoy `set_envoy_filter_state`; Envoy 1.40, run).
const STATE_KEYS: [&str; 13] = [
    "envoy.string",
    "envoy.hashable_string",
    "envoy.bool",
    "envoy.network.upstream_server_name",
    "envoy.network.application_protocols",
    "envoy.network.network_namespace",
    "envoy.ratelimit.hits_addend",
    "envoy.tcp_proxy.cluster",
    "envoy.tcp_proxy.disable_tunneling",
    "envoy.tcp_proxy.per_connection_idle_timeout_ms",
    "envoy.upstream.dynamic_host",
    "envoy.upstream.dynamic_port",
    "envoy.ai.model.request",
];

/// The properties that plugin contexts have declared, and whether each is read-only.
#[derive(Debug, Default)]
pub(crate) struct Foreign {
    declared: BTreeMap<(RootId, Vec<u8>), bool>,
}

impl Foreign {
    pub(crate) fn is_read_only(&self, root: RootId, name: &[u8]) -> bool {
        self.declared.get(&(root, name.to_vec())).copied().unwrap_or(false)
    }
}

impl World {
    /// Calls a foreign function. `verify_signature`, `sign` and the three of CEL are not there.
    pub(crate) fn foreign_function(&mut self, who: &Context, name: &[u8], argument: &[u8]) -> Result<Vec<u8>, Status> {
        match name {
            b"clear_route_cache" => {
                if let Some(stream) = self.stream_of(who) {
                    stream.route_cache_clears += 1;
                }
                Ok(Vec::new())
            }
            b"set_envoy_filter_state" => self.set_envoy_filter_state(who, argument),
            b"declare_property" => self.declare_property(who, argument),
            b"compress" => compress(argument).map_err(|_| Status::SerializationFailure),
            b"uncompress" => uncompress(argument).map_err(|_| Status::SerializationFailure),
            _ => Err(Status::NotFound),
        }
    }

    /// `SetEnvoyFilterStateArguments {path = 1, value = 2, span = 3}`: the path is the key, and must be a known one.
    fn set_envoy_filter_state(&mut self, who: &Context, argument: &[u8]) -> Result<Vec<u8>, Status> {
        if !protobuf::is_message(argument) {
            return Err(Status::BadArgument);
        }
        let key = protobuf::field(argument, 1).unwrap_or_default();
        let value = protobuf::field(argument, 2).unwrap_or_default();
        let stream = self.stream_of(who).ok_or(Status::NotFound)?;
        if !STATE_KEYS.iter().any(|known| known.as_bytes() == key) {
            return Err(Status::NotFound);
        }
        if key == b"envoy.bool" && value != b"true" && value != b"false" {
            return Err(Status::BadArgument);
        }
        stream.filter_state.insert(key.to_vec(), value.to_vec());
        Ok(Vec::new())
    }

    /// `DeclarePropertyArguments {name = 1, readonly = 2, …}`: a second declaration of a name is refused.
    fn declare_property(&mut self, who: &Context, argument: &[u8]) -> Result<Vec<u8>, Status> {
        let read_only = protobuf::number(argument, 2).ok_or(Status::BadArgument)? != 0;
        let name = protobuf::field(argument, 1).unwrap_or_default().to_vec();
        match self.foreign.declared.entry((who.root, name)) {
            std::collections::btree_map::Entry::Occupied(_) => Err(Status::BadArgument),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(read_only);
                Ok(Vec::new())
            }
        }
    }
}

fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn uncompress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    ZlibDecoder::new(bytes).take(MAX_UNCOMPRESSED).read_to_end(&mut plain)?;
    Ok(plain)
}

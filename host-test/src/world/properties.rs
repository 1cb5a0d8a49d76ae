//! Properties: the attributes of a request and of the proxy, and the filter state that filters write.

use super::World;
use super::attributes::Value;
use super::context::Context;
use super::streams::{Direction, Stream};
use crate::pairs;
use crate::status::Status;

/// What names a message of many fields, which Envoy does not serialise.
const WHOLE_MESSAGES: [&str; 7] =
    ["request", "response", "source", "destination", "connection", "upstream", "filter_state"];

/// The prefix that Envoy gives to what `proxy_set_property` writes (context.cc `CelStateKeyPrefix`).
const STATE_PREFIX: &str = "wasm.";

impl World {
    /// Reads a property: an attribute if there is one, else filter state (Envoy `Context::getProperty`).
    pub(crate) fn property(&self, who: &Context, path: &[u8]) -> Result<Vec<u8>, Status> {
        let path: Vec<String> =
            path.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        match words[..] {
            ["plugin_name"] => return Ok(who.plugin.name.clone().into_bytes()),
            ["plugin_root_id"] => return Ok(who.plugin.root_id.clone().into_bytes()),
            ["plugin_vm_id"] => return Ok(who.plugin.vm_id.clone().into_bytes()),
            [message] if WHOLE_MESSAGES.contains(&message) => return Err(Status::SerializationFailure),
            _ => {}
        }
        let Some(stream) = who.stream.and_then(|(id, _)| self.streams.get(&id)) else {
            // What belongs to a listener, a route or a request is not there without a stream.
            let of_streams = WHOLE_MESSAGES.contains(&words[0]) || words[0] == "metadata";
            let reachable = !of_streams && (words[0] != "xds" || words.get(1) == Some(&"node"));
            return self.attributes.get(&path).filter(|_| reachable).ok_or(Status::NotFound);
        };
        let given = || stream.attributes.get(&path).or_else(|| self.attributes.get(&path));
        let found =
            given().or_else(|| stream.attribute(&words, self.now.nanoseconds()).map(|value| value.serialized()));
        found.or_else(|| stream.state(&words)).ok_or(Status::NotFound)
    }

    /// Writes filter state under `wasm.` and the path as it is, zero bytes and all; attributes cannot be written
    /// (Envoy `Context::setProperty`).
    pub(crate) fn set_property(&mut self, who: &Context, path: &[u8], value: Vec<u8>) -> Result<(), Status> {
        let key = [STATE_PREFIX.as_bytes(), path].concat();
        let read_only = self.foreign.is_read_only(who.root, path);
        let stream = self.stream_of(who).ok_or(Status::NotFound)?;
        if read_only && stream.filter_state.contains_key(&key) {
            return Err(Status::BadArgument);
        }
        stream.filter_state.insert(key, value);
        Ok(())
    }
}

impl Stream {
    /// What the host itself knows of a stream (Envoy, Attributes; Envoy 1.40, run). What is of the request's headers is gone while the
    /// response passes, because Envoy lets go of them, and is back in the log.
    fn attribute(&self, path: &[&str], now: u64) -> Option<Value> {
        let bytes = |value: &[u8]| Value::Bytes(value.to_vec());
        let headers = &self.request.headers;
        let header = |name| headers.get(name).map(bytes);
        let of_request = !self.passes(Direction::Response) || self.logging;
        let target = headers.get(":path").unwrap_or_default();
        let (url_path, query) = match target.iter().position(|byte| *byte == b'?') {
            Some(mark) => (&target[..mark], &target[mark + 1..]),
            None => (target, &b""[..]),
        };
        let response = self.response.as_ref().map(|response| &response.headers);
        match path {
            ["request", "time"] => Some(Value::Int(self.started.nanoseconds() as i64)),
            ["request", "protocol"] => Some("HTTP/1.1".into()),
            ["request", "size"] => Some(Value::Uint(self.request.body_len as u64)),
            ["request", "total_size"] => Some(Value::Uint((self.request.body_len + headers.byte_size()) as u64)),
            ["request", "duration"] if self.logging => Some(Value::Int((now - self.started.nanoseconds()) as i64)),
            ["request", "path"] if of_request => header(":path"),
            ["request", "url_path"] if of_request => Some(bytes(url_path)),
            ["request", "query"] if of_request => Some(bytes(query)),
            ["request", "host"] if of_request => header(":authority"),
            ["request", "scheme"] if of_request => header(":scheme"),
            ["request", "method"] if of_request => header(":method"),
            ["request", "referer"] if of_request => header("referer"),
            ["request", "useragent"] if of_request => header("user-agent"),
            ["request", "id"] if of_request => header("x-request-id"),
            ["request", "headers"] if of_request => Some(Value::Bytes(pairs::encode(headers.lines()))),
            ["request", "headers", name] if of_request => header(name),
            ["response", "code"] => response?.text(":status")?.parse().ok().map(Value::Int),
            ["response", "code_details"] => self.details.as_deref().map(Value::from),
            ["upstream", "address"] if self.went_upstream() => Some("127.0.0.1:80".into()),
            ["response", "headers"] => Some(Value::Bytes(pairs::encode(response?.lines()))),
            ["response", "headers", name] => response?.get(name).map(bytes),
            ["connection", "id"] | ["connection_id"] => Some(Value::Uint(self.id)),
            ["connection", "mtls"] => Some(Value::Bool(false)),
            ["connection", "requested_server_name"] => Some("".into()),
            ["source", "address"] => Some(format!("127.0.0.1:{}", self.source_port()).into()),
            ["source", "port"] => Some(Value::Int(self.source_port())),
            ["destination", "address"] => Some(format!("127.0.0.1:{}", self.destination_port).into()),
            ["destination", "port"] => Some(Value::Int(i64::from(self.destination_port))),
            _ => None,
        }
    }

    /// Whether the router found a host for the request, as far as why it was answered says so: Envoy's details of what
    /// happens behind the router begin like this.
    fn went_upstream(&self) -> bool {
        let details = self.details.as_deref().unwrap_or_default();
        details == "via_upstream" || details.starts_with("upstream_")
    }

    /// A client port like those that kernels hand out, one for each stream.
    fn source_port(&self) -> i64 {
        32_768 + (self.id % 28_000) as i64
    }

    /// Filter state by its own name, or by the whole key behind `filter_state`.
    fn state(&self, path: &[&str]) -> Option<Vec<u8>> {
        let key = match path {
            [name] => format!("{STATE_PREFIX}{name}"),
            ["filter_state", key] => (*key).to_owned(),
            _ => return None,
        };
        self.filter_state.get(key.as_bytes()).cloned()
    }
}

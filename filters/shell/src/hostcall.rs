//! The hostcalls that a request makes, with their status as an error.
//!
//! The SDK's own calls panic on a status that they do not expect, such as the one of a capability that the operator has
//! restricted; a panic would take the VM down and every request with it. These do the same and never panic.
//!
//! Source of the signatures: proxy-wasm specification, ABI 0.2.1.

use std::ptr::null_mut;
use std::time::Duration;

/// A status that is not OK, as the host gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u32);

impl Status {
    /// There is no such thing.
    pub(crate) const NOT_FOUND: Self = Self(1);

    /// Somebody else has written since.
    pub(crate) const CAS_MISMATCH: Self = Self(8);
}

/// Whose headers a hostcall is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    /// The request's.
    Request = 0,
    /// The request's, behind its body.
    RequestTrailers = 1,
    /// The answer's.
    Response = 2,
    /// Those of the answer to a call of the filter's own.
    Call = 6,
}

/// Which body a hostcall is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bytes {
    /// The request's, as far as it is there.
    Request = 0,
    /// The answer's, as far as it is there.
    Response = 1,
    /// That of the answer to a call of the filter's own.
    Call = 4,
}

/// The answer is not that of a gRPC call.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_done() -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, length: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, value_size: usize, version: u32)
    -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

/// Writes a line to the proxy's log, or nothing where the proxy takes none.
pub(crate) fn log(level: u32, text: &str) {
    // SAFETY: the host reads the slice within the call.
    let _ = unsafe { proxy_log(level, text.as_ptr(), text.len()) };
}

/// Ends the plugin context that has said that it was not done yet.
pub(crate) fn done() {
    // SAFETY: the call takes nothing. A proxy that waits for nobody refuses it.
    let _ = unsafe { proxy_done() };
}

/// The proxy's clock, in nanoseconds since 1970.
pub(crate) fn now() -> Result<u64, Status> {
    let mut time = 0;
    // SAFETY: the host writes eight bytes to `time`.
    ok(unsafe { proxy_get_current_time_nanoseconds(&mut time) })?;
    Ok(time)
}

/// The response's headers, in the specification's serialization of pairs.
pub(crate) fn response_headers() -> Result<Vec<u8>, Status> {
    headers(Side::Response)
}

/// The headers of that side, in the same serialization.
pub(crate) fn headers(side: Side) -> Result<Vec<u8>, Status> {
    // SAFETY: see `taken`.
    unsafe { taken(|data, size| proxy_get_header_map_pairs(side as u32, data, size)) }
}

/// `length` bytes of a body from `start` on, or as many as there are.
pub(crate) fn body(body: Bytes, start: usize, length: usize) -> Result<Vec<u8>, Status> {
    // SAFETY: see `taken`.
    unsafe { taken(|data, size| proxy_get_buffer_bytes(body as u32, start, length, data, size)) }
}

/// How many bytes of a body are read at a time: each is copied into memory that only a trap can refuse.
const PART: usize = 1 << 16;

/// Hands over a body of so many bytes in parts; how many there were.
pub(crate) fn parts(whose: Bytes, size: usize, take: &mut dyn FnMut(&[u8])) -> usize {
    let mut read = 0;
    while read < size {
        let part = body(whose, read, PART.min(size - read)).unwrap_or_default();
        if part.is_empty() {
            break;
        }
        take(&part);
        read += part.len();
    }
    read
}

/// Sends a request of the filter's own, and gives the number that its answer will come with.
///
/// It goes through the SDK, which panics at an answer that it does not know of. Of the statuses it takes those that Envoy
/// gives. Header values are text to it: what is not UTF-8 is replaced.
pub(crate) fn call(
    cluster: &str,
    headers: &[(String, Vec<u8>)],
    body: Option<&[u8]>,
    trailers: &[(String, Vec<u8>)],
    timeout: Duration,
) -> Result<u32, Status> {
    let lossy = |pairs: &[(String, Vec<u8>)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())).collect()
    };
    let (headers, trailers) = (lossy(headers), lossy(trailers));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let trailers = trailers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    proxy_wasm::hostcalls::dispatch_http_call(cluster, headers, body, trailers, timeout)
        .map_err(|status| Status(status as u32))
}

/// Gives the header `name` this one value.
pub(crate) fn set_header(side: Side, name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the two slices within the call.
    ok(unsafe { proxy_replace_header_map_value(side as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Gives the header `name` this value besides those that it has.
pub(crate) fn add_header(side: Side, name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the two slices within the call.
    ok(unsafe { proxy_add_header_map_value(side as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Takes the header `name` off.
pub(crate) fn remove_header(side: Side, name: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the slice within the call.
    ok(unsafe { proxy_remove_header_map_value(side as u32, name.as_ptr(), name.len()) })
}

/// Has the hostcalls that follow within this callback be about the stream `context`.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Status> {
    // SAFETY: the call takes a number.
    ok(unsafe { proxy_set_effective_context(context) })
}

/// Has the host call `on_tick` every so many milliseconds; 0 for no more.
pub(crate) fn set_tick_period(milliseconds: u32) -> Result<(), Status> {
    // SAFETY: the call takes a number.
    ok(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Has the request go on that was paused.
pub(crate) fn continue_request() -> Result<(), Status> {
    const REQUEST: u32 = 0;
    // SAFETY: the call takes a number.
    ok(unsafe { proxy_continue_stream(REQUEST) })
}

/// What the workers of this proxy share under `key`, and its version.
pub(crate) fn shared_data(key: &str) -> Result<(Vec<u8>, u32), Status> {
    let mut version = 0;
    // SAFETY: the host writes four bytes to `version`; see `taken`.
    let bytes = unsafe { taken(|data, size| proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut version)) };
    Ok((bytes?, version))
}

/// Shares `value` under `key`, unless somebody else has since `version` was read; 0 for whatever version there is.
pub(crate) fn set_shared_data(key: &str, value: &[u8], version: u32) -> Result<(), Status> {
    // SAFETY: the host reads the two slices within the call.
    ok(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) })
}

/// Shares `value` under `key`, unless there is something already. A version that nobody has read is compared with those
/// there are, and with nothing where there is none (cpp-host, `SharedData::set`).
pub(crate) fn begin_shared_data(key: &str, value: &[u8]) -> Result<(), Status> {
    set_shared_data(key, value, u32::MAX)
}

/// The id of a new metric of that kind (0 a counter, 1 a gauge, 2 a histogram).
pub(crate) fn define_metric(kind: u32, name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: the host reads the slice within the call, and writes four bytes to `id`.
    ok(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &mut id) })?;
    Ok(id)
}

/// Adds to a counter or a gauge.
pub(crate) fn increment_metric(id: u32, offset: i64) -> Result<(), Status> {
    // SAFETY: the call takes numbers.
    ok(unsafe { proxy_increment_metric(id, offset) })
}

/// Sets a gauge, or gives a histogram one more value.
pub(crate) fn record_metric(id: u32, value: u64) -> Result<(), Status> {
    // SAFETY: the call takes numbers.
    ok(unsafe { proxy_record_metric(id, value) })
}

/// The property at `path`; `None` if there is none.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    // SAFETY: the host reads the slice within the call; see `taken`.
    unsafe { taken(|data, size| proxy_get_property(path.as_ptr(), path.len(), data, size)) }.ok()
}

/// Sets the filter state `key`, which the filters behind this one read as a property.
pub(crate) fn set_filter_state(key: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the two slices within the call.
    ok(unsafe { proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// Answers the request in the upstream's stead; `headers` are serialized pairs.
pub(crate) fn answer(
    status: u16,
    details: &str,
    headers: &[u8],
    body: &[u8],
    grpc_status: Option<u8>,
) -> Result<(), Status> {
    // SAFETY: the host reads the slices within the call.
    ok(unsafe {
        proxy_send_local_response(
            status.into(),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status.map_or(NO_GRPC_STATUS, i32::from),
        )
    })
}

/// What `call` has the host write: bytes in memory that the host allocated through the SDK's `malloc`.
///
/// # Safety
///
/// On success `call` must leave null, or a boxed slice of just that size, of which nobody else knows.
unsafe fn taken(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data = null_mut();
    let mut size = 0;
    ok(call(&mut data, &mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: the caller's promise; the SDK allocates boxed slices of the size asked for.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

fn ok(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

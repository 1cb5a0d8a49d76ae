//! The hostcalls that a request makes, with their status as an error.
//!
//! The SDK's own calls panic on a status that they do not expect, such as the one of a capability that the operator has
//! restricted; a panic would take the VM down and every request with it. These do the same and never panic.
//!
//! Source of the signatures: proxy-wasm specification, ABI 0.2.1.

use std::ptr::null_mut;

/// A status that is not OK, as the host gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(pub(crate) u32);

const REQUEST_HEADERS: u32 = 0;

/// The answer is not that of a gRPC call.
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, value_size: usize) -> u32;
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
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
}

/// The proxy's clock, in nanoseconds since 1970.
pub(crate) fn now() -> Result<u64, Status> {
    let mut time = 0;
    // SAFETY: the host writes eight bytes to `time`.
    ok(unsafe { proxy_get_current_time_nanoseconds(&mut time) })?;
    Ok(time)
}

/// The request's headers, in the specification's serialization of pairs.
pub(crate) fn request_headers() -> Result<Vec<u8>, Status> {
    // SAFETY: see `taken`.
    unsafe { taken(|data, size| proxy_get_header_map_pairs(REQUEST_HEADERS, data, size)) }
}

/// Gives the request's header `name` this one value.
pub(crate) fn set_request_header(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the two slices within the call.
    ok(unsafe {
        proxy_replace_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Takes the header `name` off the request.
pub(crate) fn remove_request_header(name: &[u8]) -> Result<(), Status> {
    // SAFETY: the host reads the slice within the call.
    ok(unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
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

/// Answers the request in the upstream's stead, without headers and body of its own.
pub(crate) fn answer(status: u32, details: &str) -> Result<(), Status> {
    // No headers, serialized: a count of nought.
    let headers = 0u32.to_le_bytes();
    // SAFETY: the host reads the slices within the call.
    ok(unsafe {
        proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            null_mut(),
            0,
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    })
}

/// Has Envoy choose the route anew (Envoy's foreign function `clear_route_cache`, from 1.33 on).
pub(crate) fn clear_route_cache() -> Result<(), Status> {
    const NAME: &str = "clear_route_cache";
    // SAFETY: the host reads the slice within the call; see `taken`.
    unsafe {
        taken(|data, size| proxy_call_foreign_function(NAME.as_ptr(), NAME.len(), null_mut(), 0, data, size))?;
    }
    Ok(())
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

//! Status codes: what a hostcall returns to the guest.

/// The result of a hostcall, as the guest sees it (spec: "Status"; cpp-host `WasmResult`).
///
/// A guest's mistake (a bad pointer, an unknown name) is one of these, never a panic of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// An argument makes no sense here.
    BadArgument = 2,
    /// A value cannot be serialised.
    SerializationFailure = 3,
    /// A value cannot be parsed.
    ParseFailure = 4,
    /// A pointer or a length lies outside the guest's memory.
    InvalidMemoryAccess = 6,
    /// The queue is empty.
    Empty = 7,
    /// The value was changed by somebody else meanwhile.
    CasMismatch = 8,
    /// The host could not do it.
    InternalFailure = 10,
    /// The host does not know this hostcall.
    Unimplemented = 12,
}

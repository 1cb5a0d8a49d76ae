//! What callbacks cost, and which hostcalls they made.

/// What one callback of one filter has cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The filter's name.
    pub filter: String,
    /// The callback's name in the specification.
    pub callback: &'static str,
    /// The fuel it took, about one unit for each instruction.
    pub fuel: u64,
}

/// A hostcall that one callback of one filter made for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostcall {
    /// The filter's name.
    pub filter: String,
    /// The callback's name in the specification.
    pub callback: &'static str,
    /// The hostcall's.
    pub name: &'static str,
}

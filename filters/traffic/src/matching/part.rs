//! Parts of a request that are texts.

/// A part of a request that a condition can test. A missing part matches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part<'a> {
    Path,
    /// The path, upper and lower case of which are one.
    PathInAnyCase,
    Header(&'a str),
    Parameter(&'a str),
    Cookie(&'a str),
    Baggage(&'a str),
    /// A claim of the JWT that the proxy has verified, by the names that lead to it.
    Claim(&'a [String]),
    /// A claim of the JWT of which that header holds the payload.
    Payload {
        header: &'a str,
        claim: &'a str,
    },
}

impl Part<'_> {
    /// Whether every request has it.
    pub(crate) fn is_always_there(self) -> bool {
        matches!(self, Part::Path | Part::PathInAnyCase)
    }

    /// Whether it costs a hostcall or a parse to read it.
    pub(crate) fn is_expensive(self) -> bool {
        matches!(self, Part::Claim(_) | Part::Payload { .. })
    }
}

//! What is left to Istio.

use serin_traffic::Refusal;

/// The warning for a field that only Istio acts on.
pub(crate) fn left(path: &str) -> Refusal {
    Refusal::new(path, "is left to Istio: an Envoy without it does without this")
}

/// The warnings for those of `fields` that are there.
pub(crate) fn leave_any<const N: usize>(path: &str, fields: [(&str, bool); N]) -> impl Iterator<Item = Refusal> {
    fields.into_iter().filter(|(_, is_there)| *is_there).map(move |(field, _)| left(&format!("{path}.{field}")))
}

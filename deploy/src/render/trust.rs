//! What no client is believed, whatever became of the filters: absent, disabled, trapped, or refused their configuration.
//!
//! Routes follow headers that the filters set. Two things keep a client from setting them in the filters' place: the
//! connection manager removes them before any route is looked for, and the routes want the filter state that a filter sets.

use serde_json::{Value, json};
use serin_traffic::shadow::{MARK, SLOT, Slot};
use serin_traffic::{CLUSTER_HEADER, RETRY_HEADER, ROUTE_KEY, SUBSET_HEADER};

/// The headers that are for Envoy's routes alone: no upstream needs them. (The slots have to stay: Envoy's router looks for the
/// clusters of copies after it has removed what the route says.)
pub(crate) const FOR_ROUTES: [&str; 3] = [CLUSTER_HEADER, SUBSET_HEADER, RETRY_HEADER];

/// The name of the header that stands for the slot at `place`.
pub(crate) fn slot_header(place: usize) -> String {
    format!("{SLOT}{}", place + 1)
}

/// All headers by which the filters tell Envoy what to do, with these slots.
pub(crate) fn own_headers(slots: &[Slot]) -> Vec<String> {
    FOR_ROUTES.into_iter().map(str::to_owned).chain((0..slots.len()).map(slot_header)).collect()
}

/// The part of a connection manager that removes the filters' headers from what comes in (`early_header_mutation_extensions`).
///
/// At the edge the mark of shadows goes too: who comes from outside is no copy of ours. Inside the mesh it stays, so that a copy
/// is not copied again by the services that it passes.
pub(crate) fn early_removal(slots: &[Slot], at_edge: bool) -> Value {
    let mark = at_edge.then(|| MARK.to_owned());
    let removed = own_headers(slots).into_iter().chain(mark).map(|name| json!({"remove": name}));
    json!({
        "name": "serin",
        "typed_config": {
            "@type":
                "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            "mutations": removed.collect::<Vec<_>>(),
        },
    })
}

/// What a request for which a filter chose a cluster matches, and no other: these headers, and the state that filters publish.
pub(crate) fn chosen_match(headers: Vec<Value>) -> Value {
    json!({
        // A path that a rule has rewritten need not begin with a slash.
        "prefix": "",
        "headers": headers,
        // Envoy keeps what a Wasm filter publishes under this prefix.
        "filter_state": [{"key": format!("wasm.{ROUTE_KEY}"), "string_match": {"safe_regex": {"regex": ".+"}}}],
    })
}

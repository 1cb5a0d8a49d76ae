//! The headers by which the filters tell Envoy what they have decided. They are outputs, and never believed of a client.

/// What the names of the filters' own headers begin with.
pub const OWN_PREFIX: &str = "x-serin-";

/// The header that names the cluster, for a route with `cluster_header`.
pub const CLUSTER_HEADER: &str = "x-serin-cluster";

/// The header that names the subset.
pub const SUBSET_HEADER: &str = "x-serin-subset";

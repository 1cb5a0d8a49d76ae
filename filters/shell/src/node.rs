//! Who this proxy stands beside, as the node's metadata say it.

use crate::{hostcall, pairs};
use serin_traffic::written::Source;

/// The workload of this proxy: Istio puts `NAMESPACE` and `LABELS` into the node's metadata.
///
/// `xds.node` is where Envoy has it from 1.24 on; it took the bare `node` away in 1.33.
pub(crate) fn source() -> Source {
    let metadata = |key| {
        hostcall::property(&["xds", "node", "metadata", key]).or_else(|| hostcall::property(&["node", "metadata", key]))
    };
    let namespace = metadata("NAMESPACE").and_then(|bytes| String::from_utf8(bytes).ok());
    let labels = metadata("LABELS").unwrap_or_default();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut source = Source { namespace: namespace.filter(|namespace| !namespace.is_empty()), ..Source::default() };
    source.labels.extend(pairs::mapping(&labels).into_iter().map(|(name, value)| (text(name), text(value))));
    source
}

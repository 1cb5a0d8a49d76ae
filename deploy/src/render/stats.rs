//! What a proxy must know to take the labels of the filters' metrics out of their names.

use serde_json::{Value, json};
use serin_traffic::metrics::Label;

/// Envoy's `stats_config`: a tag for each label. Envoy's own tags stay.
pub(super) fn stats_config() -> Value {
    json!({"stats_tags": Label::ALL.map(|label| json!({"tag_name": label.name(), "regex": label.pattern()}))})
}

/// The value of Istio's `extraStatTags` as the annotation `sidecar.istio.io/extraStatTags` has it.
///
/// ```
/// let tags = serin::render::extra_stat_tags();
/// assert_eq!(tags, "virtual_service,route,subset,transition,shadow_cluster,reason,result");
/// ```
pub fn extra_stat_tags() -> String {
    Label::ALL.map(Label::name).join(",")
}

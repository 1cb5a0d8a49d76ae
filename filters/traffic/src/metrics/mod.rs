//! What the filters count: names, labels, and how labels travel in a name.
//!
//! A metric of proxy-wasm has a name and no labels. So the labels are put into the name, in the form from which Istio's
//! proxies take them out again (`extraStatTags`), and any Envoy with [`Label::pattern`] among its `stats_tags`:
//!
//! ```
//! use serin_traffic::metrics::{Label, Metric};
//!
//! let values = [(Label::VirtualService, "default/reviews"), (Label::Route, "jason"), (Label::Subset, "v2")];
//! assert_eq!(
//!     Metric::Requests.stat_name(&values),
//!     "virtual_service=.=default/reviews;.;route=.=jason;.;subset=.=v2;.;serin_requests_total",
//! );
//! ```
//!
//! Prometheus sees `serin_requests_total{virtual_service="default/reviews",route="jason",subset="v2"}`: the labels stand
//! first, since a dot that is left at the end of a name becomes an underscore there.
//!
//! Source of the form: Istio's `tools/packaging/common/envoy_bootstrap.json`.

#[cfg(test)]
mod tests;

use crate::printable::Printable;

/// How many bytes of a value are kept. A cluster of Istio's with the longest host, subset and port has 341.
pub const VALUE_BYTES: usize = 384;

/// How a metric behaves; the numbers are the specification's `proxy_metric_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter = 0,
    /// It is what it was set to last.
    Gauge = 1,
    /// It keeps how its values are spread.
    Histogram = 2,
}

/// A name by which the series of a metric are told apart.
///
/// Istio's and Envoy's own tags have other names, and no name is the end of another: Envoy looks for them anywhere in a
/// metric's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// `namespace/name` of the VirtualService.
    VirtualService,
    /// The rule's name, or its place, such as `http[1]`.
    Route,
    /// The destination's subset, or its host in full if it has none.
    Subset,
    /// What happened to a share: `withdrawn`, `tried` or `restored`.
    Transition,
    /// The cluster that copies go to.
    ShadowCluster,
    /// Why a copy was not sent.
    Reason,
    /// How a copy's answer compares.
    Result,
}

impl Label {
    /// All labels, in their order in a name.
    pub const ALL: [Self; 7] = [
        Self::VirtualService,
        Self::Route,
        Self::Subset,
        Self::Transition,
        Self::ShadowCluster,
        Self::Reason,
        Self::Result,
    ];

    /// What the label is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::VirtualService => "virtual_service",
            Self::Route => "route",
            Self::Subset => "subset",
            // Not `step`: a word of PromQL's own, which not every parser takes for a label.
            Self::Transition => "transition",
            // Not `cluster`: so many Prometheuses call the Kubernetes cluster, and so end labels of Istio's.
            Self::ShadowCluster => "shadow_cluster",
            Self::Reason => "reason",
            Self::Result => "result",
        }
    }

    /// The regular expression by which an Envoy takes the label out of a name (`stats_config.stats_tags[].regex`): the
    /// first group is removed, the second is the value.
    pub fn pattern(self) -> String {
        format!("({}=\\.=(.*?);\\.;)", self.name())
    }

    /// The label's value in the name of a series, if it has the label.
    ///
    /// ```
    /// use serin_traffic::metrics::{Label, Metric};
    ///
    /// let name = Metric::ShadowResults.stat_name(&[(Label::Result, "match")]);
    /// assert_eq!(Label::Result.value_in(&name), Some("match"));
    /// assert_eq!(Label::Reason.value_in(&name), None);
    /// ```
    pub fn value_in(self, stat_name: &str) -> Option<&str> {
        let begins = format!("{}=.=", self.name());
        let (_, rest) = stat_name.split_once(&begins)?;
        rest.split_once(";.;").map(|(value, _)| value)
    }
}

/// A metric of the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Requests that were sent to a destination.
    Requests,
    /// Changes of a guarded destination's share.
    GuardTransitions,
    /// How much of its share a guarded destination has.
    GuardShare,
    /// Requests that another destination got.
    FailoverRequests,
    /// Copies that were sent.
    Shadows,
    /// Copies that were not sent.
    ShadowsDropped,
    /// Copies whose answer was compared.
    ShadowResults,
    /// How long answers took that were compared.
    PrimaryLatency,
    /// How long the copies' answers took.
    ShadowLatency,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Self; 9] = [
        Self::Requests,
        Self::GuardTransitions,
        Self::GuardShare,
        Self::FailoverRequests,
        Self::Shadows,
        Self::ShadowsDropped,
        Self::ShadowResults,
        Self::PrimaryLatency,
        Self::ShadowLatency,
    ];

    /// What the metric is called in Prometheus.
    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "serin_requests_total",
            Self::GuardTransitions => "serin_guard_transitions_total",
            Self::GuardShare => "serin_guard_share",
            Self::FailoverRequests => "serin_failover_requests_total",
            Self::Shadows => "serin_shadows_total",
            Self::ShadowsDropped => "serin_shadows_dropped_total",
            Self::ShadowResults => "serin_shadow_results_total",
            Self::PrimaryLatency => "serin_primary_latency_ms",
            Self::ShadowLatency => "serin_shadow_latency_ms",
        }
    }

    /// How it behaves.
    pub fn kind(self) -> Kind {
        match self {
            Self::Requests
            | Self::GuardTransitions
            | Self::FailoverRequests
            | Self::Shadows
            | Self::ShadowsDropped
            | Self::ShadowResults => Kind::Counter,
            Self::GuardShare => Kind::Gauge,
            Self::PrimaryLatency | Self::ShadowLatency => Kind::Histogram,
        }
    }

    /// What it says, for people.
    pub fn help(self) -> &'static str {
        match self {
            Self::Requests => "requests that were sent to the destination",
            Self::GuardTransitions => "changes of the guarded destination's share",
            Self::GuardShare => "percent of its own share that the guarded destination has: 100, 10 or 0",
            Self::FailoverRequests => "requests that went elsewhere because the destination was not available",
            Self::Shadows => "copies that were sent",
            Self::ShadowsDropped => "copies that were due and not sent",
            Self::ShadowResults => "copies whose answer was compared with the request's own",
            Self::PrimaryLatency => "milliseconds that the request's own answer took, where answers are compared",
            Self::ShadowLatency => "milliseconds that the copy's answer took, where answers are compared",
        }
    }

    /// Its labels, in their order in a name; each series has all of them.
    pub fn labels(self) -> &'static [Label] {
        use Label::{Reason, Result, Route, ShadowCluster, Subset, Transition, VirtualService};
        match self {
            Self::Requests | Self::GuardShare | Self::FailoverRequests => &[VirtualService, Route, Subset],
            Self::GuardTransitions => &[VirtualService, Route, Subset, Transition],
            Self::Shadows | Self::PrimaryLatency | Self::ShadowLatency => &[VirtualService, Route, ShadowCluster],
            Self::ShadowsDropped => &[VirtualService, Route, ShadowCluster, Reason],
            Self::ShadowResults => &[VirtualService, Route, ShadowCluster, Result],
        }
    }

    /// The name of the series with these values, as the proxy is told it. A label without a value, or with an empty one,
    /// has `-`; what is no label of the metric is left out. Values are [`Printable`], so that a name is ASCII to the last byte.
    pub fn stat_name(self, values: &[(Label, &str)]) -> String {
        let mut name = String::new();
        for label in self.labels() {
            name.push_str(label.name());
            name.push_str("=.=");
            let value = values.iter().find(|(given, _)| given == label).map_or("", |(_, value)| value);
            push_value(&mut name, value);
            name.push_str(";.;");
        }
        name + self.name()
    }
}

/// Puts in a value so that neither it nor a part of it is taken for the end of a label or the beginning of another.
fn push_value(name: &mut String, value: &str) {
    if value.is_empty() {
        name.push('-');
    }
    let shown = Printable(value.as_bytes()).cut_to(VALUE_BYTES);
    name.extend(shown.chars().map(|c| if matches!(c, ';' | '=') { '_' } else { c }));
}

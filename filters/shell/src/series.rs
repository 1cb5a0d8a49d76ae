//! What copies of one rule to one mirror are counted under.

use crate::counts::Counts;
use crate::metrics::{Counter, Histogram};
use log::warn;
use serin_traffic::metrics::{Label, Metric};
use serin_traffic::shadow::{Comparison, Reason, Verdict};
use std::rc::Rc;

/// The counters of the copies of one rule to one mirror.
#[derive(Debug)]
pub(crate) struct Series {
    virtual_service: String,
    route: String,
    pub(crate) cluster: String,
    sent: Rc<Counter>,
}

impl Series {
    pub(crate) fn new([virtual_service, route]: [&str; 2], cluster: &str) -> Self {
        let labels = [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::ShadowCluster, cluster)];
        let sent = Rc::new(Counter::new(Metric::Shadows, &labels));
        let [virtual_service, route, cluster] = [virtual_service, route, cluster].map(str::to_owned);
        Self { virtual_service, route, cluster, sent }
    }

    /// Counts a copy that the filter has sent.
    pub(crate) fn sent_by_call(&self) {
        self.sent.add(1);
    }

    /// Counts a copy that Envoy's router is to send.
    pub(crate) fn sent(&self, counts: &Counts) {
        counts.count(&self.sent);
    }

    /// Counts a copy that is not sent.
    pub(crate) fn dropped(&self, reason: Reason) {
        Counter::new(Metric::ShadowsDropped, &self.labels(Label::Reason, reason.as_str())).add(1);
    }

    /// Counts a comparison that says so.
    pub(crate) fn judged(&self, comparison: &Comparison, verdict: Verdict) {
        Counter::new(Metric::ShadowResults, &self.labels(Label::Result, verdict.as_str())).add(1);
        let [labels @ .., _] = self.labels(Label::Result, "");
        Histogram::new(Metric::PrimaryLatency, &labels).record(comparison.primary.milliseconds);
        if let Some(shadow) = comparison.shadow {
            Histogram::new(Metric::ShadowLatency, &labels).record(shadow.milliseconds);
        }
    }

    /// Logs a comparison of `request`.
    pub(crate) fn log(&self, request: &str, comparison: &Comparison, verdict: Verdict) {
        let Self { virtual_service, route, cluster, .. } = self;
        warn!("{virtual_service}/{route} {request}: {} of {cluster}: {comparison}", verdict.as_str());
    }

    fn labels<'a>(&'a self, last: Label, value: &'a str) -> [(Label, &'a str); 4] {
        [
            (Label::VirtualService, &self.virtual_service),
            (Label::Route, &self.route),
            (Label::ShadowCluster, &self.cluster),
            (last, value),
        ]
    }
}

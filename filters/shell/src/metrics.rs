//! Counting, with labels.
//!
//! A series is defined at its first count, never before: a configuration may have thousands of rules, is taken by each
//! worker and twice more, and whatever was once defined stays in Envoy for ever. A proxy that denies the hostcalls costs
//! one try for each series, and counts nothing.

use crate::hostcall;
use serin_traffic::Sorted;
use serin_traffic::metrics::{Label, Metric};
use std::cell::{Cell, RefCell};

thread_local! {
    /// The ids of this VM's series by their names; `None` where the proxy refused. One definition gives one id, and Envoy up to
    /// 1.40 keeps a new one for each: a configuration that comes again must not define them again.
    static DEFINED: RefCell<Sorted<String, Option<u32>>> = RefCell::default();
}

/// A series that only grows.
#[derive(Debug)]
pub struct Counter {
    series: Series,
    /// What was counted, and the proxy is still to be told.
    kept: Cell<u64>,
}

/// A series that is what it was set to last, by whichever worker.
#[derive(Debug)]
pub struct Gauge(Series);

/// A series that keeps how its values are spread.
#[derive(Debug)]
pub struct Histogram(Series);

/// The labels of a series that a destination of a rule has: the names of VirtualService and rule, and the subset's.
pub(crate) fn of_destination<'a>([virtual_service, route]: [&'a str; 2], subset: &'a str) -> [(Label, &'a str); 3] {
    [(Label::VirtualService, virtual_service), (Label::Route, route), (Label::Subset, subset)]
}

impl Counter {
    /// The series of `metric` with these labels; nobody sees it before it counts something.
    pub fn new(metric: Metric, labels: &[(Label, &str)]) -> Self {
        Self { series: Series::new(metric, labels), kept: Cell::new(0) }
    }

    /// Counts one more without telling the proxy; whether it is the first since the proxy was told.
    pub(crate) fn keep(&self) -> bool {
        self.kept.replace(self.kept.get().saturating_add(1)) == 0
    }

    /// Tells the proxy what was kept.
    pub(crate) fn tell(&self) {
        self.add(self.kept.take());
    }

    /// Counts `n` more.
    pub fn add(&self, n: u64) {
        // The specification has a signed offset, of which Envoy's counters take only the positive ones.
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        if n > 0 {
            self.series.with(|id| hostcall::increment_metric(id, n));
        }
    }
}

impl Gauge {
    /// The series of `metric` with these labels; nobody sees it before it is set.
    pub fn new(metric: Metric, labels: &[(Label, &str)]) -> Self {
        Self(Series::new(metric, labels))
    }

    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.with(|id| hostcall::record_metric(id, value));
    }
}

impl Histogram {
    /// The series of `metric` with these labels; nobody sees it before it has a value.
    pub fn new(metric: Metric, labels: &[(Label, &str)]) -> Self {
        Self(Series::new(metric, labels))
    }

    /// Keeps one more value.
    pub fn record(&self, value: u64) {
        self.0.with(|id| hostcall::record_metric(id, value));
    }
}

#[derive(Debug)]
struct Series {
    metric: Metric,
    name: String,
    id: Cell<Id>,
}

#[derive(Clone, Copy, Debug)]
enum Id {
    /// Nothing was counted yet.
    Unknown,
    Known(u32),
    /// The proxy does not want it.
    Refused,
}

impl Series {
    fn new(metric: Metric, labels: &[(Label, &str)]) -> Self {
        Self { metric, name: metric.stat_name(labels), id: Cell::new(Id::Unknown) }
    }

    fn with(&self, count: impl FnOnce(u32) -> Result<(), hostcall::Status>) {
        if let Id::Unknown = self.id.get() {
            self.id.set(self.define().map_or(Id::Refused, Id::Known));
        }
        if let Id::Known(id) = self.id.get() {
            if count(id).is_err() {
                self.id.set(Id::Refused);
            }
        }
    }

    fn define(&self) -> Option<u32> {
        DEFINED.with(|defined| {
            let mut defined = defined.try_borrow_mut().ok()?;
            if let Some(known) = defined.get(&self.name) {
                return *known;
            }
            let id = hostcall::define_metric(self.metric.kind() as u32, &self.name).ok();
            defined.insert(self.name.clone(), id);
            id
        })
    }
}

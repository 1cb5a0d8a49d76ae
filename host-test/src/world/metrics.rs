//! Metrics: counters, gauges and histograms; one name is one metric, whoever defines it.

use crate::status::Status;
use std::collections::BTreeMap;

/// What a metric counts (spec: `proxy_metric_type_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// All metrics of a proxy.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Names by id, which is the place plus one: every definition gives a new id, as Envoy's do.
    defined: Vec<String>,
    values: BTreeMap<String, (Kind, Vec<u64>)>,
}

impl Metrics {
    pub(crate) fn define(&mut self, kind: u32, name: &[u8]) -> Result<u32, Status> {
        let kind =
            [Kind::Counter, Kind::Gauge, Kind::Histogram].get(kind as usize).copied().ok_or(Status::BadArgument)?;
        let name = String::from_utf8_lossy(name).into_owned();
        let first = if kind == Kind::Histogram { Vec::new() } else { vec![0] };
        let (known, _) = self.values.entry(name.clone()).or_insert((kind, first));
        if *known != kind {
            return Err(Status::BadArgument);
        }
        self.defined.push(name);
        Ok(self.defined.len() as u32)
    }

    pub(crate) fn get(&mut self, id: u32) -> Result<u64, Status> {
        let (kind, values) = self.metric(id)?;
        if kind == Kind::Histogram {
            return Err(Status::BadArgument);
        }
        Ok(values[0])
    }

    /// Counters are added to, gauges are set, histograms take one more value.
    pub(crate) fn record(&mut self, id: u32, value: u64) -> Result<(), Status> {
        match self.metric(id)? {
            (Kind::Counter, values) => values[0] = values[0].wrapping_add(value),
            (Kind::Gauge, values) => values[0] = value,
            (Kind::Histogram, values) => values.push(value),
        }
        Ok(())
    }

    /// A counter takes only positive offsets; a histogram none.
    pub(crate) fn increment(&mut self, id: u32, offset: i64) -> Result<(), Status> {
        match self.metric(id)? {
            (Kind::Counter, values) if offset > 0 => values[0] = values[0].wrapping_add_signed(offset),
            (Kind::Gauge, values) => values[0] = values[0].saturating_add_signed(offset),
            _ => return Err(Status::BadArgument),
        }
        Ok(())
    }

    /// Every metric: the value of a counter or gauge, how many values a histogram has.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values.iter().map(|(name, (kind, values))| {
            let value = if *kind == Kind::Histogram { values.len() as u64 } else { values[0] };
            (name.as_str(), value)
        })
    }

    /// The values that a histogram was given; none if it is something else.
    pub(crate) fn histogram(&self, name: &str) -> Vec<u64> {
        let found = self.values.get(name).filter(|(kind, _)| *kind == Kind::Histogram);
        found.map(|(_, values)| values.clone()).unwrap_or_default()
    }

    /// Counts an event of the host itself.
    pub(crate) fn count(&mut self, name: String) {
        self.values.entry(name).or_insert_with(|| (Kind::Counter, vec![0])).1[0] += 1;
    }

    fn metric(&mut self, id: u32) -> Result<(Kind, &mut Vec<u64>), Status> {
        let place = (id as usize).checked_sub(1).ok_or(Status::NotFound)?;
        let name = self.defined.get(place).ok_or(Status::NotFound)?;
        let (kind, values) = self.values.get_mut(name).ok_or(Status::NotFound)?;
        Ok((*kind, values))
    }
}

//! Who got what, so far.

use crate::manifests::{Workload, World};
use crate::pocket::Pocket;
use comfy_table::{Cell, CellAlignment, Table};
use serde_json::{Value, json};

/// How long the bar of a whole is.
const BAR: usize = 20;

/// The requests that have reached the pods of a world, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    service: String,
    workload: String,
    /// Whether the manifests have it elsewhere, and an echo server of ours answers.
    is_stand_in: bool,
    pods: Vec<u64>,
}

impl Counts {
    /// The counts now.
    pub(crate) fn of(world: &World, pocket: &Pocket) -> Self {
        let of_manifests = world.workloads.len();
        let row = |(place, workload): (usize, &Workload)| {
            let is_stand_in = place >= of_manifests;
            let service = world
                .services
                .iter()
                .find(|service| if is_stand_in { service.host == workload.name } else { service.selects(workload) });
            Row {
                service: service.map_or_else(String::new, |service| service.name.clone()),
                workload: workload.title.clone(),
                is_stand_in,
                pods: pocket.arrivals(workload),
            }
        };
        Self { rows: pocket.workloads().iter().enumerate().map(row).collect() }
    }

    /// As a table; shares are those within a service.
    pub(crate) fn table(&self) -> Table {
        let mut table = crate::table::table(["service", "workload", "by pod", "requests", "share", ""]);
        for row in &self.rows {
            let (count, of_service) = (row.count(), self.of_service(&row.service));
            let share = if of_service == 0 { 0.0 } else { count as f64 / of_service as f64 };
            let pods: Vec<String> = row.pods.iter().map(u64::to_string).collect();
            let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row([
                Cell::new(&row.service),
                Cell::new(row.title()),
                Cell::new(pods.join(" ")),
                right(count.to_string()),
                right(format!("{:.1}%", share * 100.0)),
                Cell::new(format!("{:BAR$}", "█".repeat((share * BAR as f64).round() as usize))),
            ]);
        }
        table
    }

    /// In one line: who got anything.
    pub(crate) fn line(&self) -> String {
        let some = self.rows.iter().filter(|row| row.count() > 0);
        let parts: Vec<String> = some.map(|row| format!("{} {}", row.workload, row.count())).collect();
        if parts.is_empty() { "nobody got anything yet".to_owned() } else { parts.join(", ") }
    }

    /// By workload.
    pub(crate) fn json(&self) -> Value {
        let row = |row: &Row| json!({"service": row.service, "deployment": row.workload, "pods": row.pods, "requests": row.count()});
        self.rows.iter().map(row).collect()
    }

    fn of_service(&self, service: &str) -> u64 {
        self.rows.iter().filter(|row| row.service == service).map(Row::count).sum()
    }
}

impl Row {
    fn title(&self) -> String {
        if self.is_stand_in { format!("{} (echo of ours)", self.workload) } else { self.workload.clone() }
    }

    fn count(&self) -> u64 {
        self.pods.iter().sum()
    }
}

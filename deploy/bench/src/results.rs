//! What was measured, as it is saved: one JSON value to a line.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// A line of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Where and when it was measured.
    Machine(Machine),
    /// What requests cost.
    Requests(Requests),
    /// What starts cost.
    Starts(Starts),
    /// What swaps cost.
    Swaps(Swaps),
}

/// Where and when it was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The kind of processor.
    pub processor: String,
    /// How many cores there are.
    pub cores: usize,
    /// Envoy's version.
    pub envoy: String,
    /// The commit of Serin.
    pub serin: String,
    /// The day.
    pub day: String,
}

/// The rounds of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Requests {
    /// What requests and rules are like.
    pub scene: String,
    /// How many rules there are.
    pub rules: usize,
    /// Whose turns these are.
    pub subject: String,
    /// CPU time of the worker for each request, in microseconds, by round.
    pub cpu: Vec<f64>,
    /// Requests per second.
    pub rate: Vec<f64>,
    /// The part of the time in which the worker had a core.
    pub busy: Vec<f64>,
}

impl Requests {
    /// No rounds yet.
    pub fn of(scene: &str, rules: usize, subject: &str) -> Self {
        let (scene, subject) = (scene.to_owned(), subject.to_owned());
        Self { scene, rules, subject, cpu: Vec::new(), rate: Vec::new(), busy: Vec::new() }
    }

    /// Another round.
    pub fn push(&mut self, cpu: f64, rate: f64, busy: f64) {
        self.cpu.push(rounded(cpu));
        self.rate.push(rate.round());
        self.busy.push(rounded(busy));
    }
}

/// Starts of Envoys with one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Starts {
    /// Who is in the Envoy.
    pub subject: String,
    /// How many rules there are.
    pub rules: usize,
    /// How many workers Envoy has.
    pub workers: u32,
    /// CPU time of the process until it has nothing more to do, in seconds.
    pub cpu: Vec<f64>,
    /// What is in memory then, in MiB.
    pub resident: Vec<f64>,
}

/// Swaps of one subject's rules under load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swaps {
    /// Whose rules they are.
    pub subject: String,
    /// How many rules there are.
    pub rules: usize,
    /// The longest time without a response, in milliseconds.
    pub gap: Vec<f64>,
    /// The time until the first response by the new rules, in milliseconds.
    pub taken: Vec<f64>,
}

/// All that was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results(pub Vec<Record>);

impl Results {
    /// Reads what was saved.
    ///
    /// # Errors
    ///
    /// What the system says, and what is wrong with the file.
    pub fn read(file: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(file)?;
        Ok(Self(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?))
    }

    /// Saves it.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let mut text = String::new();
        for record in &self.0 {
            let _ = writeln!(text, "{}", serde_json::to_string(record)?);
        }
        fs::write(file, text)
    }

    /// Where and when it was measured.
    pub fn machine(&self) -> Machine {
        let mut machines = self.0.iter().filter_map(|record| match record {
            Record::Machine(machine) => Some(machine.clone()),
            _ => None,
        });
        machines.next().unwrap_or_default()
    }

    /// The rounds of a subject.
    pub fn requests(&self, scene: &str, rules: usize, subject: &str) -> Option<&Requests> {
        self.all_requests().find(|it| it.scene == scene && it.rules == rules && it.subject == subject)
    }

    /// The rounds of all subjects.
    pub fn all_requests(&self) -> impl Iterator<Item = &Requests> {
        self.0.iter().filter_map(|record| match record {
            Record::Requests(requests) => Some(requests),
            _ => None,
        })
    }

    /// The starts of a subject.
    pub fn starts(&self, subject: &str, rules: usize, workers: u32) -> Option<&Starts> {
        self.0.iter().find_map(|record| match record {
            Record::Starts(it) if it.subject == subject && it.rules == rules && it.workers == workers => Some(it),
            _ => None,
        })
    }

    /// The swaps of a subject.
    pub fn swaps(&self, subject: &str, rules: usize) -> Option<&Swaps> {
        self.0.iter().find_map(|record| match record {
            Record::Swaps(it) if it.subject == subject && it.rules == rules => Some(it),
            _ => None,
        })
    }
}

/// The number without what nobody can measure: a file of results is for people, too.
pub fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

//! Refusals: why a proxy did not start, or did not take a new configuration.

use crate::world::logging::{Level, LogLine};
use std::fmt;

/// A filter that was refused: its module cannot run, or it does not take its configuration.
#[derive(Clone, Debug)]
pub struct Refusal {
    filter: String,
    reason: String,
    log: Vec<LogLine>,
}

impl Refusal {
    pub(crate) fn new(filter: &str, reason: String, log: Vec<LogLine>) -> Refusal {
        Refusal { filter: filter.to_owned(), reason, log }
    }

    /// The name of the filter.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// What the host saw: a trap with its backtrace, an unknown import, a callback that returned false.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Everything that was logged while the filter started.
    pub fn log(&self) -> &[LogLine] {
        &self.log
    }
}

/// What the filter itself said at level error or above, one line each; if it said nothing, the reason.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<&str> =
            self.log.iter().filter(|line| line.level >= Level::Error).map(|line| line.message.as_str()).collect();
        if errors.is_empty() { f.write_str(&self.reason) } else { f.write_str(&errors.join("\n")) }
    }
}

impl std::error::Error for Refusal {}

//! Logging: every line that a filter, or the host about a filter, has said.

use std::fmt;

/// How much a line matters (spec: `proxy_log_level_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Level {
    /// Every step.
    Trace = 0,
    /// What a developer asks for.
    Debug = 1,
    /// What an operator may read.
    Info = 2,
    /// What an operator should read.
    Warn = 3,
    /// What has failed.
    Error = 4,
    /// What has stopped the filter.
    Critical = 5,
}

impl Level {
    pub(crate) fn from_number(number: u32) -> Option<Level> {
        use Level::*;
        [Trace, Debug, Info, Warn, Error, Critical].get(number as usize).copied()
    }

    /// The level in lower case, as Envoy writes it.
    pub fn name(self) -> &'static str {
        ["trace", "debug", "info", "warn", "error", "critical"][self as usize]
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How much it matters.
    pub level: Level,
    /// The name of the filter that said it.
    pub filter: String,
    /// What was said; bytes that are not UTF-8 are replaced.
    pub message: String,
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.level.name(), self.filter, self.message)
    }
}

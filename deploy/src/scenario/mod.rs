//! Scenarios: who should get which requests, tried on a real Envoy, and judged.

mod judge;
mod outcome;
mod run;
mod written;

pub(crate) use judge::p_of_split;

pub use judge::{Measurement, P_VALUE, Verdict, judge};
pub use outcome::{Outcome, brief, table};
pub use run::{Progress, run};
pub use written::{Expectation, Refused, Scenario, Step, read};

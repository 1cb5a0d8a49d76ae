//! The judge: is what was seen what was expected?
//!
//! Where one answer is expected, all answers must be it. Where several are, the split is judged by a test that a right split
//! fails once in ten thousand times ([`P_VALUE`]): Pearson's chi-squared, or, where some expected count is below five
//! and chi-squared is no good guide, the exact binomial test of each answer, the smallest p taken times the number of answers.

use super::written::Expectation;
use crate::load::{Answer, Tally};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use statrs::function::factorial::ln_binomial;
use std::collections::BTreeMap;

/// A split is wrong if a right one would be that far off with a probability of less than this.
pub const P_VALUE: f64 = 1e-4;

/// Below this expected count chi-squared is no good guide (Cochran).
const SMALL: f64 = 5.0;

/// What was seen in a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// Who answered.
    pub answers: Tally,
    /// How many requests reached each workload that it did not answer: copies.
    pub shadows: BTreeMap<String, u64>,
    /// How many copies compared so.
    pub results: BTreeMap<String, u64>,
}

/// The judge's finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether what was seen is what was expected.
    pub right: bool,
    /// The smallest probability that a right split is that far off; `None` if there was nothing to leave to chance.
    pub p: Option<f64>,
    /// What is wrong; empty if nothing is.
    pub reasons: Vec<String>,
}

/// Judges what `requests` requests met.
pub fn judge(expect: &Expectation, requests: u64, seen: &Measurement) -> Verdict {
    let mut reasons = Vec::new();
    let mut ps = Vec::new();
    let named: BTreeMap<String, u64> =
        seen.answers.iter().map(|(answer, count)| (answer.to_string(), *count)).collect();

    let total: u64 = named.values().sum();
    if total != requests {
        reasons.push(format!("{total} answers to {requests} requests"));
    }
    for (answer, count) in &seen.answers {
        let expected =
            expect.answers.contains_key(&answer.to_string()) && !matches!(answer, Answer::None(_) | Answer::Odd(..));
        if !expected {
            reasons.push(format!("{count} from {answer}, which is not expected"));
        }
    }
    let counts: Vec<(u64, f64)> =
        expect.answers.iter().map(|(name, share)| (named.get(name).copied().unwrap_or(0), *share)).collect();
    if counts.len() > 1 {
        ps.push(p_of_split(&counts));
    }

    let of_shadows = counted("copies for", requests, &expect.shadows, &seen.shadows);
    let of_results = counted("comparisons say", requests, &expect.results, &seen.results);
    for finding in of_shadows.into_iter().chain(of_results) {
        match finding {
            Ok(p) => ps.push(p),
            Err(reason) => reasons.push(reason),
        }
    }

    let p = ps.into_iter().reduce(f64::min);
    if let Some(p) = p.filter(|p| *p < P_VALUE) {
        reasons.push(format!("a right split is that far off with p = {p:.1e} only"));
    }
    Verdict { right: reasons.is_empty(), p, reasons }
}

/// What `requests` requests should bring about, so many of each name per request, beside what they did: what is wrong, or how
/// probable what was left to chance is. `what` says what is counted.
fn counted(
    what: &str,
    requests: u64,
    expected: &BTreeMap<String, f64>,
    seen: &BTreeMap<String, u64>,
) -> Vec<Result<f64, String>> {
    let mut findings = Vec::new();
    for name in expected.keys().chain(seen.keys().filter(|name| !expected.contains_key(*name))) {
        let share = expected.get(name).copied().unwrap_or(0.0);
        let count = seen.get(name).copied().unwrap_or(0);
        let (whole, by_chance) = (share.floor(), share.fract());
        let certain = whole as u64 * requests;
        if by_chance == 0.0 {
            if count != certain {
                findings.push(Err(format!("{count} {what} {name} instead of {certain}")));
            }
        } else if count < certain || count > certain + requests {
            findings.push(Err(format!("{count} {what} {name} are not from {certain} to {}", certain + requests)));
        } else {
            let drawn = count - certain;
            findings.push(Ok(p_of_split(&[(drawn, by_chance), (requests - drawn, 1.0 - by_chance)])));
        }
    }
    findings
}

/// How probable it is that a split with these shares is at least as far off as these counts.
pub(crate) fn p_of_split(counts: &[(u64, f64)]) -> f64 {
    let total: u64 = counts.iter().map(|(count, _)| count).sum();
    if total == 0 {
        return 0.0;
    }
    let expected = |share: f64| share * total as f64;
    if counts.iter().any(|(_, share)| expected(*share) < SMALL) {
        let each = counts.iter().map(|(count, share)| p_of_binomial(*count, total, *share));
        return (each.fold(1.0, f64::min) * counts.len() as f64).min(1.0);
    }
    let distance = |(count, share): &(u64, f64)| (*count as f64 - expected(*share)).powi(2) / expected(*share);
    let statistic: f64 = counts.iter().map(distance).sum();
    match ChiSquared::new((counts.len() - 1) as f64) {
        Ok(distribution) => distribution.sf(statistic),
        Err(_) => f64::NAN,
    }
}

/// The exact two-sided p: the sum over all counts that are no more probable than this one.
fn p_of_binomial(count: u64, total: u64, share: f64) -> f64 {
    if share >= 1.0 {
        return if count == total { 1.0 } else { 0.0 };
    }
    let ln_probability =
        |k: u64| ln_binomial(total, k) + k as f64 * share.ln() + (total - k) as f64 * (1.0 - share).ln();
    // Equally probable counts differ in the last bits only.
    let bound = ln_probability(count) + 1e-9;
    (0..=total).map(ln_probability).filter(|ln| *ln <= bound).map(f64::exp).sum::<f64>().min(1.0)
}

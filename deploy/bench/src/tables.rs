//! What people read of the results: tables.

use crate::estimate::{Added, median};
use crate::grid::Grid;
use crate::results::Results;
use crate::rules::{By, SIZES};
use crate::scenes::{CANARY, CHAIN, HEADER_ROUTER, HOSTCALLS, LUA, NOTHING, OF_SPLITS, SPLITS, TABLE};
use crate::{starts, swaps, wrk};

/// With this part of the time in use a worker is saturated: the rest is how long it takes to wake.
pub const SATURATED: f64 = 0.95;

/// A number as people write it, with commas from a thousand on.
pub fn number(value: f64, digits: usize) -> String {
    let digits = if value.abs() >= 100.0 { 0 } else { digits };
    let written = format!("{:.digits$}", value.abs());
    let (whole, fraction) = written.split_at(written.find('.').unwrap_or(written.len()));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let is_zero = written.chars().all(|digit| "0.".contains(digit));
    let sign = if value < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{grouped}{fraction}")
}

/// What rules add to a request, by their number.
pub fn rules(results: &Results) -> Grid {
    let mut columns = vec!["rules by".to_owned(), "who decides".to_owned()];
    columns.extend(SIZES.map(|size| number(size as f64, 0)));
    let title = "CPU time added to a request, in µs, by the number of rules";
    let mut grid = Grid { columns, ..Grid::new(title, 2, &[]) };
    for by in By::ALL {
        for subject in [TABLE, LUA, HEADER_ROUTER, CANARY] {
            let added = |size| Added::of(results, by.name(), size, subject, NOTHING);
            let cells: Vec<_> =
                SIZES.iter().filter_map(|size| added(*size)).map(|added| number(added.cpu(), 1)).collect();
            if cells.len() == SIZES.len() {
                grid.rows.push([vec![by.name().to_owned(), subject.to_owned()], cells].concat());
            }
        }
    }
    grid
}

/// From how many rules on canary costs less than Envoy's own routes: where two lines cross that are drawn through what was
/// measured, on scales of which each step is ten times as much.
pub fn crossings(results: &Results) -> Grid {
    let title = "From about how many rules on canary costs less than Envoy's own routes";
    let mut grid = Grid::new(title, 1, &["rules by", "rules"]);
    for by in By::ALL {
        let added = |subject, size| Some(Added::of(results, by.name(), size, subject, NOTHING)?.cpu());
        let points: Option<Vec<(f64, f64)>> = SIZES
            .iter()
            .map(|size| {
                let ratio = added(TABLE, *size)?.max(0.01) / added(CANARY, *size)?.max(0.01);
                Some(((*size as f64).log10(), ratio.log10()))
            })
            .collect();
        let Some(points) = points else { continue };
        let crossing = points.windows(2).find(|pair| pair[0].1 < 0.0 && pair[1].1 >= 0.0);
        let cell = match crossing {
            Some(pair) => {
                let along = pair[0].1 / (pair[0].1 - pair[1].1);
                // Two digits: the lines are straight only in between.
                let rules = 10_f64.powf(pair[0].0 + along * (pair[1].0 - pair[0].0));
                let step = 10_f64.powf(rules.log10().floor() - 1.0);
                number((rules / step).round() * step, 0)
            }
            None if points.iter().all(|point| point.1 < 0.0) => "never seen".to_owned(),
            None => "always".to_owned(),
        };
        grid.rows.push(vec![by.name().to_owned(), cell]);
    }
    grid
}

fn of_requests(results: &Results, grid: &mut Grid, scene: &str, rules: usize, subjects: &[&str]) {
    for subject in subjects {
        let Some(requests) = results.requests(scene, rules, subject) else { continue };
        let Some(added) = Added::of(results, scene, rules, subject, NOTHING) else { continue };
        grid.rows.push(vec![
            (*subject).to_owned(),
            number(median(&requests.cpu), 1),
            if *subject == NOTHING { String::new() } else { number(added.cpu(), 1) },
            number(median(&requests.rate), 0),
            format!("{:.0} %", median(&requests.busy) * 100.0),
        ]);
    }
}

const OF_REQUESTS: [&str; 5] = ["subject", "CPU µs", "added µs", "requests/s", "worker busy"];

/// Ten rules: everybody, and what hostcalls cost.
pub fn ten_rules(results: &Results) -> Grid {
    let title = format!("A request with ten rules, {}; Envoy replies itself", By::Header.name());
    let mut grid = Grid::new(title, 1, &OF_REQUESTS);
    let mut subjects = vec![NOTHING, TABLE, LUA];
    subjects.extend(HOSTCALLS.map(|(_, name)| name));
    subjects.extend([HEADER_ROUTER, CANARY, CHAIN]);
    of_requests(results, &mut grid, By::Header.name(), 10, &subjects);
    grid
}

/// Some of them with wrk as the client.
pub fn by_wrk(results: &Results) -> Grid {
    let mut grid = Grid::new("The same, sent by wrk", 1, &OF_REQUESTS);
    of_requests(results, &mut grid, wrk::BY_WRK, wrk::RULES, &wrk::SUBJECTS);
    grid
}

/// Splits and copies.
pub fn splits(results: &Results) -> Grid {
    let mut grid = Grid::new("A request with a split of 90 and 10, copies of a tenth, or both", 1, &OF_REQUESTS);
    of_requests(results, &mut grid, SPLITS, 1, &OF_SPLITS);
    grid
}

/// Starts.
pub fn starts(results: &Results) -> Grid {
    let title = "An Envoy that has started: CPU time in s and resident memory in MiB, by workers";
    let columns = ["filter", "rules", "s: 1", "2", "4", "MiB: 1", "2", "4"];
    let mut grid = Grid::new(title, 1, &columns);
    for (subject, has_rules) in starts::SUBJECTS {
        for rules in if has_rules { &starts::RULES[..] } else { &starts::RULES[..1] } {
            let all: Vec<_> =
                starts::WORKERS.iter().filter_map(|workers| results.starts(subject, *rules, *workers)).collect();
            if all.len() < starts::WORKERS.len() {
                continue;
            }
            let shown = if has_rules { number(*rules as f64, 0) } else { String::new() };
            let cpu = all.iter().map(|starts| number(median(&starts.cpu), 2));
            let resident = all.iter().map(|starts| number(median(&starts.resident), 0));
            grid.rows.push([subject.to_owned(), shown].into_iter().chain(cpu).chain(resident).collect());
        }
    }
    grid
}

/// Swaps.
pub fn swaps(results: &Results) -> Grid {
    let title = "Rules exchanged under load, one worker: the longest time without a response";
    let columns = ["whose", "rules", "median ms", "least", "most", "new rules after ms"];
    let mut grid = Grid::new(title, 1, &columns);
    for rules in swaps::RULES {
        for subject in swaps::SUBJECTS {
            let Some(swaps) = results.swaps(subject, rules) else { continue };
            let mut gaps = swaps.gap.clone();
            gaps.sort_by(f64::total_cmp);
            let (least, most) = (gaps.first(), gaps.last());
            let shown = |gap: Option<&f64>| gap.map(|gap| number(*gap, 1)).unwrap_or_default();
            grid.rows.push(vec![
                subject.to_owned(),
                number(rules as f64, 0),
                number(median(&swaps.gap), 1),
                shown(least),
                shown(most),
                number(median(&swaps.taken), 0),
            ]);
        }
    }
    grid
}

/// Whether workers were busy all the time, in two sentences, each a line; without measured requests none.
pub fn busy(results: &Results) -> Option<String> {
    let medians = || results.all_requests().map(|requests| median(&requests.busy));
    let least = medians().min_by(f64::total_cmp)?;
    let (lazy, all) = (medians().filter(|busy| *busy < SATURATED).count(), medians().count());
    let verdict = if lazy == 0 {
        "It was saturated.".to_owned()
    } else {
        format!("It was NOT saturated with {lazy} of {all} subjects: something else ran, or the client was too slow.")
    };
    Some(format!("The worker had its core for at least {:.0} % of the time.\n{verdict}", least * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        let written = [0.0, -0.04, 9.96, -3.25, 99.94, 123.4, 1234.5, 1_234_567.0].map(|value| number(value, 1));
        assert_eq!(written, ["0.0", "0.0", "10.0", "-3.2", "99.9", "123", "1,234", "1,234,567"]);
    }
}

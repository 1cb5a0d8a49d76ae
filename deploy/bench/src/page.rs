//! The page of costs: its figures come from saved results.
//!
//! What is measured stands between `<!-- measured: NAME -->` and `<!-- end -->`; all else people write.

use crate::grid::Grid;
use crate::results::Results;
use crate::{tables, targets};

const BEGIN: &str = "<!-- measured: ";
const BEGUN: &str = " -->\n";
const END: &str = "<!-- end -->";

/// The page with what these results say.
///
/// # Errors
///
/// A part that has no end, or a name that nobody knows.
pub fn filled(page: &str, results: &Results) -> Result<String, String> {
    let mut parts = page.split(BEGIN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once(BEGUN).ok_or("a part that is measured has no name")?;
        let (_, rest) = rest.split_once(END).ok_or_else(|| format!("the part `{name}` has no end"))?;
        filled += &format!("{BEGIN}{name}{BEGUN}{}{END}{rest}", part_named(name, results)?);
    }
    Ok(filled)
}

fn part_named(name: &str, results: &Results) -> Result<String, String> {
    let grid: fn(&Results) -> Grid = match name {
        "machine" => return Ok(machine(results)),
        "rules" => tables::rules,
        "crossings" => tables::crossings,
        "ten rules" => tables::ten_rules,
        "splits" => tables::splits,
        "starts" => tables::starts,
        "swaps" => tables::swaps,
        "targets" => targets::judged,
        _ => return Err(format!("nothing that is measured is called `{name}`")),
    };
    Ok(grid(results).markdown())
}

fn machine(results: &Results) -> String {
    let machine = results.machine();
    let busy = tables::busy(results).unwrap_or_default();
    format!(
        "Measured on {}: {} with {} cores, Envoy {}, Serin {}.\n{busy}\n",
        machine.day, machine.processor, machine.cores, machine.envoy, machine.serin
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_written_anew_and_what_is_around_it_stays() {
        let page = "before\n<!-- measured: crossings -->\nold\n<!-- end -->\nafter\n";
        let expected = "before\n<!-- measured: crossings -->\n| rules by | rules |\n|---|---:|\n<!-- end -->\nafter\n";
        let once = filled(page, &Results::default()).unwrap();
        assert_eq!(once, expected);
        assert_eq!(filled(&once, &Results::default()).unwrap(), expected);
    }

    #[test]
    fn a_name_that_nobody_knows_is_refused() {
        let refused = filled("<!-- measured: rulse -->\n<!-- end -->", &Results::default());
        assert_eq!(refused.unwrap_err(), "nothing that is measured is called `rulse`");
    }
}

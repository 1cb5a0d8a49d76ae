//! Unicode's general categories, scripts and simple case folding, of the version that RE2 has (15.1).
//!
//! `general_categories.txt` and `scripts.txt` hold a line for each name: from where the last range ended, how far to
//! the next one, and (`+`) how far that one reaches; all in hexadecimal. `case_folding.txt` holds in each line a code
//! point, how far the next one of the same letter is, for how many code points that holds, and in what steps. The
//! tests hold the files against the tables of `regex-syntax`.

use super::code_points::{CodePoints, LAST};

const GENERAL_CATEGORIES: &str = include_str!("general_categories.txt");
const SCRIPTS: &str = include_str!("scripts.txt");
const CASE_FOLDING: &str = include_str!("case_folding.txt");

/// The code points of which `name` tells (`L`, `Lu`, `Greek`, `Any`), written as RE2 writes it.
pub(super) fn class(name: &str) -> Option<CodePoints> {
    if name == "Any" {
        return Some(CodePoints::of(&[(0, LAST)]));
    }
    // A category of one letter is all those that begin with it; what is not assigned is in none, not even in C.
    let wanted =
        |line: &&str| line.split(' ').next().is_some_and(|of| of == name || (name.len() == 1 && of.starts_with(name)));
    let ranges: Vec<_> = GENERAL_CATEGORIES
        .lines()
        .chain(SCRIPTS.lines().filter(|_| name.len() > 1))
        .filter(wanted)
        .flat_map(ranges)
        .collect();
    (!ranges.is_empty()).then(|| CodePoints::of(&ranges))
}

/// The ranges in a line.
fn ranges(line: &str) -> impl Iterator<Item = (u32, u32)> {
    let mut next = 0;
    line.split(' ').skip(1).map(move |range| {
        let (gap, more) = range.split_once('+').unwrap_or((range, "0"));
        let from = next + hexadecimal(gap);
        let to = from + hexadecimal(more);
        next = to + 1;
        (from, to)
    })
}

fn hexadecimal(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).unwrap_or_default()
}

/// Adds to `set` every code point that is one in it but for its case.
pub(super) fn fold_case(set: &mut CodePoints) {
    if !set.overlaps(0x80, LAST) {
        return fold_ascii(set);
    }
    // A letter has up to four forms (Θ, θ, ϑ, ϴ), each told by the one before: at most three rounds add something.
    loop {
        let missing: Vec<_> = CASE_FOLDING.lines().flat_map(|line| missing(line, set)).collect();
        if missing.is_empty() {
            return;
        }
        set.add(&CodePoints::of(&missing));
    }
}

/// [`fold_case`] for ASCII, of which most patterns are: many times as fast.
pub(super) fn fold_ascii(set: &mut CodePoints) {
    let mut missing = Vec::new();
    for &(from, to) in set.ranges() {
        for (first, last, other) in [(0x41, 0x5a, 0x61), (0x61, 0x7a, 0x41)] {
            let (from, to) = (from.max(first), to.min(last));
            if from <= to {
                missing.push((from - first + other, to - first + other));
            }
        }
    }
    set.add(&CodePoints::of(&missing));
    // The Kelvin sign and the long s.
    for (letter, other) in [(0x6b, 0x212a), (0x73, 0x17f)] {
        if set.contains(letter) {
            set.add(&CodePoints::of(&[(other, other)]));
        }
    }
}

/// What `line` of the case folding adds to `set`.
fn missing(line: &str, set: &CodePoints) -> Vec<(u32, u32)> {
    let (ones, distance) = folded(line);
    let (Some(first), Some(last)) = (ones.clone().next(), ones.clone().last()) else { return Vec::new() };
    if !set.overlaps(first, last) && !set.overlaps(first + distance, last + distance) {
        return Vec::new();
    }
    ones.filter_map(|one| match (set.contains(one), set.contains(one + distance)) {
        (true, false) => Some((one + distance, one + distance)),
        (false, true) => Some((one, one)),
        _ => None,
    })
    .collect()
}

/// The code points of a line of the case folding, and how far from each the next one of the same letter is.
fn folded(line: &str) -> (impl Iterator<Item = u32> + Clone, u32) {
    let mut numbers = line.split(' ').map(hexadecimal);
    let mut number = || numbers.next().unwrap_or(1);
    let (first, distance, count, step) = (number(), number(), number(), number());
    ((0..count).map(move |index| first + index * step), distance)
}

#[cfg(test)]
mod tests;

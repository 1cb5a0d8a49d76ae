//! Sets of code points.

use crate::order::sort_by;

/// The last code point.
pub(super) const LAST: u32 = 0x10_ffff;

/// A set of code points, surrogates among them: RE2 has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CodePoints {
    /// From and to, both included; in order and apart once [`CodePoints::sort`] is done.
    ranges: Vec<(u32, u32)>,
}

impl CodePoints {
    /// The code points of `ranges`.
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        let mut set = Self { ranges: ranges.to_vec() };
        set.sort();
        set
    }

    /// The ranges, in order.
    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Adds the code points of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
        self.sort();
    }

    /// Takes what was out in and what was in out.
    pub(super) fn negate(&mut self) {
        let mut next = 0;
        let mut out = Vec::with_capacity(self.ranges.len() + 1);
        for &(from, to) in &self.ranges {
            if next < from {
                out.push((next, from - 1));
            }
            next = to + 1;
        }
        if next <= LAST {
            out.push((next, LAST));
        }
        self.ranges = out;
    }

    /// Whether `code_point` is in the set.
    pub(super) fn contains(&self, code_point: u32) -> bool {
        self.overlaps(code_point, code_point)
    }

    /// Whether any code point from `first` to `last` is in the set.
    pub(super) fn overlaps(&self, first: u32, last: u32) -> bool {
        let before = self.ranges.partition_point(|&(_, to)| to < first);
        self.ranges.get(before).is_some_and(|&(from, _)| from <= last)
    }

    fn sort(&mut self) {
        sort_by(&mut self.ranges, Ord::cmp);
        let mut sorted: Vec<(u32, u32)> = Vec::with_capacity(self.ranges.len());
        for &(from, to) in &self.ranges {
            match sorted.last_mut() {
                Some((_, end)) if from <= end.saturating_add(1) => *end = to.max(*end),
                _ => sorted.push((from, to)),
            }
        }
        self.ranges = sorted;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(CodePoints::of(&[(5, 9), (1, 2), (3, 4), (6, 7), (11, 11)]).ranges(), [(1, 9), (11, 11)]);
    }

    #[test]
    fn negating_twice_changes_nothing() {
        for ranges in [&[][..], &[(0, LAST)], &[(0, 0)], &[(LAST, LAST)], &[(3, 4), (7, 9)]] {
            let set = CodePoints::of(ranges);
            let mut twice = set.clone();
            twice.negate();
            assert_eq!(twice.contains(3), !set.contains(3));
            twice.negate();
            assert_eq!(twice, set);
        }
    }
}

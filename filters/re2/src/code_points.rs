//! Sets of code points.

/// The last code point.
pub(super) const LAST: u32 = 0x10_ffff;

/// A set of code points, surrogates among them: RE2 has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CodePoints {
    /// From and to, both included; in order, and at least one code point apart.
    ranges: Vec<(u32, u32)>,
}

impl CodePoints {
    /// The code points of `ranges`.
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        let mut set = Self::default();
        ranges.iter().for_each(|range| set.insert(*range));
        set
    }

    /// The ranges, in order.
    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    /// Adds the code points of `other`.
    pub(super) fn add(&mut self, other: &Self) {
        other.ranges.iter().for_each(|range| self.insert(*range));
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

    /// Adds the code points from `from` to `to`, and joins the ranges that they touch.
    fn insert(&mut self, (from, to): (u32, u32)) {
        let first = self.ranges.partition_point(|&(_, end)| end.saturating_add(1) < from);
        let behind = self.ranges.partition_point(|&(begin, _)| begin <= to.saturating_add(1)).max(first);
        let join = |(from, to): (u32, u32), (begin, end): (u32, u32)| (from.min(begin), to.max(end));
        let joined = self.ranges.drain(first..behind).fold((from, to), join);
        self.ranges.insert(first, joined);
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

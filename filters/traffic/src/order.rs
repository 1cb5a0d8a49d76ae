//! Sorting and gathering in little code.
//!
//! The library's sort is compiled once for each type and order, 8 KB each time, and so is the one that trees are collected with:
//! together they were a tenth of a module. Configurations are compiled seldom; here one sort is for all.

use std::cmp::Ordering;

/// Sorts `items` as `compare` says; those that are equal stay as they are.
pub(crate) fn sort_by<T>(items: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let order = order(items.len(), &|one, other| match (items.get(one), items.get(other)) {
        (Some(one), Some(other)) => compare(one, other),
        _ => Ordering::Equal,
    });
    let mut unordered: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.into_iter().filter_map(|place| unordered.get_mut(place)?.take()));
}

/// Gathers `items` one by one in a collection that keeps its own order.
pub(crate) fn gather<T, C: Default + Extend<T>>(items: impl IntoIterator<Item = T>) -> C {
    let mut gathered = C::default();
    gathered.extend(items);
    gathered
}

/// The places 0 to `count` in the order that `compare` says of them: a merge sort, from runs of one upwards.
fn order(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    if order.windows(2).all(|pair| matches!(pair, [one, other] if compare(*one, *other).is_le())) {
        return order;
    }
    let mut merged = Vec::with_capacity(count);
    let mut length = 1;
    while length < count {
        for pair in order.chunks(2 * length) {
            let (mut one, mut other) = pair.split_at(length.min(pair.len()));
            while let ([first, ..], [second, ..]) = (one, other) {
                if compare(*first, *second).is_le() {
                    merged.push(*first);
                    one = one.get(1..).unwrap_or_default();
                } else {
                    merged.push(*second);
                    other = other.get(1..).unwrap_or_default();
                }
            }
            merged.extend(one.iter().chain(other));
        }
        std::mem::swap(&mut order, &mut merged);
        merged.clear();
        length *= 2;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn items_are_sorted_as_the_library_sorts_them(mut items in vec((0u8..9, any::<u8>()), 0..100)) {
            let mut sorted = items.clone();
            sorted.sort_by_key(|(key, _)| *key);
            sort_by(&mut items, |one, other| one.0.cmp(&other.0));
            prop_assert_eq!(items, sorted);
        }
    }
}

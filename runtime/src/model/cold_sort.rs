//! Sorts short lists of any type with one piece of machine code.
//!
//! The standard library's sort is compiled anew for each type, into 5 to 33 KiB. In a program that
//! declares one counter, they were an eighth of what headcount adds to it. Here only positions are
//! sorted, through one comparison that is called, and then the items move once. That costs a list
//! of positions and a call for each comparison, which nobody notices in what is done once for a
//! declaration, a file or a family. What is done once for each series uses the standard library's.

use core::cmp::Ordering;

use super::Series;

/// Sorts `items` as `compare` says. Equal ones stay in their order.
pub(crate) fn sort_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    sort_positions(&mut order, &mut |a, b| compare(&items[a], &items[b]));
    // `order[i]` is where the item is that belongs at `i`. Each round moves one cycle.
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = core::mem::replace(&mut order[at], at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Sorts `items` by what `key` says of each.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

/// Sorts series by their labels. A page can have a hundred thousand, so this is the standard
/// library's sort, once for all callers.
#[inline(never)]
pub(crate) fn sort_series(series: &mut [Series]) {
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
}

// In line it would be compiled for each type again.
#[inline(never)]
fn sort_positions(order: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    order.sort_by(|a, b| compare(*a, *b));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_short_list_is_sorted_as_by_the_standard_library() {
        // All lists of up to six items with keys below four. The second part distinguishes items
        // that are equal.
        for len in 0..=6_u32 {
            for n in 0..4_usize.pow(len) {
                let key = |i: u32| n / 4_usize.pow(i) % 4;
                let list: Vec<(usize, u32)> = (0..len).map(|i| (key(i), i)).collect();
                let (mut ours, mut theirs) = (list.clone(), list);
                sort_by_key(&mut ours, |item| item.0);
                theirs.sort_by_key(|item| item.0);
                assert_eq!(ours, theirs);
            }
        }
    }

    #[test]
    fn a_long_list_is_sorted() {
        let mut items: Vec<String> = (0..1000_u32).map(|i| (i * 7919 % 1009).to_string()).collect();
        let mut expected = items.clone();
        sort_by(&mut items, String::cmp);
        expected.sort();
        assert_eq!(items, expected);
    }
}

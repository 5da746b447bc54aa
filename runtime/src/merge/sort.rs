//! Sorts series by their labels, and groups those that have the same labels. Pure.
//!
//! It compares eight bytes of a value at a time, as a number. So each piece of text is read once,
//! and not in each comparison, where it would be a cache miss every time. Nothing is hashed, so
//! label values cannot be chosen to make it slow.

/// Sorts as lists of names and values sort. `label` returns the nth label of an item: the rank of
/// its name among all names, and its value.
///
/// Equal items become neighbours; [`groups`] separates the groups.
pub(crate) fn sorted<'a, T: Copy>(
    items: impl Iterator<Item = T>,
    label: impl Fn(T, usize) -> Option<(u32, &'a str)>,
) -> Vec<Sorted<T>> {
    let mut all: Vec<_> = items.map(|item| Sorted { piece: 0, item, is_first: false }).collect();
    // Ranges of items that are equal so far, and where the comparison continues: the index of the
    // label, and the offset in its value.
    let mut alike = vec![(0..all.len(), 0, 0)];
    while let Some((range, nth, from)) = alike.pop() {
        let mut at = range.start;
        let part = &mut all[range];
        for sorted in &mut *part {
            sorted.piece = piece(label(sorted.item, nth), from);
            // Sorting may move the first item of a group to any place.
            sorted.is_first = false;
        }
        part.sort_unstable_by_key(|sorted| sorted.piece);
        for run in part.chunk_by_mut(|a, b| a.piece == b.piece) {
            run[0].is_first = true;
            let end = at + run.len();
            if run.len() > 1 && run[0].piece != NO_LABEL {
                let goes_on = run[0].piece & 0xff == GOES_ON;
                alike.push(if goes_on { (at..end, nth, from + 8) } else { (at..end, nth + 1, 0) });
            }
            at = end;
        }
    }
    all
}

/// An item in its sorted place.
#[derive(Debug)]
pub(crate) struct Sorted<T> {
    piece: u128,
    pub(crate) item: T,
    /// Whether it is the first of a group of equal items.
    is_first: bool,
}

/// The groups of items with the same labels, in ascending order.
pub(crate) fn groups<T>(sorted: &[Sorted<T>]) -> impl Iterator<Item = &[Sorted<T>]> {
    sorted.chunk_by(|_, next| !next.is_first)
}

/// Less than every label: a list that ends sorts before a longer one.
const NO_LABEL: u128 = 0;
const GOES_ON: u128 = 9;

/// The name, eight bytes of the value, and their number, as one number. If two values differ only
/// in zeros at their ends, the shorter one is less.
fn piece(label: Option<(u32, &str)>, from: usize) -> u128 {
    let Some((name, value)) = label else { return NO_LABEL };
    let rest = value.as_bytes().get(from..).unwrap_or_default();
    let (bytes, many) = if let Some(bytes) = rest.first_chunk::<8>() {
        (*bytes, if rest.len() > 8 { GOES_ON } else { 8 })
    } else {
        let mut bytes = [0; 8];
        bytes[..rest.len()].copy_from_slice(rest);
        (bytes, rest.len() as u128)
    };
    (u128::from(name) + 1) << 72 | u128::from(u64::from_be_bytes(bytes)) << 8 | many
}

#[cfg(test)]
mod tests {
    use super::*;

    type Labels = Vec<(u32, String)>;

    fn in_groups(all: &[Labels]) -> Vec<Vec<Labels>> {
        let label =
            |at: usize, nth: usize| all[at].get(nth).map(|(name, value)| (*name, value.as_str()));
        let sorted = sorted(0..all.len(), label);
        let labels = |group: &[Sorted<usize>]| group.iter().map(|s| all[s.item].clone()).collect();
        groups(&sorted).map(labels).collect()
    }

    #[test]
    fn labels_sort_as_lists_of_text_do() {
        let mut state = 7_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..300 {
            let all: Vec<Labels> = (0..random(40))
                .map(|_| {
                    let names = (0..4_u32).filter(|_| random(3) > 0).collect::<Vec<_>>();
                    let value = |name| {
                        // Long common prefixes, ends at every byte of a piece, and zeros, which are
                        // also the padding.
                        let value = "x".repeat(usize::try_from(random(3) * 7).unwrap());
                        let ends = ["", "\0", "\0\0", "a", "aaaaaaaa", "aaaaaaaab", "é", "z"];
                        let end = ends[usize::try_from(random(8)).unwrap()];
                        (name, value + end)
                    };
                    names.into_iter().map(value).collect()
                })
                .collect();
            let mut expected = all.clone();
            expected.sort();
            let found = in_groups(&all);
            assert_eq!(found.concat(), expected);
            assert!(found.iter().all(|group| group.iter().all(|labels| *labels == group[0])));
            assert!(found.windows(2).all(|pair| pair[0][0] < pair[1][0]), "{found:?}");
        }
    }

    #[test]
    fn many_that_are_alike_stay_one_group_however_long_they_are() {
        let all: Vec<Labels> = (0..500).map(|i| vec![(0, format!("{:0400}", i % 3))]).collect();
        let sizes: Vec<usize> = in_groups(&all).iter().map(Vec::len).collect();
        assert_eq!(sizes, [167, 167, 166]);
    }

    #[test]
    fn nothing_has_no_groups() {
        assert_eq!(in_groups(&[]).len(), 0);
        assert_eq!(in_groups(&[vec![], vec![]]), [[vec![], vec![]]]);
    }
}

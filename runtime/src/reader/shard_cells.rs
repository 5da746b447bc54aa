//! The cells of one shard, without the zeros at both ends.
//!
//! A thread counts only some of a program's series, and the process's own shard contains only the
//! gauges. With a thousand processes, keeping these zeros caused most of the waiting for memory.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;

/// Consecutive cells of a shard. All cells before and behind them are zeros.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShardCells {
    /// The slot of the first cell.
    from: usize,
    cells: Vec<u64>,
}

/// The number of cells that are compared with zero at once.
const AT_ONCE: usize = 16;

impl ShardCells {
    /// The cells from slot 0 on, without the zeros at both ends.
    pub(crate) fn of(cells: &[u64]) -> Self {
        let is_something = |cells: &[u64]| cells.iter().fold(0, |all, cell| all | cell) != 0;
        let mut blocks = cells.chunks(AT_ONCE);
        let Some(first) = blocks.position(is_something) else { return Self::default() };
        let behind = blocks.rposition(is_something).map_or(0, |last| last.saturating_add(1));
        let from = first.saturating_mul(AT_ONCE);
        let until = first.saturating_add(behind).saturating_add(1).saturating_mul(AT_ONCE);
        let cells = cells.get(from..until.min(cells.len())).unwrap_or_default().to_vec();
        Self { from, cells }
    }

    /// All cells, without looking for zeros. In a shard too large to search, most cells are a hole,
    /// which takes no memory.
    pub(crate) fn whole(cells: Vec<u64>) -> Self {
        Self { from: 0, cells }
    }

    pub(crate) fn get(&self, slot: usize) -> Option<u64> {
        self.cells.get(slot.checked_sub(self.from)?).copied()
    }

    /// The cells that lie in a range of slots, and the number of slots of the range before the
    /// first of them.
    pub(crate) fn within(&self, slots: &Range<u32>) -> (usize, &[u64]) {
        let (start, end) = (slots.start as usize, slots.end as usize);
        let first = start.max(self.from);
        let range = first.saturating_sub(self.from)..end.min(self.end()).saturating_sub(self.from);
        (first.saturating_sub(start), self.cells.get(range).unwrap_or_default())
    }

    /// The slot behind the last cell.
    pub(crate) fn end(&self) -> usize {
        self.from.saturating_add(self.cells.len())
    }

    /// The number of cells in memory.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_are_zeros() {
        let step = if cfg!(miri) { 7 } else { 1 };
        for len in [0, 1, 15, 16, 17, 100] {
            for first in (0..=len).step_by(step) {
                for last in (first..len).step_by(step) {
                    let mut cells = vec![0; len];
                    cells[first] = 1;
                    cells[last] = 2;
                    let (whole, shard) = (ShardCells::whole(cells.clone()), ShardCells::of(&cells));
                    assert!(shard.len() <= (last - first) / 16 * 16 + 32, "{shard:?}");
                    for slot in 0..len + 2 {
                        let known = cells.get(slot).copied();
                        assert_eq!(shard.get(slot).unwrap_or(0), known.unwrap_or(0));
                        assert_eq!(whole.get(slot), known);
                        let slots = u32::try_from(slot / 2).unwrap()..u32::try_from(slot).unwrap();
                        let (skipped, found) = shard.within(&slots);
                        let mut expected = vec![0; slot - slot / 2];
                        if !found.is_empty() {
                            expected[skipped..skipped + found.len()].copy_from_slice(found);
                        }
                        let all = whole.within(&slots).1;
                        assert_eq!(&expected[..all.len()], all, "{slots:?} of {shard:?}");
                    }
                }
            }
        }
        assert_eq!(ShardCells::of(&[0; 40]).len(), 0);
    }
}

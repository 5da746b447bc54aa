//! The ranges of slots that a layout uses, and the position of a slot among them. A file of
//! kilobytes may have its only series in the last of millions of slots; sums are stored by
//! position, so they take memory for the series and not for all slots.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;

/// The cells of a layout's series, in ascending order. There is one run if the program assigned
/// slots without gaps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Runs(Vec<Run>);

/// A range of slots without a gap.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) slots: Range<u32>,
    /// The number of cells in the runs before it.
    pub(crate) before: usize,
}

impl Run {
    fn end(&self) -> usize {
        self.before.saturating_add(self.slots.len())
    }
}

impl Runs {
    /// Builds the runs of these cells, which come in any order. In a forged log they may overlap.
    pub(crate) fn new(all: impl Iterator<Item = Range<u32>>) -> Self {
        let mut some: Vec<Range<u32>> = Vec::new();
        for slots in all {
            match some.last_mut() {
                // The usual case. A range for each series would take as much memory as the runs
                // save.
                Some(last) if last.end == slots.start => last.end = slots.end,
                _ => some.push(slots),
            }
        }
        some.sort_unstable_by_key(|slots| slots.start);
        let mut runs = Self::default();
        for slots in some {
            match runs.0.last_mut() {
                Some(last) if slots.start <= last.slots.end => {
                    last.slots.end = last.slots.end.max(slots.end);
                }
                _ => runs.0.push(Run { slots, before: runs.cells() }),
            }
        }
        runs.0.shrink_to_fit();
        runs
    }

    /// The runs that begin before a slot.
    pub(crate) fn up_to(&self, slot: usize) -> impl Iterator<Item = &Run> {
        self.0.iter().take_while(move |run| (run.slots.start as usize) < slot)
    }

    /// Whether a run has any of these slots.
    pub(crate) fn overlap(&self, slots: &Range<u32>) -> bool {
        // A forged log has as many runs as it likes, and asks as often.
        let behind = self.0.partition_point(|run| run.slots.start < slots.end);
        let last = behind.checked_sub(1).and_then(|last| self.0.get(last));
        last.is_some_and(|run| run.slots.end > slots.start)
    }

    /// The number of cells.
    pub(crate) fn cells(&self) -> usize {
        self.0.last().map_or(0, Run::end)
    }

    /// The position of a slot among the cells.
    #[inline]
    pub(crate) fn place(&self, slot: u32) -> Option<usize> {
        let run = match &self.0[..] {
            // The usual case.
            [run] if slot < run.slots.end => run,
            runs => runs.get(runs.partition_point(|run| run.slots.end <= slot))?,
        };
        Some(run.before.saturating_add(slot.checked_sub(run.slots.start)? as usize))
    }

    /// The bytes of memory that it takes.
    pub(crate) fn size(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbered_as_they_ascend_and_gaps_are_not() {
        let runs = Runs::new([7..9, 9..10, 3..4, 20..30, 22..23, 29..31].into_iter());
        let slots: Vec<Range<u32>> = runs.up_to(40).map(|run| run.slots.clone()).collect();
        assert_eq!(slots, [3..4, 7..10, 20..31]);
        let places: Vec<_> = (0..40).filter_map(|slot| runs.place(slot)).collect();
        assert_eq!(places, (0..runs.cells()).collect::<Vec<_>>());
        assert_eq!([2, 4, 10, 31].map(|slot| runs.place(slot)), [None; 4]);
        assert_eq!(runs.up_to(7).count(), 1);
        assert_eq!(runs.up_to(8).count(), 2);
        assert_eq!(Runs::default().place(1), None);
        let overlapping =
            [0..4, 3..4, 4..8, 9..10, 15..40, 0..40].map(|slots| runs.overlap(&slots));
        assert_eq!(overlapping, [true; 6]);
        let free =
            [0..3, 4..7, 10..20, 31..32, u32::MAX..u32::MAX].map(|slots| runs.overlap(&slots));
        assert_eq!(free, [false; 5]);
        assert!(!Runs::default().overlap(&(0..40)));
    }
}

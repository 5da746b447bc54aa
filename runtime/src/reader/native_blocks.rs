//! The blocks of native histograms in one segment's log: cells that hold neighbouring buckets of a
//! series. Processes assign them when the first value comes, so they are no part of what equal logs
//! have in common. Every byte is hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;

use crate::error::Error;
use crate::model::cells::{BLOCK, MAX_CELLS};
use crate::model::sorted::SortedMap;
use crate::segment::format::Fields;

/// An index beyond which no bucket is, in any schema.
pub(crate) const MOST_INDEX: u32 = 1 << 16;

/// A block, by its first cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Block {
    pub(crate) slot: u32,
    /// The index of its first bucket.
    pub(crate) first: i32,
    pub(crate) is_negative: bool,
}

/// All blocks, by the slots of their series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    by_series: SortedMap<u32, Vec<Block>>,
    /// The first cells of all blocks.
    slots: SortedMap<u32, u32>,
}

impl Blocks {
    /// Reads a record.
    pub(crate) fn read(&mut self, slot: u32, f: &mut Fields<'_>) -> Result<(), Error> {
        let (series, cells) = (f.u32()?, f.u32()?);
        let (first, sign) = (f.i32()?, f.u32()?);
        // All of its buckets: an archive with one beyond that is damaged, so none could be written
        // any more.
        let last = first.saturating_add_unsigned(BLOCK.saturating_sub(1));
        let most = first.unsigned_abs().max(last.unsigned_abs());
        if cells != BLOCK || sign > 1 || most > MOST_INDEX {
            return Err(Error::corrupt("a block of a native histogram"));
        }
        self.insert(series, Block { slot, first, is_negative: sign == 1 })
    }

    pub(crate) fn insert(&mut self, series: u32, block: Block) -> Result<(), Error> {
        let end = block.slot.saturating_add(BLOCK);
        let is_free =
            |before: Option<(&u32, &u32)>| before.is_none_or(|(_, end)| *end <= block.slot);
        let is_alone = is_free(self.slots.last_up_to(&end.saturating_sub(1)));
        if block.slot == 0 || end > MAX_CELLS || !is_alone {
            return Err(Error::corrupt("blocks of native histograms that overlap"));
        }
        self.slots.insert(block.slot, end);
        self.by_series.or_default(series).push(block);
        Ok(())
    }

    /// These, and those that a later part of the log adds.
    pub(crate) fn and(&self, more: Self) -> Result<Self, Error> {
        let mut all = self.clone();
        for (series, blocks) in more.by_series {
            for block in blocks {
                all.insert(series, block)?;
            }
        }
        Ok(all)
    }

    /// Whether a block has any of these cells.
    pub(crate) fn overlap(&self, slots: &Range<u32>) -> bool {
        self.slots
            .last_up_to(&slots.end.saturating_sub(1))
            .is_some_and(|(_, end)| *end > slots.start)
    }

    /// The cells of each block.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Range<u32>> {
        self.slots.iter().map(|(first, end)| *first..*end)
    }

    pub(crate) fn of(&self, series: u32) -> &[Block] {
        self.by_series.get(&series).map_or(&[], |blocks| blocks)
    }

    /// The first slot behind all blocks.
    pub(crate) fn end(&self) -> u32 {
        self.slots.values().next_back().copied().unwrap_or(0)
    }

    /// The number of cells.
    pub(crate) fn cells(&self) -> u64 {
        (self.slots.len() as u64).saturating_mul(u64::from(BLOCK))
    }

    /// The bytes of memory that it takes.
    pub(crate) fn size(&self) -> usize {
        self.slots.len().saturating_mul(64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::log::Log;
    use crate::segment::records::LogWriter;

    fn log(blocks: &[(u32, u32, i32)]) -> Result<Blocks, Error> {
        let mut log = Vec::new();
        for (slot, series, first) in blocks {
            LogWriter::new(&mut log).native_block(*slot, *series, *first, false);
        }
        Log::parse(&log).map(|log| log.blocks)
    }

    #[test]
    fn blocks_that_overlap_or_are_nowhere_are_damage() {
        let most = i32::try_from(MOST_INDEX).unwrap();
        let blocks = log(&[(40, 1, 33), (8, 1, 1), (72, 2, -31)]).unwrap();
        assert_eq!(blocks.of(1).len(), 2);
        assert_eq!((blocks.of(3).len(), blocks.end(), blocks.cells()), (0, 104, 96));
        for wrong in [
            &[(8, 1, 1), (8, 2, 1)][..],
            &[(8, 1, 1), (39, 1, 33)],
            &[(40, 1, 1), (9, 1, 33)],
            &[(0, 1, 1)],
            &[(MAX_CELLS - 31, 1, 1)],
            &[(u32::MAX, 1, 1)],
            &[(8, 1, i32::MAX)],
            &[(8, 1, i32::MIN)],
            // A bucket beyond the last one that there can be.
            &[(8, 1, most - 30)],
            &[(8, 1, -most - 1)],
        ] {
            assert!(log(wrong).is_err(), "{wrong:?}");
        }
        assert!(log(&[(8, 1, most - 31), (40, 1, -most)]).is_ok());
        // The parts of a log that grows are checked together.
        assert!(blocks.and(log(&[(50, 9, 1)]).unwrap()).is_err());
        assert!(blocks.and(log(&[(104, 9, 1)]).unwrap()).is_ok());
    }
}

//! The places of exemplars in one segment, and what they hold. Processes assign them with a series'
//! first exemplar, so they are no part of what equal logs have in common. Every byte is hostile.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::Range;

use crate::error::Error;
use crate::model::cells::{MAX_BOUNDS, MAX_CELLS};
use crate::model::cold_sort;
use crate::model::exemplar::Held;
use crate::model::sorted::SortedMap;
use crate::segment::exemplar::{PLACE, newest};
use crate::segment::format::Fields;

use super::shard_cells::ShardCells;

/// All places, by their first cells: the cell behind them, and the slot of their series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    by_slot: SortedMap<u32, (u32, u32)>,
    cells: u64,
}

impl Places {
    /// Reads a record.
    pub(crate) fn read(&mut self, slot: u32, f: &mut Fields<'_>) -> Result<(), Error> {
        let (series, cells) = (f.u32()?, f.u32()?);
        let places = cells / PLACE;
        if places == 0 || cells % PLACE != 0 || places as usize > MAX_BOUNDS {
            return Err(Error::corrupt("the number of places for exemplars"));
        }
        self.insert(slot..slot.saturating_add(cells), series)
    }

    fn insert(&mut self, slots: Range<u32>, series: u32) -> Result<(), Error> {
        let is_nowhere = slots.start == 0 || slots.end > MAX_CELLS;
        let before = self.by_slot.last_up_to(&slots.end.saturating_sub(1));
        if is_nowhere || before.is_some_and(|(_, (end, _))| *end > slots.start) {
            return Err(Error::corrupt("places for exemplars that overlap"));
        }
        self.cells = self.cells.saturating_add(slots.len() as u64);
        self.by_slot.insert(slots.start, (slots.end, series));
        Ok(())
    }

    /// These, and those that a later part of the log adds.
    pub(crate) fn and(&self, more: Self) -> Result<Self, Error> {
        let mut all = self.clone();
        for (slot, (end, series)) in more.by_slot {
            all.insert(slot..end, series)?;
        }
        Ok(all)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = Range<u32>> {
        self.by_slot.iter().map(|(slot, (end, _))| *slot..*end)
    }

    /// The first slot behind all places.
    pub(crate) fn end(&self) -> u32 {
        self.by_slot.values().next_back().map_or(0, |(end, _)| *end)
    }

    /// The number of cells.
    pub(crate) fn cells(&self) -> u64 {
        self.cells
    }

    /// The bytes of memory that it takes.
    pub(crate) fn size(&self) -> usize {
        self.by_slot.len().saturating_mul(32)
    }

    /// What all places hold, each with the slot of its series, in ascending order.
    pub(crate) fn held(&self, shard: &ShardCells) -> Vec<(u32, Held)> {
        let mut all = Vec::new();
        for (slot, (end, series)) in self.by_slot.iter() {
            // Cells that are left out are zeros, which are no exemplar.
            let (skipped, cells) = shard.within(&(*slot..*end));
            let mut words = vec![0; skipped];
            words.extend_from_slice(cells);
            words.resize(words.len().next_multiple_of(PLACE as usize), 0);
            let found = words.chunks_exact(PLACE as usize).filter_map(newest);
            all.extend(found.map(|held| (*series, held)));
        }
        cold_sort::sort_by_key(&mut all, |(series, _)| *series);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::log::Log;
    use crate::segment::records::LogWriter;

    fn log(places: &[(u32, u32, u32)]) -> Result<Places, Error> {
        let mut log = Vec::new();
        for (slot, series, cells) in places {
            LogWriter::new(&mut log).exemplars(*slot, *series, *cells);
        }
        Log::parse(&log).map(|log| log.places)
    }

    #[test]
    fn places_that_overlap_or_are_nowhere_are_damage() {
        let places = log(&[(40, 1, 34), (8, 2, 17)]).unwrap();
        assert_eq!((places.end(), places.cells()), (74, 51));
        for wrong in [
            &[(8, 1, 17), (8, 2, 17)][..],
            &[(8, 1, 17), (24, 2, 17)],
            &[(24, 1, 17), (9, 2, 17)],
            &[(8, 1, 0)],
            &[(8, 1, 16)],
            &[(0, 1, 17)],
            &[(MAX_CELLS - 16, 1, 17)],
            &[(u32::MAX, 1, 17)],
            &[(8, 1, u32::MAX)],
            &[(8, 1, 17 * 1_002)],
            &[(8, 1, 17 << 24)],
        ] {
            assert!(log(wrong).is_err(), "{wrong:?}");
        }
        // The parts of a log that grows are checked together.
        assert!(places.and(log(&[(73, 9, 17)]).unwrap()).is_err());
        assert!(places.and(log(&[(74, 9, 17)]).unwrap()).is_ok());
    }
}

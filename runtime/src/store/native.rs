//! The blocks of native histograms: 32 neighbouring buckets get cells when the first value comes.
//!
//! A block is assigned once for all threads of a process. Each thread keeps its slot in the series'
//! own cells, where it finds it with the next value; those of a child are empty, and it asks again.

use core::ops::Range;

use crate::fault;
use crate::model::cells::BLOCK;
use crate::model::sorted::SortedMap;
use crate::segment::records::LogWriter;

use super::attach;
use super::guard::Guard;
use super::own_segment::Stage;
use super::state::Store;

/// The slots of blocks, by the slots of their series and their numbers.
#[derive(Debug)]
pub(super) struct Native(SortedMap<u32, SortedMap<u32, u32>>);

impl Native {
    pub(super) const fn new() -> Self {
        Self(SortedMap::new())
    }

    /// The slots of the blocks of all series of the row that has these cells.
    pub(super) fn blocks_of(&self, row: Range<u32>) -> impl Iterator<Item = u32> {
        let known = self.0.from(&row.start).take_while(move |(series, _)| **series < row.end);
        known.flat_map(|(_, blocks)| blocks.values().copied())
    }

    /// A row is gone, which has these cells: the slots of the blocks of all its series. It may have
    /// several, as one for each outcome.
    pub(super) fn forget(&mut self, row: Range<u32>) -> impl Iterator<Item = u32> + use<> {
        self.0.remove_range(row).into_values().flat_map(SortedMap::into_values)
    }
}

/// The slot of block `number` of the series at this slot, whose first bucket has the index `first`.
/// Assigns it if it has none. `None` if there is no room, or no such series any more.
pub(crate) fn native_block(series: u32, number: u32, first: i32, is_negative: bool) -> Option<u32> {
    attach::BLOCKS.with(|patience| {
        let asked = patience.ask()?;
        // A nested call, from a signal handler, counts without a bucket.
        let mut store = Guard::live()?;
        if !store.is_in_log(series) {
            // The row was removed meanwhile, and what is counted in it is nobody's.
            return None;
        }
        if let Some(slot) = store.native.0.get(&series).and_then(|blocks| blocks.get(&number)) {
            return Some(*slot);
        }
        let assigned =
            fault::step!("native.assign", store.assign_block(series, first, is_negative));
        match assigned {
            Ok(slot) => {
                store.native.0.or_default(series).insert(number, slot);
                Some(slot)
            }
            Err(refused) => {
                store.note_refusal(Stage::Series, refused);
                drop(store);
                patience.refuse(asked);
                None
            }
        }
    })
}

/// The slots of the blocks of the series at this slot.
pub(crate) fn native_blocks(series: u32) -> Vec<u32> {
    let store = Guard::lock();
    let blocks = store.as_ref().and_then(|store| store.native.0.get(&series));
    blocks.map(|blocks| blocks.values().copied().collect()).unwrap_or_default()
}

impl Store {
    fn assign_block(&mut self, series: u32, first: i32, is_negative: bool) -> std::io::Result<u32> {
        let mut plan = self.log.plan(BLOCK);
        let used = self.used_cells(BLOCK);
        plan.slot = used.unwrap_or(plan.slot);
        let slot = plan.slot;
        LogWriter::new(&mut plan.records).native_block(slot, series, first, is_negative);
        let committed = self.commit(plan);
        if let (Err(_), Some(slot)) = (&committed, used) {
            self.churn.give(slot, BLOCK);
        }
        committed
    }
}

//! The places of exemplars: a series gets them with its first exemplar, so a program without
//! exemplars has no memory for them.
//!
//! They are assigned as rows are, under the mutex, by a record in the log. The table in which a
//! writer finds them takes no lock. A child has the same table and the same log, and its places are
//! empty.

use core::ops::Range;
use core::sync::atomic::AtomicPtr;

use crate::label::table::Rows;
use crate::label::{Entry, GONE, RowSlot};
use crate::model::sorted::SortedMap;
use crate::segment::exemplar::PLACE;
use crate::segment::records::LogWriter;

use super::attach;
use super::guard::Guard;
use super::state::Store;

/// The first places of series, by the series' slots and the number of places. The number is part of
/// the key, so that nobody who has the slot from a row that is gone reaches a place beyond those of
/// the row that has it now.
static PLACES: Rows<(u32, u32)> = Rows::new(AtomicPtr::new(core::ptr::null_mut()));

/// Neighbouring series are a few slots apart.
fn hash(series: u32) -> u32 {
    series.wrapping_mul(0x9e37_79b9).rotate_left(16)
}

fn known(series: u32, places: u32) -> Option<&'static RowSlot> {
    PLACES.find(hash(series), |known| *known == (series, places))
}

/// Makes an entry for a series that has none with so many places. It stays for ever.
fn note(series: u32, places: u32, slot: u32) {
    PLACES.insert(Box::leak(Box::new(Entry::new(hash(series), (series, places), slot))));
}

/// The slot of the first place and the number of cells, by the slot of the series.
#[derive(Debug)]
pub(super) struct Exemplars(SortedMap<u32, (u32, u32)>);

impl Exemplars {
    pub(super) const fn new() -> Self {
        Self(SortedMap::new())
    }

    /// A row is gone, which has these cells: the places of all its series. It may have several, as
    /// one for each outcome.
    pub(super) fn forget(&mut self, row: Range<u32>) -> impl Iterator<Item = (u32, u32)> + use<> {
        let gone = self.0.remove_range(row);
        // The entries stay, for the next series that gets these cells.
        let entries = gone.iter().filter_map(|(series, (_, cells))| known(*series, cells / PLACE));
        entries.for_each(RowSlot::forget);
        gone.into_values()
    }
}

/// The slot of the first place of the series at this slot, which has so many. Assigns them if it
/// has none. `None` if there is no room, if there is no such series any more, or in a nested call,
/// from a signal handler.
#[inline]
pub(crate) fn exemplar_places(series: u32, places: u32) -> Option<u32> {
    known_exemplar_places(series, places).or_else(|| assign(series, places))
}

/// The slot of the first place of the series at this slot, if it has so many.
#[inline]
pub(crate) fn known_exemplar_places(series: u32, places: u32) -> Option<u32> {
    known(series, places).map(RowSlot::load).filter(|slot| *slot != GONE)
}

#[cold]
#[inline(never)]
fn assign(series: u32, places: u32) -> Option<u32> {
    attach::EXEMPLARS.with(|patience| {
        let asked = patience.ask()?;
        let mut store = Guard::live()?;
        if !asked.is_recent() || !store.is_in_log(series) {
            // The row was removed meanwhile.
            return None;
        }
        if let Some((slot, cells)) = store.exemplars.0.get(&series) {
            // Else it is another row by now.
            return (*cells == places.saturating_mul(PLACE)).then_some(*slot);
        }
        match store.assign_places(series, places) {
            Ok(slot) => Some(slot),
            Err(refused) => {
                store.note_no_exemplars(refused);
                drop(store);
                patience.refuse(asked);
                None
            }
        }
    })
}

impl Store {
    fn assign_places(&mut self, series: u32, places: u32) -> std::io::Result<u32> {
        let cells = places.saturating_mul(PLACE);
        let mut plan = self.log.plan(cells);
        let used = self.used_cells(cells);
        plan.slot = used.unwrap_or(plan.slot);
        let slot = plan.slot;
        LogWriter::new(&mut plan.records).exemplars(slot, series, cells);
        let committed = self.commit(plan);
        if let (Err(_), Some(slot)) = (&committed, used) {
            self.churn.give(slot, cells);
        }
        committed?;
        self.exemplars.0.insert(series, (slot, cells));
        let known = known(series, places);
        known.map_or_else(|| note(series, places, slot), |entry| entry.assign(slot));
        Ok(slot)
    }
}

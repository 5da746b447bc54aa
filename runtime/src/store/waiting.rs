//! Rows for which there was no space.
//!
//! A program may keep a handle of such a row for ever. So the row is in the table like any other.
//! Its slot is a number above every limit, by which the row is found here. Recording in it asks for
//! space again, not more often than other operations do, and once there is space, all handles find
//! the row's cells.

use std::io;

use crate::declare::registry::{DROPPED, NEVER, Site, Spec, WAITING};
use crate::label::{self, DROPPED_ROW, Entry, Key, ROWS, Row, RowSlot};
use crate::model::sorted::SortedMap;

use super::attach::ask_again;
use super::state::Store;

#[derive(Debug)]
struct Waits {
    site: &'static Site,
    key: Key,
    entry: &'static Entry<Row>,
    /// Whether it is the row `_other`.
    is_rest: bool,
}

/// All waiting rows, by the number in place of their slot. There are at most as many as families
/// may have rows.
#[derive(Debug)]
pub(super) struct Waiting {
    rows: SortedMap<u32, Waits>,
    next: u32,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self { rows: SortedMap::new(), next: WAITING }
    }
}

/// Whether a slot is the number of a waiting row.
pub(super) fn is_waiting(slot: u32) -> bool {
    (WAITING..NEVER).contains(&slot)
}

impl Store {
    /// Adds a row that waits for space. If even that is impossible, it is dropped.
    pub(super) fn wait_for_space(
        &mut self,
        site: &'static Site,
        key: &Key,
        is_rest: bool,
    ) -> &'static RowSlot {
        let number = self.waiting.next;
        let make = |kept| Row::entry(site.address(), key, kept, number);
        if number >= NEVER {
            return &DROPPED_ROW;
        }
        let Some(entry) = self.churn.arena.put(key.bytes(), make) else { return &DROPPED_ROW };
        self.waiting.next += 1;
        self.waiting.rows.insert(number, Waits { site, key: key.clone(), entry, is_rest });
        ROWS.insert(entry);
        &entry.slot
    }

    /// The slot of a row that waited, if there is space now.
    pub(super) fn register_waiting(&mut self, number: u32) -> io::Result<u32> {
        // Another thread may have registered it in the meantime.
        let Some(waits) = self.waiting.rows.remove(&number) else { return Ok(DROPPED) };
        let Spec::Metric(d) = waits.site.spec() else { return Ok(DROPPED) };
        let sets = label::single(d.labels, waits.key.bytes());
        match self.register_metric(d, sets, Some(waits.site)) {
            Ok(slot) => {
                self.is_looked_up_at(slot, waits.site, waits.entry);
                if waits.is_rest {
                    self.series.add_other(waits.site, slot);
                }
                waits.entry.slot.assign(waits.site.marked(slot));
                // There may be space for all the others, too.
                ask_again();
                Ok(slot)
            }
            Err(refused) => {
                self.waiting.rows.insert(number, waits);
                Err(refused)
            }
        }
    }

    /// Removes a waiting row; `false` if there is none with this number.
    pub(super) fn stop_waiting(&mut self, number: u32) -> bool {
        let Some(waits) = self.waiting.rows.remove(&number) else { return false };
        if !waits.is_rest {
            self.series.remove_row(waits.site);
        }
        ROWS.remove(waits.entry);
        let when = self.churn.rested();
        self.churn.arena.retire(waits.entry, waits.entry.key.len(), when);
        if !waits.site.is_contradicted() {
            waits.site.set_full(false);
        }
        true
    }
}

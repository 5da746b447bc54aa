//! The state of rows that come and go: the existing ones, the removed ones, and which of their
//! cells may be used again, and when.
//!
//! The record of a removed row stays in the log until the log is rewritten without it
//! (`rewrite_log`). Then its cells rest, because a thread may have looked the slot up just before,
//! and be about to count there. After [`REST`] they go to another row. What a program can keep for
//! longer is not the slot but the address of the row's slot word, which says that the row was
//! removed.

use std::sync::Arc;

use crate::clock;
use crate::declare::descriptor::RemoveIdle;
use crate::declare::registry::Site;
use crate::label::arena::Arena;
use crate::label::resting::Resting;
use crate::label::{Entry, Row};
use crate::model::sorted::{SortedMap, SortedSet};

use super::idle::Idle;

/// A family's number in the log, and the values of its labels.
pub(super) type SeriesKey = (u32, Vec<String>);

/// The state of a row in addition to its cells.
#[derive(Debug)]
pub(super) struct RowOf {
    /// The site that created it.
    pub(super) site: &'static Site,
    /// When it was created, in nanoseconds since the log's epoch.
    pub(super) since: u64,
    /// The cost of its labels to a reader: see `LABEL_COST`.
    pub(super) text: u64,
    /// Its entries in the table, one for each site that looked it up.
    pub(super) entries: Vec<(&'static Site, &'static Entry<Row>)>,
}

/// A removed row that is still in the log.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) key: Arc<SeriesKey>,
    pub(super) site: &'static Site,
    pub(super) cells: u32,
    pub(super) text: u64,
    /// When it was created and removed, in nanoseconds since the log's epoch.
    pub(super) from: u64,
    pub(super) until: u64,
    /// From then on no thread counts in its cells: see [`Churn::rested`].
    pub(super) rested: u64,
}

/// The number of seconds for which cells rest, and so does the memory of a table entry. Only
/// seconds in which this process did something count, so that a stopped process does not end the
/// rest. The first of them may be almost over when it is counted.
pub(super) const REST: u64 = 3;

#[derive(Debug)]
pub(super) struct Churn {
    pub(super) arena: Arena,
    /// The existing rows, by slot.
    pub(super) by_slot: SortedMap<u32, Arc<SeriesKey>>,
    /// Those of them that have an idle timeout.
    pub(super) idle: SortedMap<u32, Idle>,
    /// What removes these.
    pub(super) remove_idle: Option<RemoveIdle>,
    /// The removed rows, by slot.
    pub(super) gone: SortedMap<u32, Gone>,
    /// The number of their cells.
    pub(super) gone_cells: u64,
    /// How many of them the last rewriting of the log left, because other processes have them.
    pub(super) held: usize,
    /// How many of them the last rewriting of the log left, for any reason.
    pub(super) left: usize,
    /// When rows that were left because a thread might be counting in them can be combined.
    pub(super) not_before: u64,
    /// The epoch plus one of a process in which a thread is about to rewrite the log. A child has
    /// no such thread.
    pub(super) rewriting: u32,
    /// Resting cells: when they may be used again, their slot, and their number.
    resting: Resting<(u32, u32)>,
    resting_cells: u64,
    /// Cells that may be used again, by the length of the run.
    spare: SortedMap<u32, SortedSet<u32>>,
    second: u64,
    seconds: u64,
}

impl Churn {
    pub(super) const fn new() -> Self {
        Self {
            arena: Arena::new(),
            by_slot: SortedMap::new(),
            idle: SortedMap::new(),
            remove_idle: None,
            gone: SortedMap::new(),
            gone_cells: 0,
            held: 0,
            left: 0,
            not_before: 0,
            rewriting: 0,
            resting: Resting::new(),
            resting_cells: 0,
            spare: SortedMap::new(),
            second: 0,
            seconds: 0,
        }
    }

    /// The number of seconds so far in which anything was registered or removed.
    pub(super) fn now(&mut self) -> u64 {
        let second = clock::coarse_seconds();
        if second != self.second {
            self.second = second;
            self.seconds += 1;
        }
        self.seconds
    }

    /// When cells that another thread may be using now can be used again.
    pub(super) fn rested(&mut self) -> u64 {
        self.now() + REST
    }

    /// These cells belong to no row any more, and no record that a reader uses refers to them.
    pub(super) fn rest(&mut self, slot: u32, cells: u32) {
        let when = self.rested();
        self.resting.push(when, (slot, cells));
        self.resting_cells += u64::from(cells);
    }

    /// Takes a run of so many used cells. They still hold their old counts.
    pub(super) fn take(&mut self, cells: u32) -> Option<u32> {
        self.settle();
        // The lowest, so that a child needs few.
        self.spare.get_mut(&cells)?.pop_first()
    }

    /// Makes cells that have rested available.
    fn settle(&mut self) {
        let now = self.now();
        self.arena.sweep(now);
        while let Some((slot, cells)) = self.resting.pop(now) {
            self.resting_cells -= u64::from(cells);
            self.give(slot, cells);
        }
    }

    /// Makes cells available at once.
    pub(super) fn give(&mut self, slot: u32, cells: u32) {
        self.spare.or_default(cells).insert(slot);
    }

    /// Forgets all cells from this slot on: in a child's segment they were never used.
    pub(super) fn cut(&mut self, end: u32) {
        self.resting.retain(|(slot, _)| *slot < end);
        self.resting_cells = self.resting.iter().map(|(_, cells)| u64::from(*cells)).sum();
        self.spare.values_mut().for_each(|slots| slots.retain(|slot| *slot < end));
    }

    /// The number of cells that cannot be used yet.
    pub(super) fn resting(&mut self) -> u64 {
        self.settle();
        self.resting_cells
    }
}

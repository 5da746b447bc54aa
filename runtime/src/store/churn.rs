//! Rows that come and go: which there are, which are gone, and what of theirs may be used again,
//! and when.
//!
//! A removed row's record stays in the log until that is rewritten without it (`compact`). Then its
//! cells rest: a thread may have looked its slot up just
//! before, and be about to count there. After [`REST`] they are another row's. What somebody kept
//! for longer is no slot, but where the
//! row's slot stood, and says that the row is gone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::clock;
use crate::label::arena::Arena;
use crate::label::{Entry, Row};
use crate::registry::Site;

use super::idle::Idle;

/// A family's number in the log, and the values of its labels.
pub(super) type SeriesKey = (u32, Vec<String>);

/// What there is of a row beside its cells.
#[derive(Debug)]
pub(super) struct RowOf {
    /// The site that made it.
    pub(super) site: &'static Site,
    /// When it was made, in nanoseconds since the log's epoch.
    pub(super) since: u64,
    /// What it costs a reader in labels.
    pub(super) text: u64,
    /// Where it is looked up, by whichever site.
    pub(super) entries: Vec<(&'static Site, &'static Entry<Row>)>,
}

/// A row that was removed, and is in the log.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) key: Arc<SeriesKey>,
    pub(super) site: &'static Site,
    pub(super) cells: u32,
    pub(super) text: u64,
    /// From when to when it was there, in nanoseconds since the log's epoch.
    pub(super) from: u64,
    pub(super) until: u64,
    /// From when on nobody counts in its cells: see [`Churn::rested`].
    pub(super) rested: u64,
}

/// Seconds for which cells rest, and the memory of what was looked up, in which this process did
/// something: those for which it was stopped don't count.
/// The first may have begun just now.
pub(super) const REST: u64 = 3;

#[derive(Debug)]
pub(super) struct Churn {
    pub(super) arena: Arena,
    /// The rows that are there, by their slots.
    pub(super) by_slot: BTreeMap<u32, Arc<SeriesKey>>,
    /// Those of them that go when nobody touches them.
    pub(super) idle: BTreeMap<u32, Idle>,
    /// Whether the thread that looks at these is to be there once the mutex is released.
    pub(super) starts_thread: bool,
    /// Those that were removed, by their slots.
    pub(super) gone: BTreeMap<u32, Gone>,
    /// Cells of these.
    pub(super) gone_cells: u64,
    /// How many of them were left when the log was rewritten last, since other processes have them.
    pub(super) held: usize,
    /// How many of them were left when the log was rewritten last, for whatever reason.
    pub(super) left: usize,
    /// When those that were left because somebody may be counting in them can be combined.
    pub(super) not_before: u64,
    /// A thread is about to rewrite the log. In which epoch, and one more: its child has no such
    /// thread.
    pub(super) rewriting: u32,
    /// Slots and how many cells lie there, with when they may be used again.
    resting: VecDeque<(u64, u32, u32)>,
    resting_cells: u64,
    /// What may be used again, by how many cells it is.
    spare: BTreeMap<u32, BTreeSet<u32>>,
    second: u64,
    seconds: u64,
}

impl Churn {
    pub(super) const fn new() -> Self {
        Self {
            arena: Arena::new(),
            by_slot: BTreeMap::new(),
            idle: BTreeMap::new(),
            starts_thread: false,
            gone: BTreeMap::new(),
            gone_cells: 0,
            held: 0,
            left: 0,
            not_before: 0,
            rewriting: 0,
            resting: VecDeque::new(),
            resting_cells: 0,
            spare: BTreeMap::new(),
            second: 0,
            seconds: 0,
        }
    }

    /// How many seconds there have been in which anything was registered or removed.
    pub(super) fn now(&mut self) -> u64 {
        let second = clock::coarse_seconds();
        if second != self.second {
            self.second = second;
            self.seconds += 1;
        }
        self.seconds
    }

    /// When that may be used again which somebody may be using now.
    pub(super) fn rested(&mut self) -> u64 {
        self.now() + REST
    }

    /// These cells are nobody's any more, and nothing that a reader goes by speaks of them.
    pub(super) fn rest(&mut self, slot: u32, cells: u32) {
        let when = self.rested();
        self.resting.push_back((when, slot, cells));
        self.resting_cells += u64::from(cells);
    }

    /// So many cells that were used before; they still hold what was counted in them.
    pub(super) fn take(&mut self, cells: u32) -> Option<u32> {
        self.settle();
        // The lowest, so that a child needs few.
        self.spare.get_mut(&cells)?.pop_first()
    }

    /// What has rested may be used again.
    fn settle(&mut self) {
        let now = self.now();
        self.arena.sweep(now);
        while self.resting.front().is_some_and(|(when, ..)| *when <= now) {
            let Some((_, slot, cells)) = self.resting.pop_front() else { break };
            self.resting_cells -= u64::from(cells);
            self.give(slot, cells);
        }
    }

    /// They may be used at once.
    pub(super) fn give(&mut self, slot: u32, cells: u32) {
        self.spare.entry(cells).or_default().insert(slot);
    }

    /// Cells from this one on are nobody's: a child's, in whose segment they were never used.
    pub(super) fn cut(&mut self, end: u32) {
        self.resting.retain(|(_, slot, _)| *slot < end);
        self.resting_cells = self.resting.iter().map(|(.., cells)| u64::from(*cells)).sum();
        self.spare.values_mut().for_each(|slots| slots.retain(|slot| *slot < end));
    }

    /// How many cells nobody can use yet.
    pub(super) fn resting(&mut self) -> u64 {
        self.settle();
        self.resting_cells
    }
}

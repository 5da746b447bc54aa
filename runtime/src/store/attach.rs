//! The cold path: giving a thread its shard, letting the shard grow, and what to do when there is no room.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::registry::{Site, UNASSIGNED};
use crate::segment::format::{CELL, Word};
use crate::segment::shard::{self, Own, Shard, Shared};

use super::fork::{Guard, epoch};
use super::state::Store;
use super::tally::{self, note_dropped};

/// Blocks that the shards of one process may have together; beyond it, threads count in shard 0.
const BUDGET: u64 = 64 << 20;

/// Where an operation may go.
pub(crate) enum Target {
    /// This thread's shard.
    Own(Own),
    /// The process's.
    Shared(Shared),
    /// Nowhere: the series could not be registered, or there is no memory at all. Counted.
    Nowhere,
}

/// Moves when a refusal may have become untrue: a shard was given back, or the process forked.
static CHANGED: AtomicU32 = AtomicU32::new(1);

/// After so many operations that found no room, one asks again; the rest cost an atomic add and not a failing system
/// call each.
const PATIENCE: u32 = 4096;

thread_local! {
    /// Refusals of room in a shard.
    static CELLS: Patience = const { Patience(Cell::new((0, 0, 0))) };
    /// Refusals of new series.
    pub(super) static ROWS: Patience = const { Patience(Cell::new((0, 0, 0))) };
    /// This thread's shard and the fork epoch in which it got it; 0 is none.
    static ATTACHED: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    /// Touched when a shard is given to this thread, so that its destructor runs when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

/// Finds a place for the run of cells from `slot` to `slot + last`, and says which slot that is: a site that has none yet gets
/// one.
#[cold]
#[inline(never)]
pub(crate) fn target(site: Option<&'static Site>, slot: u32, last: u32) -> (u32, Target) {
    // Acquire: the blocks behind a slot are seen by whoever sees the slot.
    let now = |slot| site.map_or(slot, |site| site.load(Ordering::Acquire));
    let slot = now(slot);
    if CELLS.with(Patience::is_refused) {
        return (slot, without_shard(slot, last));
    }
    // `None`: re-entered. This thread is already in here, further up its stack.
    let Some(mut store) = Guard::lock() else { return (slot, without_shard(slot, last)) };
    if !store.is_live() {
        drop(store);
        CELLS.with(Patience::refuse);
        return (slot, without_shard(slot, last));
    }
    if slot >= UNASSIGNED && site.is_some() {
        store.register_new();
    }
    let slot = now(slot);
    let attached = slot < UNASSIGNED && store.attach(slot.saturating_add(last).saturating_add(1));
    drop(store);
    if attached {
        if let Some(own) = shard::own(slot, last) {
            return (slot, Target::Own(own));
        }
    }
    CELLS.with(Patience::refuse);
    (slot, without_shard(slot, last))
}

fn without_shard(slot: u32, last: u32) -> Target {
    shard::shared(slot, last).map_or_else(
        || {
            note_dropped();
            Target::Nowhere
        },
        Target::Shared,
    )
}

/// The value of CHANGED and of the fork epoch when this thread was last refused, and how often it would have asked since.
pub(super) struct Patience(Cell<(u32, u32, u32)>);

impl Patience {
    /// Whether asking again is no use yet.
    pub(super) fn is_refused(&self) -> bool {
        let (changed, forks, times) = self.0.get();
        let now = CHANGED.load(Ordering::Relaxed);
        if (changed, forks) != (now, epoch()) || times >= PATIENCE {
            return false;
        }
        self.0.set((changed, forks, times + 1));
        true
    }

    pub(super) fn refuse(&self) {
        self.0.set((CHANGED.load(Ordering::Relaxed), epoch(), 0));
    }
}

impl Store {
    /// Gives this thread a shard whose first `cells` cells are usable; `false` if there is none to be had.
    fn attach(&mut self, cells: u32) -> bool {
        let Some(memory) = &mut self.memory else { return false };
        tally::publish(memory);
        let (mut number, since) = ATTACHED.get();
        if since != epoch() {
            number = 0;
        }
        let is_new = number == 0;
        if is_new {
            // In a thread that is ending, its thread-locals with destructors are gone: it must not get a shard that
            // nobody would give back.
            if LEAVING.try_with(|_| ()).is_err() {
                return false;
            }
            // So that giving it back, in a thread that is ending, doesn't allocate.
            let needed = self.shards_used as usize + 1;
            self.free.reserve(needed.saturating_sub(self.free.len()));
            number = match self.free.pop() {
                Some(number) => number,
                None if self.shards_used < memory.geometry().shard_cap => self.shards_used,
                None => return false,
            };
        }
        let more = u64::from(cells.saturating_sub(memory.limit(number))) * CELL;
        let grown = if memory.shard_bytes() + more > BUDGET {
            Err(None)
        } else {
            memory.grow_shard(number, cells).map_err(Some)
        };
        let shard = memory.shard(number);
        let usable = grown.is_ok();
        if is_new && number == self.shards_used {
            if !usable {
                return self.note_if_refused(grown);
            }
            self.shards_used += 1;
            memory.word(Word::ShardsUsed).store(u64::from(self.shards_used), Ordering::Release);
        }
        ATTACHED.set((number, epoch()));
        shard::set_own(shard);
        self.note_if_refused(grown)
    }

    fn note_if_refused(&mut self, grown: Result<(), Option<std::io::Error>>) -> bool {
        match grown {
            Ok(()) => true,
            Err(None) => false,
            Err(Some(error)) => {
                self.note_refusal(2, error);
                false
            }
        }
    }
}

/// Gives the shard back when the thread ends.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        // First: from here on this thread records in shard 0, like a destructor that runs after this one.
        shard::set_own(Shard::NONE);
        let (number, since) = ATTACHED.replace((0, 0));
        if number == 0 || since != epoch() {
            return;
        }
        // The mutex orders this thread's last store before the next owner's first load.
        if let Some(mut store) = Guard::lock() {
            // Its values stay.
            store.free.push(number);
            CHANGED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

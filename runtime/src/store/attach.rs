//! The cold path: giving a thread its shard, letting the shard grow, and what to do when there is no room.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use crate::clock;
use crate::fault;
use crate::process::epoch;
use crate::registry::{NEVER, Place, UNASSIGNED};
use crate::segment::format::{CELL, Word};
use crate::segment::shard::{self, Own, Shard, Shared};

use super::fork::{Guard, notice};
use super::state::Store;
use super::waiting::is_waiting;

/// Blocks that the shards of one process may have together; beyond it, threads count in shard 0.
const BUDGET: u64 = 64 << 20;

/// Where an operation may go.
pub(crate) enum Target {
    /// This thread's shard.
    Own(Own),
    /// The process's.
    Shared(Shared),
    /// Nowhere: the series could not be registered, or there is no memory at all. Whoever had something to record counts that; who asked
    /// for a slot only asks again with it.
    Nowhere,
}

/// Moves when a refusal may have become untrue: a shard was given back, or someone looks.
static CHANGED: AtomicU32 = AtomicU32::new(1);

thread_local! {
    /// Refusals of room in a shard.
    static CELLS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// Refusals of new series.
    pub(super) static ROWS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// This thread's shard and the fork epoch in which it got it; 0 is none.
    static ATTACHED: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    /// Touched when a shard is given to this thread, so that its destructor runs when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

/// Finds room for the run of cells from `slot` to `slot + last`, and says which slot that is: the site of a place that has none yet
/// gets one.
#[cold]
#[inline(never)]
pub(crate) fn target(place: Option<Place>, slot: u32, last: u32) -> (u32, Target) {
    notice();
    // Acquire: the blocks behind a slot are seen by whoever sees the slot.
    let now = |slot| place.map_or(slot, |place| place.load(Ordering::Acquire));
    let slot = now(slot);
    if slot >= NEVER {
        return (slot, without_shard(slot, last));
    }
    // What has no slot waits for room for new series, not for room in a shard.
    let waits_for = if slot >= UNASSIGNED { &ROWS } else { &CELLS };
    let Some(asked) = waits_for.with(Patience::ask) else {
        return (slot, without_shard(slot, last));
    };
    // Before the mutex: the first time it registers a destructor, which allocates. In a thread that is ending, whose
    // thread-locals with destructors are gone, it fails: such a thread must not get a shard that nobody would give back.
    let is_staying = LEAVING.try_with(|_| ()).is_ok();
    // `None`: re-entered. This thread is already in here, further up its stack.
    let Some(mut store) = Guard::live() else { return (slot, without_shard(slot, last)) };
    if !store.is_live() {
        drop(store);
        waits_for.with(|patience| patience.refuse(asked));
        return (slot, without_shard(slot, last));
    }
    let slot = match place {
        Some(place) if slot >= UNASSIGNED => {
            store.register_new();
            store.register_early(place.site);
            now(slot)
        }
        None if is_waiting(slot) => match store.register_waiting(slot) {
            Ok(slot) => slot,
            Err(error) => {
                store.note_refusal(3, error);
                slot
            }
        },
        _ => now(slot),
    };
    if slot >= UNASSIGNED {
        drop(store);
        // Only who has asked for room is refused it: what can't be had in any case keeps nobody
        // from
        // asking.
        if place.is_some() || is_waiting(slot) {
            ROWS.with(|patience| patience.refuse(asked));
        }
        return (slot, Target::Nowhere);
    }
    let cells = slot.saturating_add(last).saturating_add(1);
    let attached = store.attach(cells, is_staying);
    drop(store);
    if attached {
        if let Some(own) = shard::own(slot, last) {
            return (slot, Target::Own(own));
        }
    }
    if asked.is_of_another_process() {
        // A signal that waited for the mutex came when it was released, and its handler forked.
        return target(place, slot, last);
    }
    CELLS.with(|patience| patience.refuse(asked));
    (slot, without_shard(slot, last))
}

fn without_shard(slot: u32, last: u32) -> Target {
    shard::shared(slot, last).map_or(Target::Nowhere, Target::Shared)
}

/// When a thread asked for room. In that second, and until something changes, it doesn't ask again:
/// what finds no room then costs an atomic add, and not a failing system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// The value of [`CHANGED`].
    changed: u32,
    /// Of the process that asked. A refusal is not its child's: a child that was forked between the
    /// two dropped what it counted for a second (seen).
    epoch: u32,
    second: u64,
}

impl Asked {
    const NEVER: Self = Self { changed: 0, epoch: 0, second: 0 };

    fn is_of_another_process(self) -> bool {
        self.epoch != epoch()
    }
}

/// When a thread was refused room last.
pub(super) struct Patience(Cell<Asked>);

impl Patience {
    /// `None`: asking again is no use yet.
    pub(super) fn ask(&self) -> Option<Asked> {
        let now = Asked {
            changed: CHANGED.load(Ordering::Relaxed),
            epoch: epoch(),
            second: this_second(),
        };
        (self.0.get() != now).then_some(now)
    }

    pub(super) fn refuse(&self, asked: Asked) {
        self.0.set(asked);
    }
}

/// By the clock that costs no system call, and a few nanoseconds.
fn this_second() -> u64 {
    clock::coarse_seconds()
}

/// What was refused may be had now.
pub(super) fn ask_again() {
    CHANGED.fetch_add(1, Ordering::Relaxed);
}

impl Store {
    /// Gives this thread a shard whose first `cells` cells are usable; `false` if there is none to be had.
    fn attach(&mut self, mut cells: u32, is_staying: bool) -> bool {
        let Some(memory) = &mut self.memory else { return false };
        let (mut number, since) = ATTACHED.get();
        if since != epoch() {
            number = 0;
        }
        let is_new = number == 0;
        if is_new {
            if !is_staying {
                return false;
            }
            // As far as its ancestors': an operation that was interrupted there may have compared
            // with
            // their limit, and takes this shard's base.
            cells = cells.max(shard::inherited());
            if cells > memory.geometry().slot_cap {
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
            let used = u64::from(self.shards_used);
            fault::step!(
                "attach.shards_used",
                memory.word(Word::ShardsUsed).store(used, Ordering::Release)
            );
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
        // In this order: a signal handler that records between the two finds the shard still usable, or can't get it
        // again; from the second on this thread records in shard 0, like a destructor that runs after this one.
        let (number, since) = ATTACHED.replace((0, 0));
        compiler_fence(Ordering::SeqCst);
        shard::set_own(Shard::NONE);
        if number == 0 || since != epoch() {
            return;
        }
        // The mutex orders this thread's last store before the next owner's first load.
        if let Some(mut store) = Guard::lock() {
            // Its values stay.
            store.free.push(number);
            ask_again();
        }
    }
}

//! The slow path of recording: gives a thread its shard, grows the shard, and decides what happens
//! when there is no space.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering, compiler_fence};

use crate::clock;
use crate::declare::registry::{NEVER, Place, UNASSIGNED, cells_of, has_exemplars};
use crate::fault;
use crate::process::epoch;
use crate::segment::format::{CELL, Word};
use crate::segment::shard::{self, Own, Shard, Shared};

use super::fork::notice;
use super::guard::Guard;
use super::own_segment::Stage;
use super::state::Store;
use super::waiting::is_waiting;

/// The maximum size of all shards of one process together. Beyond it, threads count in shard 0.
const BUDGET: u64 = 64 << 20;

/// Where an operation records.
pub(crate) enum Target {
    /// In this thread's shard.
    Own(Own),
    /// In shard 0.
    Shared(Shared),
    /// Nowhere: the series could not be registered, or there is no memory at all. An operation with
    /// something to record counts as dropped; a mere request for a slot is repeated with the next
    /// operation.
    Nowhere,
}

/// Incremented when a refusal may be out of date: a shard was given back, or the process collects.
static CHANGED: AtomicU32 = AtomicU32::new(1);

thread_local! {
    /// Refusals of space in a shard.
    static CELLS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// Refusals of new series.
    pub(super) static ROWS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// Refusals of blocks of native histograms, which are larger than most rows: a row may find
    /// space where a block finds none.
    pub(super) static BLOCKS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// Refusals of places for exemplars.
    pub(super) static EXEMPLARS: Patience = const { Patience(Cell::new(Asked::NEVER)) };
    /// This thread's shard, and the fork epoch in which it got it; 0 is none.
    static ATTACHED: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    /// Touched when this thread gets a shard, so that its destructor runs when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

/// Finds space for the cells from `slot` to `slot + last`, and returns the slot too: a site without
/// a slot is registered first. The slot has the mark of exemplars if it had it, or its site has.
#[cold]
#[inline(never)]
pub(crate) fn target(place: Option<Place>, slot: u32, last: u32) -> (u32, Target) {
    let (found, target) = find(place, slot, last);
    let marked = match place {
        Some(place) if found < UNASSIGNED => place.load(Ordering::Relaxed),
        None if has_exemplars(slot) => slot,
        _ => found,
    };
    (marked, target)
}

/// The same for slots without the mark.
fn find(place: Option<Place>, slot: u32, last: u32) -> (u32, Target) {
    notice();
    // Acquire: a thread that sees a slot sees the blocks behind it.
    let now = |slot| cells_of(place.map_or(slot, |place| place.load(Ordering::Acquire)));
    let slot = now(slot);
    if slot >= NEVER {
        return (slot, without_shard(slot, last));
    }
    // An operation without a slot waits for space for new series, not for space in a shard.
    let waits_for = if slot >= UNASSIGNED { &ROWS } else { &CELLS };
    let Some(asked) = waits_for.with(Patience::ask) else {
        return (slot, without_shard(slot, last));
    };
    // Done before the mutex is taken, because the first time it registers a destructor, which
    // allocates. It fails in a thread that is ending and whose thread-locals with destructors are
    // gone: such a thread must not get a shard, which nothing would give back.
    let is_staying = LEAVING.try_with(|_| ()).is_ok();
    // `None`: a nested call. This thread is already in this function, further up its stack.
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
                store.note_refusal(Stage::Series, error);
                slot
            }
        },
        _ => now(slot),
    };
    if slot >= UNASSIGNED {
        drop(store);
        // A thread is refused space only if it asked for some. A series that can never be
        // registered must not keep the thread from asking for others.
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
        // A signal was pending while the mutex was held, and its handler forked when the mutex was
        // released.
        return find(place, slot, last);
    }
    CELLS.with(|patience| patience.refuse(asked));
    (slot, without_shard(slot, last))
}

/// The number of this thread's shard. Gives the thread one if it has none; `None` if that is
/// impossible.
pub(crate) fn own_shard() -> Option<u32> {
    let _ = target(None, 0, 0);
    let (number, since) = ATTACHED.get();
    (number > 0 && since == epoch()).then_some(number)
}

fn without_shard(slot: u32, last: u32) -> Target {
    shard::shared(slot, last).map_or(Target::Nowhere, Target::Shared)
}

/// When a thread asked for space. In the same second, and until something changes, it doesn't ask
/// again. So an operation that finds no space costs an atomic addition and not a failing system
/// call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// The value of [`CHANGED`].
    changed: u32,
    /// The epoch of the process that asked. A refusal does not hold in its child: without this
    /// check a child that was forked in the same second dropped what it counted for up to a second
    /// (seen).
    epoch: u32,
    second: u64,
}

impl Asked {
    const NEVER: Self = Self { changed: 0, epoch: 0, second: 0 };

    /// Whether cells that rested when it was asked still do, as far as this thread knows: see
    /// [`Churn::rest`](super::churn::Churn::rest). A thread that waited for the mutex for longer
    /// may have a slot that belongs to another row.
    pub(super) fn is_recent(self) -> bool {
        this_second().saturating_sub(self.second) <= 1
    }

    fn is_of_another_process(self) -> bool {
        self.epoch != epoch()
    }
}

/// When a thread was last refused space.
pub(super) struct Patience(Cell<Asked>);

impl Patience {
    /// `None`: it is too early to ask again.
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

/// Uses the clock that costs no system call and only a few nanoseconds.
fn this_second() -> u64 {
    clock::coarse_seconds()
}

/// Space that was refused may be available now.
pub(super) fn ask_again() {
    CHANGED.fetch_add(1, Ordering::Relaxed);
}

impl Store {
    /// Gives this thread a shard whose first `cells` cells are usable; `false` if that is
    /// impossible.
    fn attach(&mut self, mut cells: u32, is_staying: bool) -> bool {
        let Some(memory) = &mut self.segment.memory else { return false };
        let (mut number, since) = ATTACHED.get();
        if since != epoch() {
            number = 0;
        }
        let is_new = number == 0;
        if is_new {
            if !is_staying {
                return false;
            }
            // At least as large as its ancestors' shards: an operation that was interrupted there
            // may have compared with their limit, and takes this shard's base.
            cells = cells.max(shard::inherited());
            if cells > memory.geometry().slot_cap {
                return false;
            }
            let Some(free) = self.shards.take(memory.geometry().shard_cap) else { return false };
            number = free;
        }
        let more = u64::from(cells.saturating_sub(memory.limit(number))) * CELL;
        let grown = if memory.shard_bytes() + more > BUDGET {
            Err(None)
        } else {
            memory.grow_shard(number, cells).map_err(Some)
        };
        let shard = memory.shard(number);
        let usable = grown.is_ok();
        if is_new && self.shards.is_new(number) {
            if !usable {
                return self.note_if_refused(grown);
            }
            let used = u64::from(self.shards.add());
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
                self.note_refusal(Stage::Shard, error);
                false
            }
        }
    }
}

/// Gives the shard back when the thread ends.
struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        // The order matters. A signal handler that records between the two either finds the shard
        // still usable, or can't attach it again. After the second, this thread records in shard 0,
        // and so does a destructor that runs later.
        let (number, since) = ATTACHED.replace((0, 0));
        compiler_fence(Ordering::SeqCst);
        shard::set_own(Shard::NONE);
        if number == 0 || since != epoch() {
            return;
        }
        // The mutex orders this thread's last store before the next owner's first load.
        if let Some(mut store) = Guard::lock() {
            store.shards.give_back(number);
            ask_again();
        }
    }
}

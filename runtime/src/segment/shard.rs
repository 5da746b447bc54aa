//! The hot path: the cells of one thread, and those of the process.
//!
//! ```text
//! let shard = this thread's { base, limit };      two thread-local words, never null if limit > 0
//! if slot < shard.limit { *(base + slot) += n }   plain load, add, store: no other writer
//! else                  { slow path }             not attached, not registered, no blocks, shard 0
//! ```
//!
//! One compare answers four questions, because everything that can't be recorded here has a slot
//! above every limit, or a limit below every slot. An operation on several cells compares its last
//! one.
//!
//! Atomic read-modify-write operations are too expensive: 5 ns each in a single thread and 12 to 15
//! ns with a second thread on the same cache line, against 0.3 ns. Forks need no check here (no
//! `getpid`, no generation number): the fork handler sets this thread's limit to 0, and no other
//! thread exists in the child.
//!
//! What runs for each operation is `inline(always)`, here and in the layers above. In a user's dev
//! build this library has no optimisation either, and then any other function is a call.
#![expect(unsafe_code, reason = "turns a checked slot into a reference")]
#![expect(clippy::inline_always, reason = "without optimisation nothing else is inlined")]

use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence};

use crate::model::cells::BLOCK;
use crate::process::relaxed;

use super::wiped;

/// A row of cells with allocated blocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    base: *const AtomicU64,
    limit: u32,
}

impl Shard {
    pub(crate) const NONE: Self = Self { base: core::ptr::null(), limit: 0 };

    /// # Safety
    ///
    /// From `first` on, `limit` cells are valid for ever, accessed by atomics only; and `first` may
    /// be used to reach all of them: a pointer made of a reference to one cell may not.
    pub(crate) unsafe fn new(first: *const AtomicU64, limit: u32) -> Self {
        Self { base: first, limit }
    }

    /// Whether all cells from `slot` to `slot + last` are usable.
    ///
    /// Both may have any value, because generated code passes slots and its interface is public.
    #[inline(always)]
    fn has(self, slot: u32, last: u32) -> bool {
        u64::from(slot) + u64::from(last) < u64::from(self.limit)
    }

    /// These cells, if all of them are usable.
    #[inline]
    fn run(self, slot: u32, last: u32) -> Option<Run> {
        // SAFETY: it has them.
        self.has(slot, last).then(|| unsafe { self.run_of(slot, last) })
    }

    /// # Safety
    ///
    /// The shard [`has`](Self::has) these cells.
    #[inline(always)]
    unsafe fn run_of(self, slot: u32, last: u32) -> Run {
        // SAFETY: `slot <= slot + last < limit`, and `new` was promised `limit` valid cells at
        // `base`.
        Run { first: unsafe { self.base.add(slot as usize) }, last }
    }

    /// The cells of a block that has this slot, or none if the slot is 0.
    #[inline]
    fn block(self, slot: u32) -> Option<Run> {
        // One compare for both: a slot before 0 is above every limit.
        let before = self.run(slot.wrapping_sub(1), BLOCK)?;
        // SAFETY: `run` has checked the cells from one before the block to its last one.
        Some(Run { first: unsafe { before.first.add(1) }, last: BLOCK - 1 })
    }
}

/// The cells of one series, or of one function.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: *const AtomicU64,
    last: u32,
}

impl Run {
    /// The number of cells before it in the shard that begins at `base`. If the shard is another
    /// one by now, after a fork in a signal handler, any number.
    #[expect(clippy::cast_possible_truncation, reason = "slots are below 2^24")]
    fn slot_behind(&self, base: *const AtomicU64) -> u32 {
        (self.first.addr().wrapping_sub(base.addr()) / size_of::<AtomicU64>()) as u32
    }

    /// The address of a cell, which is valid for ever and accessed by atomics only.
    #[inline(always)]
    fn address(&self, offset: u32) -> *const AtomicU64 {
        // The clamp never changes a valid offset, and the compiler removes it where it can see
        // that.
        let offset = if offset < self.last { offset } else { self.last };
        // SAFETY: `Shard::run` checked all cells up to `last`.
        unsafe { self.first.add(offset as usize) }
    }

    #[inline(always)]
    fn cell(&self, offset: u32) -> &AtomicU64 {
        // SAFETY: valid for ever and accessed by atomics only, as `Shard::new` was promised.
        unsafe { &*self.address(offset) }
    }
}

/// Operations on a run of cells, for its only writer or for any thread.
pub(crate) trait Cells {
    /// Adds to the cell, modulo 2^64.
    fn add(&self, offset: u32, n: u64);
    /// Adds to the cell and returns whether it passed 2^64.
    fn add_carrying(&self, offset: u32, n: u64) -> bool;
    /// Adds to a cell that holds the bits of an `f64`.
    fn add_f64(&self, offset: u32, n: f64);
    /// Adds one to a cell of block number `number`, if these cells say where it is: from `map` on
    /// they hold the slots of blocks, two in each cell.
    fn add_in_block(&self, map: u32, number: u32, offset: u32) -> bool;
    /// The slot of a block, or 0.
    fn block(&self, map: u32, number: u32) -> u32;
    /// Sets the slot of a block. Whoever sets it sets it to the same one.
    fn set_block(&self, map: u32, number: u32, slot: u32);
    /// The slot of the first cell.
    fn slot(&self) -> u32;
}

/// Where in its cell the slot of a block begins.
#[inline]
fn half(number: u32) -> u32 {
    number % 2 * u32::BITS
}

/// Cells of this thread's own shard.
#[derive(Clone, Copy)]
pub(crate) struct Own {
    run: Run,
    shard: Shard,
}

impl Cells for Own {
    #[inline(always)]
    fn add(&self, offset: u32, n: u64) {
        // SAFETY: valid, accessed by atomics only, and this thread is its only writer.
        unsafe { relaxed::add(self.run.address(offset), n) }
    }

    #[inline(always)]
    fn add_carrying(&self, offset: u32, n: u64) -> bool {
        // SAFETY: as above.
        unsafe { relaxed::add_carrying(self.run.address(offset), n) }
    }

    #[inline(always)]
    fn add_f64(&self, offset: u32, n: f64) {
        let cell = self.run.cell(offset);
        let sum = f64::from_bits(cell.load(Ordering::Relaxed)) + n;
        cell.store(sum.to_bits(), Ordering::Relaxed);
    }

    #[inline]
    fn add_in_block(&self, map: u32, number: u32, offset: u32) -> bool {
        // In the shard that was checked: if a signal handler has forked since, what this thread
        // adds is the parent's, as with every other cell.
        let Some(block) = self.shard.block(self.block(map, number)) else { return false };
        // SAFETY: as above.
        unsafe { relaxed::add(block.address(offset), 1) }
        true
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a half")]
    fn block(&self, map: u32, number: u32) -> u32 {
        (self.run.cell(map + number / 2).load(Ordering::Relaxed) >> half(number)) as u32
    }

    fn set_block(&self, map: u32, number: u32, slot: u32) {
        let cell = self.run.cell(map + number / 2);
        let both = cell.load(Ordering::Relaxed) | u64::from(slot) << half(number);
        cell.store(both, Ordering::Relaxed);
    }

    fn slot(&self) -> u32 {
        self.run.slot_behind(self.shard.base)
    }
}

/// Cells of shard 0.
#[derive(Clone, Copy)]
pub(crate) struct Shared(Run);

impl Shared {
    /// One cell, for gauges, whose only cells are in shard 0.
    #[inline]
    pub(crate) fn cell(&self, offset: u32) -> &AtomicU64 {
        self.0.cell(offset)
    }
}

impl Cells for Shared {
    fn add(&self, offset: u32, n: u64) {
        self.0.cell(offset).fetch_add(n, Ordering::Relaxed);
    }

    fn add_carrying(&self, offset: u32, n: u64) -> bool {
        self.0.cell(offset).fetch_add(n, Ordering::Relaxed).checked_add(n).is_none()
    }

    fn add_f64(&self, offset: u32, n: f64) {
        update(self.0.cell(offset), |bits| (f64::from_bits(bits) + n).to_bits());
    }

    fn add_in_block(&self, map: u32, number: u32, offset: u32) -> bool {
        let Some(slot) = self.block(map, number).checked_sub(1) else { return false };
        let Some(before) = shared(slot, BLOCK) else { return false };
        before.add(1 + offset, 1);
        true
    }

    #[expect(clippy::cast_possible_truncation, reason = "a half")]
    fn block(&self, map: u32, number: u32) -> u32 {
        (self.0.cell(map + number / 2).load(Ordering::Relaxed) >> half(number)) as u32
    }

    fn set_block(&self, map: u32, number: u32, slot: u32) {
        let slot = u64::from(slot) << half(number);
        self.0.cell(map + number / 2).fetch_or(slot, Ordering::Relaxed);
    }

    fn slot(&self) -> u32 {
        self.0.slot_behind(PROCESS_BASE.load(Ordering::Relaxed).cast_const())
    }
}

/// Replaces the value by a function of itself, correctly under concurrent changes by other threads.
#[inline]
pub(crate) fn update(cell: &AtomicU64, change: impl Fn(u64) -> u64) {
    let mut seen = cell.load(Ordering::Relaxed);
    while let Err(now) =
        cell.compare_exchange_weak(seen, change(seen), Ordering::Relaxed, Ordering::Relaxed)
    {
        seen = now;
    }
}

/// A thread's shard.
struct Mine {
    base: Cell<*const AtomicU64>,
    /// 0 while the thread may not write there.
    limit: Cell<u32>,
    /// The limit to restore when it may.
    given: Cell<u32>,
    /// The highest limit that this thread had in the processes this one descends from. An operation
    /// that a signal handler interrupted there may have compared with that limit, and loads the
    /// base next.
    inherited: Cell<u32>,
}

thread_local! {
    // Without a destructor a read takes two instructions, and works in a thread that is ending.
    static MINE: Mine = const {
        Mine {
            base: Cell::new(core::ptr::null()),
            limit: Cell::new(0),
            given: Cell::new(0),
            inherited: Cell::new(0),
        }
    };
}

/// This thread's cells from `slot` to `slot + last`, if it can write them right now.
#[inline(always)]
pub(crate) fn own(slot: u32, last: u32) -> Option<Own> {
    // The closure returns no more than a pointer, which passes through the standard library's
    // functions in a register. There is always one, since there is no destructor.
    let Ok(mine) = MINE.try_with(|mine| &raw const *mine) else { return None };
    // SAFETY: this thread's, which lives as long as the thread.
    let mine = unsafe { &*mine };
    let limit = mine.limit.get();
    // The limit is loaded first. A signal handler may run in between, and give this thread its
    // shard, or fork. So a base is stored before its limit, and a child's shard is at least as
    // large as any limit of its ancestors.
    relaxed::fence();
    let shard = Shard { base: mine.base.get(), limit };
    if !shard.has(slot, last) {
        return None;
    }
    // SAFETY: it has them.
    Some(Own { run: unsafe { shard.run_of(slot, last) }, shard })
}

/// Gives the calling thread a shard, or takes it away.
pub(crate) fn set_own(shard: Shard) {
    MINE.with(|mine| {
        if shard.limit == 0 {
            mine.limit.set(0);
            compiler_fence(Ordering::SeqCst);
            mine.given.set(0);
            return;
        }
        mine.base.set(shard.base);
        compiler_fence(Ordering::SeqCst);
        mine.given.set(shard.limit);
        mine.limit.set(shard.limit);
    });
}

/// A number that most threads do not share with others.
pub(crate) fn number_of_thread() -> u32 {
    // The storage of different threads is a multiple of pages apart, so the low bits say nothing.
    let address = MINE.with(|mine| core::ptr::from_ref(mine).addr() as u64 >> 6);
    (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The minimum number of cells of this thread's first shard in this process.
pub(crate) fn inherited() -> u32 {
    MINE.with(|mine| mine.inherited.get())
}

/// For the fork handlers: until [`resume`], this thread records on the slow path. In the child,
/// other libraries' handlers may run before ours, and would record in the cells of the parent's
/// thread.
pub(crate) fn pause() {
    MINE.with(|mine| mine.limit.set(0));
}

/// For the fork handlers, in the parent.
pub(crate) fn resume() {
    MINE.with(|mine| mine.limit.set(mine.given.get()));
}

/// Shard 0, which every thread can use.
static PROCESS_BASE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());
/// The highest limit that it had. The limit itself is in a page that a child finds zeroed: see
/// [`wiped`].
static PROCESS_GIVEN: AtomicU32 = AtomicU32::new(0);

/// The process's cells from `slot` to `slot + last`, if they are registered.
#[inline]
pub(crate) fn shared(slot: u32, last: u32) -> Option<Shared> {
    // Acquire: the base was stored before any limit above 0. By now it may be the base of a child's
    // shard, which is at least as large.
    let limit = wiped::PAGE.limit.load(Ordering::Acquire);
    let base = PROCESS_BASE.load(Ordering::Relaxed).cast_const();
    Shard { base, limit }.run(slot, last).map(Shared)
}

/// Publishes shard 0. Its base stays the same for the life of a process.
pub(crate) fn set_process(shard: Shard) {
    PROCESS_BASE.store(shard.base.cast_mut(), Ordering::Relaxed);
    PROCESS_GIVEN.fetch_max(shard.limit, Ordering::Relaxed);
    wiped::PAGE.limit.store(shard.limit, Ordering::Release);
}

/// The minimum number of cells of shard 0: as many as it had in any process that this one descends
/// from.
pub(crate) fn process_inherited() -> u32 {
    PROCESS_GIVEN.load(Ordering::Relaxed)
}

/// For the fork handler: the cells that the interrupted operation may be about to write, as
/// addresses and lengths in bytes.
pub(crate) fn reachable() -> [(usize, usize); 2] {
    let own = MINE.with(|mine| Shard { base: mine.base.get(), limit: mine.given.get() });
    let process = Shard {
        base: PROCESS_BASE.load(Ordering::Relaxed).cast_const(),
        limit: PROCESS_GIVEN.load(Ordering::Relaxed),
    };
    [own, process].map(|shard| (shard.base as usize, shard.limit as usize * size_of::<AtomicU64>()))
}

/// For the fork handler: from now on this thread reaches none of the parent's cells.
pub(crate) fn forget_all() {
    // The bases stay: an interrupted operation may have compared with the limit already, and loads
    // the base next.
    MINE.with(|mine| {
        mine.limit.set(0);
        mine.inherited.set(mine.inherited.get().max(mine.given.replace(0)));
    });
    wiped::PAGE.limit.store(0, Ordering::Relaxed);
}

//! The hot path: one thread's row of cells, and the process's.
//!
//! ```text
//! let shard = this thread's { base, limit };          two thread-local words, never null where limit > 0
//! if slot < shard.limit { *(base + slot) += n }       plain load, add, store: nobody else writes this cell
//! else                  { cold }                      not attached, not registered, no blocks yet, or shard 0
//! ```
//!
//! One compare answers four questions, because everything that can't be recorded right here has a slot above every limit
//! or a limit below every slot. A run of cells compares its last one.
//!
//! Why not atomic read-modify-write: 5 ns each alone, 12 to 15 with a second thread on the same line, against 0.3. Why not
//! `getpid` or a generation check for forks: the fork handler sets this thread's limit to 0, and no other thread lives on.
#![expect(unsafe_code, reason = "turns a checked slot into a reference")]

use core::cell::Cell;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// A row of cells with blocks behind them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    base: *const AtomicU64,
    limit: u32,
}

impl Shard {
    pub(crate) const NONE: Self = Self { base: core::ptr::null(), limit: 0 };

    /// # Safety
    ///
    /// From `first` on, `limit` cells are valid for ever, accessed by atomics only; and `first` may be used to reach all of them: a
    /// pointer made of a reference to one cell may not.
    pub(crate) unsafe fn new(first: *const AtomicU64, limit: u32) -> Self {
        Self { base: first, limit }
    }

    /// The cells from `slot` to `slot + last`, if all of them are usable.
    ///
    /// Both may be anything: generated code passes slots, and its door stands open.
    #[inline]
    fn run(self, slot: u32, last: u32) -> Option<Run> {
        if u64::from(slot) + u64::from(last) < u64::from(self.limit) {
            // SAFETY: `slot <= slot + last < limit`, and `new` was promised `limit` valid cells at `base`.
            Some(Run { first: unsafe { self.base.add(slot as usize) }, last })
        } else {
            None
        }
    }
}

/// Cells that belong to one series, or to one function.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: *const AtomicU64,
    last: u32,
}

impl Run {
    #[inline]
    fn cell(&self, offset: u32) -> &AtomicU64 {
        // The clamp never changes an offset that is right, and folds away where the compiler sees that.
        let offset = offset.min(self.last) as usize;
        // SAFETY: `Shard::run` checked all cells up to `last`.
        let cell = unsafe { self.first.add(offset) };
        // SAFETY: valid for ever and accessed by atomics only, as `Shard::new` was promised.
        unsafe { &*cell }
    }
}

/// What can be done to a run of cells, by its only writer or by anyone.
pub(crate) trait Cells {
    /// Adds to the cell, modulo 2^64.
    fn add(&self, offset: u32, n: u64);
    /// Adds to the cell and says whether it passed 2^64.
    fn add_carrying(&self, offset: u32, n: u64) -> bool;
    /// Adds to a cell that holds the bits of an `f64`.
    fn add_f64(&self, offset: u32, n: f64);
}

/// Cells of this thread's own shard.
pub(crate) struct Own(Run);

impl Cells for Own {
    #[inline]
    fn add(&self, offset: u32, n: u64) {
        let cell = self.0.cell(offset);
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    #[inline]
    fn add_carrying(&self, offset: u32, n: u64) -> bool {
        let cell = self.0.cell(offset);
        let (sum, carry) = cell.load(Ordering::Relaxed).overflowing_add(n);
        cell.store(sum, Ordering::Relaxed);
        carry
    }

    #[inline]
    fn add_f64(&self, offset: u32, n: f64) {
        let cell = self.0.cell(offset);
        let sum = f64::from_bits(cell.load(Ordering::Relaxed)) + n;
        cell.store(sum.to_bits(), Ordering::Relaxed);
    }
}

/// Cells of shard 0.
pub(crate) struct Shared(Run);

impl Shared {
    /// One of them, for gauges, which have no others.
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
}

/// Replaces the value by a function of itself, whatever other threads do meanwhile.
#[inline]
pub(crate) fn update(cell: &AtomicU64, change: impl Fn(u64) -> u64) {
    let mut seen = cell.load(Ordering::Relaxed);
    while let Err(now) =
        cell.compare_exchange_weak(seen, change(seen), Ordering::Relaxed, Ordering::Relaxed)
    {
        seen = now;
    }
}

thread_local! {
    // No destructor, so that reading it is two instructions and works in a thread that is ending.
    static SHARD: Cell<Shard> = const { Cell::new(Shard::NONE) };
}

/// This thread's cells from `slot` to `slot + last`, if it can write them right now.
#[inline]
pub(crate) fn own(slot: u32, last: u32) -> Option<Own> {
    SHARD.get().run(slot, last).map(Own)
}

pub(crate) fn set_own(shard: Shard) {
    SHARD.set(shard);
}

/// Shard 0, which every thread reaches.
static PROCESS_BASE: AtomicPtr<AtomicU64> = AtomicPtr::new(core::ptr::null_mut());
static PROCESS_LIMIT: AtomicU32 = AtomicU32::new(0);

/// The process's cells from `slot` to `slot + last`, if they are registered.
#[inline]
pub(crate) fn shared(slot: u32, last: u32) -> Option<Shared> {
    // Acquire: the base was stored before any limit above 0.
    let limit = PROCESS_LIMIT.load(Ordering::Acquire);
    let base = PROCESS_BASE.load(Ordering::Relaxed).cast_const();
    Shard { base, limit }.run(slot, last).map(Shared)
}

/// Publishes shard 0. Its base is the same for the life of a process and its children, unless the geometry changed in a
/// forked child, which has one thread then.
pub(crate) fn set_process(shard: Shard) {
    PROCESS_BASE.store(shard.base.cast_mut(), Ordering::Relaxed);
    PROCESS_LIMIT.store(shard.limit, Ordering::Release);
}

/// For the fork handler: the cells that an operation which it interrupted may be about to write, as addresses and lengths in bytes.
pub(crate) fn reachable() -> [(usize, usize); 2] {
    let own = SHARD.get();
    let process = Shard {
        base: PROCESS_BASE.load(Ordering::Relaxed).cast_const(),
        limit: PROCESS_LIMIT.load(Ordering::Relaxed),
    };
    [own, process].map(|shard| (shard.base as usize, shard.limit as usize * size_of::<AtomicU64>()))
}

/// For the fork handler: nothing of the parent's can be reached from this thread any more.
pub(crate) fn forget_all() {
    // The base stays: an operation that was interrupted may have compared with the limit already, and loads the base next.
    SHARD.set(Shard { limit: 0, ..SHARD.get() });
    PROCESS_LIMIT.store(0, Ordering::Relaxed);
}

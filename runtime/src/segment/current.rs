//! This process's segment as a fork handler can see it: one that interrupted an operation which holds the store.
#![expect(unsafe_code, reason = "a descriptor by its number, and a word by its address")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::fstat;
use rustix::mm::MprotectFlags;

use super::format::{LOG_OFF, Word};
use super::mapping::{Backing, Region};
use crate::fault;

type Held = [(AtomicUsize, AtomicUsize); 3];

#[expect(clippy::declare_interior_mutable_const, reason = "what statics begin with")]
const NONE_HELD: Held = [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; 3];

/// What operations that were interrupted in this process's ancestors may be about to write. None of
/// it
/// is ever counted. The newest is at [`PARKED_NEXT`]` - 1`; what is older than all these is
/// unmapped.
static PARKED: [Held; GENERATIONS] = [NONE_HELD; GENERATIONS];
static PARKED_NEXT: AtomicUsize = AtomicUsize::new(0);
/// So many processes deep may one interrupted operation be forked and still be returned into.
const GENERATIONS: usize = 16;

struct Current {
    base: AtomicPtr<u8>,
    len: AtomicUsize,
    /// Whether a file of this process's is behind them, or may be.
    is_mapped: AtomicBool,
    /// What of them stays accessible once they are let go of, as address and length in bytes.
    held: Held,
    /// How far the head may be written: ahead of what is usable, for who is just making more of it so.
    reach: AtomicU64,
    /// How far it is usable; 0 until there is a segment.
    head: AtomicU64,
    fd: AtomicI32,
    device: AtomicU64,
    inode: AtomicU64,
}

static CURRENT: Current = Current {
    base: AtomicPtr::new(core::ptr::null_mut()),
    len: AtomicUsize::new(0),
    is_mapped: AtomicBool::new(false),
    held: NONE_HELD,
    reach: AtomicU64::new(0),
    head: AtomicU64::new(0),
    fd: AtomicI32::new(-1),
    device: AtomicU64::new(0),
    inode: AtomicU64::new(0),
};

impl Current {
    fn region(&self) -> Option<Region> {
        let base = NonNull::new(self.base.load(Ordering::Relaxed))?;
        Some(Region { base, len: self.len.load(Ordering::Relaxed) })
    }

    /// The descriptor, if its number still is the segment's.
    fn take_fd(&self) -> Option<OwnedFd> {
        let fd = self.fd.swap(-1, Ordering::Relaxed);
        if fd < 0 {
            return None;
        }
        // SAFETY: not -1, and borrowed for the `fstat` only. If the number is no descriptor any more that fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let stat = fstat(borrowed).ok()?;
        let ours = stat.st_dev == self.device.load(Ordering::Relaxed)
            && stat.st_ino == self.inode.load(Ordering::Relaxed);
        // SAFETY: the number is our file's, in this child, whose store will find it closed and leave it alone.
        ours.then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// A segment is being made in this file. Before it is locked, so that no child can keep the lock.
pub(super) fn begin(backing: &Backing) {
    CURRENT.device.store(backing.device, Ordering::Relaxed);
    CURRENT.inode.store(backing.inode, Ordering::Relaxed);
    CURRENT.fd.store(backing.fd.as_ref().map_or(-1, |fd| fd.as_raw_fd()), Ordering::Relaxed);
}

/// It lies at these addresses.
pub(super) fn place(region: Region) {
    let base = region.base.as_ptr();
    if CURRENT.base.load(Ordering::Relaxed) != base {
        store_held(&CURRENT.held, [(0, 0); 3]);
    }
    CURRENT.len.store(region.len, Ordering::Relaxed);
    CURRENT.base.store(base, Ordering::Relaxed);
    CURRENT.is_mapped.store(true, Ordering::Relaxed);
}

fn store_held(held: &Held, ranges: [(usize, usize); 3]) {
    for ((at, len), range) in held.iter().zip(ranges) {
        at.store(range.0, Ordering::Relaxed);
        len.store(range.1, Ordering::Relaxed);
    }
}

fn load_held(held: &Held) -> [(usize, usize); 3] {
    held.each_ref().map(|(at, len)| (at.load(Ordering::Relaxed), len.load(Ordering::Relaxed)))
}

/// The head is about to be usable, and written, up to here.
pub(super) fn reach(head: u64) {
    CURRENT.reach.store(head, Ordering::Relaxed);
}

/// The process counts there from now on.
pub(super) fn make(region: Region, head: u64) {
    place(region);
    // Release: `word` believes the base where this isn't 0.
    CURRENT.head.store(head, Ordering::Release);
}

/// For the fork handler: lets go of the parent's segment, of descriptor and mapping both, since either would keep the parent's lock.
/// What an interrupted operation may be about to touch (the head, and the cells given as address and length) stays accessible, as
/// private memory; the rest does not, and so costs nothing under `mlockall`. System calls, nothing else.
///
/// Never unlocks: that would unlock the parent's.
pub(crate) fn let_go(cells: [(usize, usize); 2]) {
    fault::step!("fork.close", drop(CURRENT.take_fd()));
    let Some(region) = CURRENT.region() else { return };
    // Else there is nothing of this process's, and what is accessible is an ancestor's, to which an
    // operation may still return.
    if !CURRENT.is_mapped.swap(false, Ordering::Relaxed) {
        return;
    }
    let replaced = region.replace_by_private();
    let base = region.base.as_ptr() as usize;
    // Until there is a new segment nobody finds a word in it.
    CURRENT.head.store(0, Ordering::Relaxed);
    let head = usize::try_from(CURRENT.reach.swap(0, Ordering::Relaxed)).unwrap_or(0);
    if replaced.is_err() {
        return;
    }
    let ranges = [(base, head), cells[0], cells[1]].map(|(at, len)| {
        let inside = at.checked_sub(base).filter(|start| start + len <= region.len && len > 0);
        inside.map_or((0, 0), |start| {
            let _ = region.protect(start..start + len, MprotectFlags::READ | MprotectFlags::WRITE);
            (at, len)
        })
    });
    store_held(&CURRENT.held, ranges);
}

/// Once a child makes a segment of its own: its parent's addresses are given back, but for what an
/// interrupted operation may be about to write. The new segment goes elsewhere: what such an
/// operation
/// stores is computed from its parent's values, and must never be counted.
///
/// Under the store's mutex.
pub(crate) fn park(cells: [(usize, usize); 2]) {
    if CURRENT.is_mapped.load(Ordering::Relaxed) {
        // Forked from inside the making of a segment, by an allocator.
        let_go(cells);
    }
    let Some(region) = CURRENT.region() else { return };
    CURRENT.base.store(core::ptr::null_mut(), Ordering::Relaxed);
    CURRENT.len.store(0, Ordering::Relaxed);
    let held = load_held(&CURRENT.held);
    store_held(&CURRENT.held, [(0, 0); 3]);
    region.give_back_all_but(held);
    if held.iter().all(|(_, len)| *len == 0) {
        return;
    }
    let next = PARKED_NEXT.fetch_add(1, Ordering::Relaxed);
    let Some(place) = PARKED.get(next % GENERATIONS) else { return };
    for (at, len) in load_held(place) {
        Region::give_back(at, len);
    }
    store_held(place, held);
}

/// A word of this process's segment, without the store.
pub(crate) fn word(word: Word) -> Option<&'static AtomicU64> {
    loop {
        let region = CURRENT.region();
        if CURRENT.head.load(Ordering::Acquire) < LOG_OFF {
            return None;
        }
        let again = CURRENT.region();
        if region.map(|region| region.base) == again.map(|region| region.base) {
            // SAFETY: in the second page, below the head of the segment at these addresses, which
            // is
            // accessible in every segment; and if a signal handler forked meanwhile, after
            // `let_go`.
            return again.map(|region| unsafe { region.word(word.offset()) });
        }
    }
}

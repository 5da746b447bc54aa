//! This process's segment in static atomics, where a fork handler can read it without the store: a
//! signal handler may have forked inside an operation that holds the store's mutex.
#![expect(unsafe_code, reason = "a descriptor by its number, and a word by its address")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use crate::fault;
use crate::kernel::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use crate::kernel::fs::fstat;
use crate::kernel::mm::MprotectFlags;

use super::format::{LOG_OFF, Word};
use super::mapping::{Backing, Region};

type Held = [(AtomicUsize, AtomicUsize); 3];

#[expect(clippy::declare_interior_mutable_const, reason = "what statics begin with")]
const NONE_HELD: Held = [const { (AtomicUsize::new(0), AtomicUsize::new(0)) }; 3];

/// Memory that operations interrupted in this process's ancestors may still write. Nothing written
/// there is ever counted. The newest entry is at [`PARKED_NEXT`]` - 1`; anything older than all
/// entries is unmapped.
static PARKED: [Held; GENERATIONS] = [NONE_HELD; GENERATIONS];
static PARKED_NEXT: AtomicUsize = AtomicUsize::new(0);
/// The number of nested forks out of one interrupted operation after which the operation can still
/// be returned to.
const GENERATIONS: usize = 16;

struct Current {
    base: AtomicPtr<u8>,
    len: AtomicUsize,
    /// Whether a file of this process is mapped at these addresses, or may be.
    is_mapped: AtomicBool,
    /// The ranges, as address and length in bytes, that stay accessible once the addresses are let
    /// go of.
    held: Held,
    /// The end of the part of the head that may be written. While the head grows it is ahead of
    /// `head`, so that the part which is becoming usable is included.
    reach: AtomicU64,
    /// The end of the usable part of the head; 0 until there is a segment.
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

    /// The descriptor, if its number still refers to the segment's file.
    fn take_fd(&self) -> Option<OwnedFd> {
        let fd = self.fd.swap(-1, Ordering::Relaxed);
        if fd < 0 {
            return None;
        }
        // SAFETY: not -1, and borrowed for the `fstat` only. If the number is no descriptor any
        // more that fails.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let stat = fstat(borrowed).ok()?;
        let ours = stat.st_dev == self.device.load(Ordering::Relaxed)
            && stat.st_ino == self.inode.load(Ordering::Relaxed);
        // SAFETY: the number is our file's, in this child, whose store will find it closed and
        // leave it alone.
        ours.then(|| unsafe { OwnedFd::from_raw_fd(fd) })
    }
}

/// A segment is about to be made in this file. Called before the file is locked, so that no child
/// can keep the lock.
pub(super) fn begin(backing: &Backing) {
    CURRENT.device.store(backing.device, Ordering::Relaxed);
    CURRENT.inode.store(backing.inode, Ordering::Relaxed);
    CURRENT.fd.store(backing.fd.as_ref().map_or(-1, |fd| fd.as_raw_fd()), Ordering::Relaxed);
}

/// The segment is mapped at these addresses.
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

/// The head is about to become usable, and to be written, up to this offset.
pub(super) fn reach(head: u64) {
    CURRENT.reach.store(head, Ordering::Relaxed);
}

/// From now on the process counts in this segment.
pub(super) fn make(region: Region, head: u64) {
    place(region);
    // Release: `word` trusts the base if this is not 0.
    CURRENT.head.store(head, Ordering::Release);
}

/// For the fork handler: gives up the parent's segment, both its descriptor and its mapping, since
/// either would keep the parent's lock. The parts that an interrupted operation may be about to
/// write (the head, and the given cells, as address and length) stay accessible as private memory.
/// The rest becomes inaccessible, so that it costs nothing under `mlockall`. Only system calls are
/// made.
///
/// The lock is never released here: that would release the parent's lock.
/// Never unlocks: that would unlock the parent's.
pub(crate) fn let_go(cells: [(usize, usize); 2]) {
    fault::step!("fork.close", drop(CURRENT.take_fd()));
    let Some(region) = CURRENT.region() else { return };
    // Otherwise this process has no mapping of its own. What is accessible belongs to an ancestor,
    // and an interrupted operation may still return there.
    if !CURRENT.is_mapped.swap(false, Ordering::Relaxed) {
        return;
    }
    let replaced = region.replace_by_private();
    let base = region.base.as_ptr() as usize;
    // Until there is a new segment, `word` finds nothing.
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

/// Called when a child makes a segment of its own: unmaps the parent's addresses, except the ranges
/// that an interrupted operation may be about to write. The new segment is mapped elsewhere: such
/// an operation stores values that it computed from its parent's counts, and these must never be
/// counted.
///
/// Called under the store's mutex.
pub(crate) fn park(cells: [(usize, usize); 2]) {
    if CURRENT.is_mapped.load(Ordering::Relaxed) {
        // An allocator forked while a segment was being made.
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

/// A word of this process's segment, read without the store.
pub(crate) fn word(word: Word) -> Option<&'static AtomicU64> {
    loop {
        let region = CURRENT.region();
        if CURRENT.head.load(Ordering::Acquire) < LOG_OFF {
            return None;
        }
        let again = CURRENT.region();
        if region.map(|region| region.base) == again.map(|region| region.base) {
            // SAFETY: in the second page, below the head of the segment at these addresses, which
            // is accessible in every segment; and if a signal handler forked meanwhile, after
            // `let_go`.
            return again.map(|region| unsafe { region.word(word.offset()) });
        }
    }
}

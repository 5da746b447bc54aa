//! This process's segment as a fork handler can see it: one that interrupted an operation which holds the store.
#![expect(unsafe_code, reason = "a descriptor by its number, and a word by its address")]

use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use rustix::fs::fstat;
use rustix::mm::MprotectFlags;

use super::format::{LOG_OFF, Word};
use super::mapping::{Backing, Region};
use crate::fault;

struct Current {
    base: AtomicPtr<u8>,
    len: AtomicUsize,
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
    CURRENT.len.store(region.len, Ordering::Relaxed);
    CURRENT.base.store(region.base.as_ptr(), Ordering::Relaxed);
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
    let replaced = region.replace_by_private();
    let base = region.base.as_ptr() as usize;
    // Until there is a new segment nobody finds a word in it.
    CURRENT.head.store(0, Ordering::Relaxed);
    let head = usize::try_from(CURRENT.reach.swap(0, Ordering::Relaxed)).unwrap_or(0);
    if replaced.is_err() {
        return;
    }
    for (at, len) in [(base, head), cells[0], cells[1]] {
        let inside = at.checked_sub(base).filter(|start| start + len <= region.len);
        if let Some(start) = inside.filter(|_| len > 0) {
            let _ = region.protect(start..start + len, MprotectFlags::READ | MprotectFlags::WRITE);
        }
    }
}

/// A word of this process's segment, without the store.
pub(crate) fn word(word: Word) -> Option<&'static AtomicU64> {
    if CURRENT.head.load(Ordering::Acquire) < LOG_OFF {
        return None;
    }
    // SAFETY: in the second page, below `head`, which is accessible in every segment and after every `let_go`.
    CURRENT.region().map(|region| unsafe { region.word(word.offset()) })
}

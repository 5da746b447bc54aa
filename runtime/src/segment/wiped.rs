//! Words that the kernel sets to 0 in a child before any fork handler runs.
//!
//! Our handler is not the first one in a child: handlers of other libraries that were registered
//! earlier run before it, and may record. The limit of shard 0 is one of these words, so what they
//! record in shard 0 takes the slow path, where the mark shows that this is a child. For other
//! shards, `prepare` sets the limit of the forking thread to 0.
//!
//! A kernel without this feature (before Linux 4.14) never wipes. Then such handlers record in
//! their parent's shard 0, by atomic additions, and no count is lost.
#![expect(unsafe_code, reason = "advice about a static")]

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::kernel::mm::Advice;
use crate::kernel::mm::madvise;

/// As large as the largest page, and aligned to it, so that nothing else is wiped.
#[cfg_attr(all(target_os = "linux", target_arch = "x86_64"), repr(C, align(4096)))]
#[cfg_attr(all(target_os = "linux", not(target_arch = "x86_64")), repr(C, align(65536)))]
pub(super) struct Page {
    /// The limit of shard 0.
    pub(super) limit: AtomicU32,
    /// 1 in the process that stored it.
    mark: AtomicU32,
}

pub(super) static PAGE: Page = Page { limit: AtomicU32::new(0), mark: AtomicU32::new(0) };

/// Whether the kernel wipes the page in children.
static IS_WIPED: AtomicBool = AtomicBool::new(false);

/// Asks the kernel to wipe the page in the children of this process, and in theirs.
pub(crate) fn arm() {
    PAGE.mark.store(1, Ordering::Relaxed);
    let page = core::ptr::from_ref(&PAGE).cast_mut().cast();
    // SAFETY: pages of a static of ours, which hold nothing else. In this process nothing changes,
    // and the atomics in them may be 0.
    let wiped = unsafe { madvise(page, size_of::<Page>(), Advice::LinuxWipeOnFork) };
    IS_WIPED.store(wiped.is_ok(), Ordering::Release);
}

/// Whether this is a child in which [`mark`] was not called yet.
#[inline]
pub(crate) fn is_wiped() -> bool {
    PAGE.mark.load(Ordering::Relaxed) == 0 && IS_WIPED.load(Ordering::Acquire)
}

/// Marks this process as initialised after the fork.
pub(crate) fn mark() {
    PAGE.mark.store(1, Ordering::Relaxed);
}

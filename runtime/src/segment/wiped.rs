//! Words that a child finds to be 0 from its first instruction on, before any fork handler has run.
//!
//! Our handler is not the first one in a child: others were registered before it, and may record.
//! The
//! limit of shard 0 is one of the words, so what they record in it goes out of line, where the mark
//! tells that this is a child. Of other shards `prepare` takes the limit from the thread that
//! forks.
//!
//! A kernel that can't do it (before Linux 4.14) never wipes: then such handlers record in their
//! parent's shard 0, by atomic additions, and no count is lost.
#![expect(unsafe_code, reason = "advice about a static")]

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use rustix::mm::Advice;
#[cfg(not(miri))]
use rustix::mm::madvise;

#[cfg(miri)]
use crate::no_kernel::madvise;

/// As large as a page may be, so that nothing else is wiped: it has pages of its own.
#[cfg_attr(target_arch = "x86_64", repr(C, align(4096)))]
#[cfg_attr(not(target_arch = "x86_64"), repr(C, align(65536)))]
pub(super) struct Page {
    /// Of shard 0.
    pub(super) limit: AtomicU32,
    /// 1 in the process that stored it.
    mark: AtomicU32,
}

pub(super) static PAGE: Page = Page { limit: AtomicU32::new(0), mark: AtomicU32::new(0) };

/// Whether the kernel wipes it.
static IS_WIPED: AtomicBool = AtomicBool::new(false);

/// Asks the kernel to wipe the page in children, of this process and of theirs.
pub(crate) fn arm() {
    PAGE.mark.store(1, Ordering::Relaxed);
    let page = core::ptr::from_ref(&PAGE).cast_mut().cast();
    // SAFETY: pages of a static of ours, which hold nothing else. In this process nothing changes,
    // and
    // the atomics in them may be 0.
    let wiped = unsafe { madvise(page, size_of::<Page>(), Advice::LinuxWipeOnFork) };
    IS_WIPED.store(wiped.is_ok() && !cfg!(miri), Ordering::Release);
}

/// Whether this is a child in which nobody has called [`mark`] yet.
#[inline]
pub(crate) fn is_wiped() -> bool {
    PAGE.mark.load(Ordering::Relaxed) == 0 && IS_WIPED.load(Ordering::Acquire)
}

/// This process knows that it is another one.
pub(crate) fn mark() {
    PAGE.mark.store(1, Ordering::Relaxed);
}

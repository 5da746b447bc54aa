//! The number of forks between the program's first process and this one.
//!
//! What was begun in one epoch must not be ended in another: the end of a call, a turn at a lock, a
//! look at this process's own memory.

use core::sync::atomic::{AtomicU32, Ordering};

/// Forks between the program's first process and this one. What was begun in one epoch must not be
/// ended in another.
static EPOCH: AtomicU32 = AtomicU32::new(0);

#[inline]
pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}

/// For the fork handler, in the child.
pub(crate) fn begin_epoch() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}
